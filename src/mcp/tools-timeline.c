/* SPDX-License-Identifier: Apache-2.0 */
/* The tool get_timeline: what the model reported of a video, and what it did
 * not see. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "mcp/tools-internal.h"
#include "report/report.h"
#include "report/text.h"

enum {
	NAME_MAX_BYTES = 300,
	TEXT_MAX = 2000,
	WHOLE_MAX = 20000,
	STRETCHES_MAX = 500,
	SENTENCE_MAX = 1000
};

/* ---- events */

/* The pts of the frames that show it, each once, in order of its parts. */
static json_t *frames_json(const struct report *r, const struct report_event *e)
{
	json_t *all = json_array();
	int64_t last = -1;
	for (size_t i = 0; i < e->n_parts; i++)
		for (size_t k = 0; k < e->parts[i].n_samples; k++) {
			const struct report_sample *s = report_evidence(r, &e->parts[i], k);
			if (s && s->pts > last)
				json_array_append_new(all, json_integer(last = s->pts));
		}
	return all;
}

static json_t *event_json(const struct report *r, const struct report_event *e)
{
	const char *subject = e->subject && *e->subject->name ? e->subject->name : report_subject(e);
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:s, s:o}", "start", tool_seconds(e->start), "end",
	                 tool_seconds(e->end), "state", (int)e->state, "subject",
	                 tool_data(subject, NAME_MAX_BYTES), "text", tool_data(e->what, TEXT_MAX),
	                 "verdict", check_verdict_name(e->parts[0].check.verdict), "frames",
	                 frames_json(r, e));
}

struct range {
	int64_t from, to; /* to 0 = the end */
};

static bool overlaps(const struct range *range, int64_t start, int64_t end)
{
	return end >= range->from && (!range->to || start <= range->to);
}

/* Events and states together, in order of start. */
static json_t *timeline(const struct report *r, const struct range *range, int64_t skip,
                        int64_t limit, bool *ret_more)
{
	json_t *all = json_array();
	size_t i = 0, k = 0;
	*ret_more = false;
	while (!*ret_more && (i < r->n_events || k < r->n_states)) {
		bool state =
			i == r->n_events || (k < r->n_states && r->states[k].start < r->events[i].start);
		const struct report_event *e = state ? &r->states[k++] : &r->events[i++];
		if (!overlaps(range, e->start, e->end) || skip-- > 0)
			continue;
		*ret_more = (int64_t)json_array_size(all) == limit;
		if (!*ret_more)
			json_array_append_new(all, event_json(r, e));
	}
	return all;
}

/* ---- what the model did not see */

/* A list of times, each with a sentence, and how many it has no room for. */
struct stretches {
	json_t *list;
	size_t more;
};

/* Takes `item`, which becomes one with times and a sentence: "From 00:01:10.000
 * to 00:01:11.000 " and `what`. */
static void add_stretch(struct stretches *to, int64_t start, int64_t end, const char *what,
                        json_t *item)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	AUTO(mem_freep)
	char *note = mem_printf("From %s to %s %s", clock_text(start, a), clock_text(end, b), what);
	if (json_array_size(to->list) == STRETCHES_MAX) {
		to->more++;
		json_decref(item);
		return;
	}
	json_object_set_new(item, "start", tool_seconds(start));
	json_object_set_new(item, "end", tool_seconds(end));
	json_object_set_new(item, "note", json_string(note));
	json_array_append_new(to->list, item);
}

/* Bursts of activity, also those that the journal only counts. */
static struct stretches find_missed(const struct report *r, const struct range *range)
{
	struct stretches all = {json_array(), report_count_missed(r) - r->plan.n_missed};
	for (size_t i = 0; i < r->plan.n_missed; i++) {
		const struct report_stretch *m = &r->plan.missed[i];
		if (overlaps(range, m->start, m->end))
			add_stretch(&all, m->start, m->end,
			            "the picture changes in an unusual way, and no frame that the model saw "
			            "shows it.",
			            json_object());
	}
	return all;
}

static void add_unseen(struct stretches *to, const struct range *range, int64_t start, int64_t end,
                       const char *kind, const char *reason)
{
	static const struct {
		const char *kind, *what;
	} kinds[] = {
		{"failed", "nothing is known: describing this part failed."},
		{"left-out", "nothing is known: the given plan leaves this part out."},
		{"no-pictures", "the recording has no pictures."},
		{"outside", "nothing was analyzed: only another part of the video was to be."},
	};
	size_t i = ARRAY_LEN(kinds) - 1;
	if (start >= end || !overlaps(range, start, end))
		return;
	while (i && strcmp(kinds[i].kind, kind) != 0)
		i--;
	add_stretch(
		to, start, end, kinds[i].what,
		json_pack("{s:s, s:o}", "kind", kinds[i].kind, "reason", tool_data(reason, TEXT_MAX)));
}

/* Where the clock of the file shows that frames are missing. */
static void add_gaps(struct stretches *to, const struct report *r, const struct range *range)
{
	json_t *gap;
	size_t i;
	json_array_foreach (r->source_gaps, i, gap) {
		int64_t end = json_integer_value(json_object_get(gap, "time_us"));
		int64_t length = json_integer_value(json_object_get(gap, "to_us")) -
		                 json_integer_value(json_object_get(gap, "from_us"));
		if (!json_is_true(json_object_get(gap, "closed")))
			add_unseen(to, range, end - length, end, "no-pictures",
			           "time without pictures in the file");
	}
}

static struct stretches find_unseen(const struct report *r, const struct range *range)
{
	struct stretches all = {json_array(), 0};
	for (size_t i = 0; i < r->n_chunks; i++)
		if (r->chunks[i].state == CHUNK_HOLE)
			add_unseen(&all, range, r->chunks[i].start, r->chunks[i].end, "failed",
			           r->chunks[i].reason);
	for (size_t i = 0; i < r->n_left_out; i++)
		add_unseen(&all, range, r->left_out[i].start, r->left_out[i].end, "left-out",
		           "left out by the given plan");
	add_gaps(&all, r, range);
	add_unseen(&all, range, 0, r->from, "outside", "before the part that was analyzed");
	add_unseen(&all, range, r->to, r->duration, "outside", "after the part that was analyzed");
	return all;
}

/* Adds both lists, and how densely the model looked. */
static void add_coverage(json_t *to, const struct report *r, const struct range *range)
{
	AUTO(buf_free) struct buf sentence = BUF(SENTENCE_MAX);
	struct stretches missed = find_missed(r, range), unseen = find_unseen(r, range);
	struct report_sums sums;
	report_sum(r, &sums);
	report_coverage_text(r, &sums, &sentence);
	json_object_set_new(to, "missed", missed.list);
	json_object_set_new(to, "missed_more", json_integer((json_int_t)missed.more));
	json_object_set_new(to, "not_seen", unseen.list);
	json_object_set_new(to, "not_seen_more", json_integer((json_int_t)unseen.more));
	json_object_set_new(to, "longest_gap", tool_seconds(sums.max_gap));
	json_object_set_new(to, "longest_gap_start", tool_seconds(sums.max_gap_start));
	json_object_set_new(to, "coverage", json_string(buf_str(&sentence)));
}

int tool_get_timeline(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	AUTO(report_freep) struct report *report = NULL;
	const struct mcp_video *v = NULL;
	const struct range range = {tool_time(c, "from", 0), tool_time(c, "to", 0)};
	bool more;
	int r = library_load(&c->tools->setup, c->call->cancel, &l, err);
	if (r == 0)
		r = library_find(&l, tool_text(c, "video", ""), &v, err);
	if (r == 0)
		r = report_load_text(c->tools->setup.store, v->id, REPORT_NORMAL, &report, err);
	if (r < 0)
		return r;

	json_t *events =
		timeline(report, &range, tool_int(c, "skip", 0), tool_int(c, "limit", 100), &more);
	*ret = json_pack("{s:s, s:o, s:o, s:o, s:o, s:b}", "video", v->id, "name",
	                 tool_data(v->name, NAME_MAX_BYTES), "duration", tool_seconds(report->duration),
	                 "summary", tool_data(report->summary, WHOLE_MAX), "events", events, "more",
	                 (int)more);
	add_coverage(*ret, report, &range);
	return 0;
}
