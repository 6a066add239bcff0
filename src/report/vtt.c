/* SPDX-License-Identifier: Apache-2.0 */
/* report.vtt: a cue for each chunk, anomaly and event, for a player's <track
 * kind="chapters">. An event over several chunks is not nested in one of them,
 * as chapters should be; players show it all the same. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "report/checks.h"
#include "report/summary.h"
#include "report/text.h"

/* Players do not show cues without duration; an event with one frame gets this
 * duration. */
#define SHORTEST_CUE CLOCK_SECOND

/* In one line, with & < > escaped: the result contains no markup, no arrow and
 * no blank line. */
static void cue_text(struct buf *out, const char *s)
{
	AUTO(mem_freep) char *line = report_line(s, 0);
	for (const char *p = line; *p; p++) {
		switch (*p) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		default: buf_add(out, p, 1);
		}
	}
}

static void add_cue(struct buf *out, char kind, size_t number, int64_t start, int64_t end,
                    const char *text)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (start < 0)
		start = 0;
	if (end < start + SHORTEST_CUE)
		end = start + SHORTEST_CUE;
	buf_addf(out, "%c%zu\n%s --> %s\n", kind, number, clock_text(start, a), clock_text(end, b));
	if (report_is_empty(text))
		buf_adds(out, "(no description)");
	else
		cue_text(out, text);
	buf_adds(out, "\n\n");
}

/* The summary of a chunk may repeat what is withdrawn. */
static void add_chunk(struct buf *out, const struct report *r, size_t i)
{
	const struct report_chunk *c = &r->chunks[i];
	size_t number = i + 1;
	if (c->state == CHUNK_DONE) {
		AUTO(mem_freep) char *rest = c->withdrawn ? report_chunk_rest(r, i) : NULL;
		if (!rest || *rest)
			add_cue(out, 'c', number, c->start, c->end, rest ? rest : c->summary);
		return;
	}
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	buf_addf(out,
	         "NOTE Hole: nothing is known about %s to %s (chunk %zu): ", clock_text(c->start, a),
	         clock_text(c->end, b), number);
	cue_text(out, c->reason);
	buf_adds(out, "\n\n");
}

/* The lists of cues ascend, and so must all cues. */
struct cues {
	const struct report *r;
	size_t chunk, event, anomaly; /* of the next */
};

static bool next_cue(struct cues *n, struct buf *out)
{
	const struct report *r = n->r;
	struct report_anomaly a;
	bool anomaly = report_anomaly(r, n->anomaly, &a);
	int64_t chunk = n->chunk < r->n_chunks ? r->chunks[n->chunk].start : INT64_MAX;
	int64_t event = n->event < r->n_events ? r->events[n->event].start : INT64_MAX;
	int64_t other = anomaly && a.start < event ? a.start : event;
	if (n->chunk < r->n_chunks && chunk <= other) {
		add_chunk(out, r, n->chunk);
		n->chunk++;
	} else if (n->event < r->n_events && event <= other) {
		const struct report_event *e = &r->events[n->event++];
		add_cue(out, 'e', n->event, e->start, e->end, e->what);
	} else if (anomaly) {
		AUTO(mem_freep) char *text = mem_printf("Anomaly: %s", a.text);
		add_cue(out, 'a', ++n->anomaly, a.start, a.end, text);
	} else {
		return false;
	}
	return true;
}

int report_vtt(const struct report *r, struct buf *out, struct err *err)
{
	buf_adds(out, "WEBVTT\n\nNOTE Video: ");
	cue_text(out, r->source_name);
	buf_adds(
		out,
		"\n"
		"Cues c1, c2, … are chunks, e1, e2, … events, and a1, a2, … anomalies of the recording; "
		"those shorter than a second are shown for one."
		"\nreport.json has the exact times.\n\n");
	if (r->demo_model)
		buf_adds(
			out,
			"NOTE Made with the demo model, which understands only vdet's own drawn scenes.\n\n");
	if (r->n_left_out) {
		buf_adds(out, "NOTE ");
		report_left_out_text(r, out);
		buf_adds(out, ".\n\n");
	}
	if (report_count_missed(r)) {
		buf_adds(out, "NOTE ");
		report_missed_text(r, out);
		buf_adds(out, ".\n\n");
	}
	if (r->n_states) {
		buf_adds(out, "NOTE ");
		report_states_text(r, out);
		buf_adds(out, ", left out: see report.json.\n\n");
	}
	if (r->n_withdrawn) {
		buf_adds(out, "NOTE ");
		report_withdrawn_text(r, out);
		buf_adds(out, "; see report.json.\n\n");
	}
	struct cues cues = {.r = r};
	while (next_cue(&cues, out))
		;
	return buf_check(out, "report.vtt", err);
}
