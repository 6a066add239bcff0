/* SPDX-License-Identifier: Apache-2.0 */
/* report.md: the same as the page in short, to read in a terminal or on a
 * forge. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "report/checks.h"
#include "report/clocks.h"
#include "report/provenance.h"
#include "report/said.h"
#include "report/second.h"
#include "report/subject-text.h"
#include "report/summary.h"

/* Foreign text within a line. */
static void md_text(struct buf *out, const char *s)
{
	AUTO(mem_freep) char *line = report_line(s, 0);
	text_markdown(out, line);
}

/* Foreign text of several lines, which stay apart: as paragraphs, or as a list. */
static void md_lines(struct buf *out, const char *s, bool list)
{
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2);
	report_visible(&b, s);
	for (char *p = b.data, *next; p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		if (!*p)
			continue;
		buf_adds(out, list ? "- " : "");
		report_markdown_line(out, p);
		buf_adds(out, list ? "\n" : "\n\n");
	}
	if (list)
		buf_adds(out, "\n");
}

static void md_notes(const struct report *r, const struct report_sums *s, struct buf *out)
{
	char n[CLOCK_TEXT_MAX], a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (r->demo_model)
		buf_adds(
			out,
			"> **Made with the demo model**, which understands only vdet's own drawn scenes: on "
			"any other "
			"video its answers are meaningless.\n\n");
	if (s->holes)
		buf_addf(
			out,
			"> **Not complete:** %s, together %s long, of which nothing is known; see Holes.\n\n",
			report_plural(s->holes, "hole", n), clock_short(s->lost, a));
	else if (!r->complete && !r->n_left_out)
		buf_adds(out, "> **Not complete:** the work on this video was not finished.\n\n");
	if (r->n_left_out) {
		buf_adds(out, "> **Not complete.** ");
		report_left_out_text(r, out);
		buf_adds(out, ".\n\n");
	}
	if (report_count_missed(r)) {
		buf_adds(out, "> **Activity that was not shown to the model:** ");
		report_missed_text(r, out);
		buf_adds(out, ".\n\n");
	}
	if (s->damaged) {
		buf_adds(out, "> **Damaged frames:** ");
		report_damaged_text(s, out);
		buf_adds(out, ".\n\n");
	}
	if (r->different) {
		buf_adds(out, "> **Workers that do not agree:** ");
		report_twice_text(r, out);
		buf_adds(out, ".\n\n");
	}
	if (!report_is_empty(r->source_warning)) {
		buf_adds(out, "> **The file has errors:** ");
		md_text(out, r->source_warning);
		buf_adds(out, "\n\n");
	}
	if (r->from > 0 || r->to < r->duration)
		buf_addf(out, "> Only %s to %s was analyzed.\n\n", clock_text(r->from, a),
		         clock_text(r->to, b));
}

/* Each with the times of its events. */
static void md_sentences(const struct report *r, const struct story_section *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		AUTO(buf_free) struct buf b = BUF(1 << 16);
		report_sentence_text(r, &s->sentences[i], &b);
		buf_adds(out, "- ");
		report_markdown_line(out, buf_str(&b));
		buf_adds(out, "\n");
	}
	buf_adds(out, "\n");
}

static void md_section(const struct report *r, const struct story_section *s, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	buf_addf(out, "### %s – %s\n\n", clock_short(s->start, a), clock_short(s->end, b));
	if (!report_is_empty(s->fallback)) {
		buf_adds(out, "*The events themselves: ");
		report_markdown_line(out, s->fallback);
		buf_adds(out, "*\n\n");
	}
	md_sentences(r, s, out);
}

static void md_head(const struct report *r, const struct report_sums *s, struct buf *out)
{
	char size[TEXT_SIZE_MAX], t[CLOCK_TEXT_MAX], n[CLOCK_TEXT_MAX], m[CLOCK_TEXT_MAX];
	buf_adds(out, "# ");
	md_text(out, report_is_empty(r->source_name) ? "Video" : r->source_name);
	buf_addf(out, "\n\n%s · %d×%d ", clock_short(r->duration, t), r->width, r->height);
	md_text(out, r->codec);
	if (r->fps > 0)
		buf_addf(out, " · %.5g fps", r->fps);
	buf_addf(out, " · %s · %s, %s", text_size((double)r->source_size, size),
	         report_plural(r->n_chunks, "chunk", n), report_plural(r->n_events, "event", m));
	if (report_count_anomalies(r))
		buf_addf(out, ", anomalies: %zu", report_count_anomalies(r));
	buf_adds(out, "\n\n");
	md_notes(r, s, out);
	buf_adds(out, "## Summary\n\n");
	if (!r->summary_by_model) {
		buf_adds(out, "*The plain timeline; no summary of the whole was written");
		if (!report_is_empty(r->summary_fallback)) {
			buf_adds(out, ": ");
			md_text(out, r->summary_fallback);
		}
		buf_adds(out, "*\n\n");
	}
	if (r->summary_by_model && r->sentences.whole.n)
		md_sentences(r, &r->sentences.whole, out);
	else
		md_lines(out, r->summary, !r->summary_by_model);
	for (size_t i = 0; i < r->sentences.n_sections; i++)
		md_section(r, &r->sentences.sections[i], out);
}

static void md_times(int64_t start, int64_t end, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	buf_addf(out, "**%s**", clock_text(start, t));
	if (end > start)
		buf_addf(out, " – %s", clock_text(end, t));
	buf_adds(out, " ");
}

static void md_clock_at(const struct report *r, int64_t time, struct buf *out)
{
	char text[WALLCLOCK_TEXT_MAX];
	if (*report_clock_at(r, time, text))
		buf_addf(out, "(%s) ", text);
}

static void md_frames(const struct report *r, const struct report_part *p, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	buf_addf(out, " *(chunk %zu; frames", p->chunk + 1);
	for (size_t k = 0; k < p->n_samples; k++) {
		const struct report_sample *s = report_evidence(r, p, k);
		if (s)
			buf_addf(out, " %s", report_exact(s->pts, t));
	}
	buf_adds(out, ")*\n");
}

static void md_whose(const struct report_event *e, struct buf *out)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	if (!e->subject)
		return;
	report_subject_text(e->subject, &b);
	buf_adds(out, " *(");
	md_text(out, buf_str(&b));
	buf_adds(out, ")*");
}

/* With the frames of its parts, below it where there are several. */
static void md_event(const struct report *r, const struct report_event *e, struct buf *out)
{
	buf_adds(out, "- ");
	md_times(e->start, e->end, out);
	md_clock_at(r, e->start, out);
	md_text(out, e->what);
	for (size_t i = 0; i < e->n_parts; i++)
		if (!report_is_empty(e->parts[i].quote)) {
			buf_adds(out, " cites “");
			md_text(out, e->parts[i].quote);
			buf_adds(out, "”");
		}
	md_whose(e, out);
	report_markdown_verdict(out, report_event_verdict(e));
	if (r->detail == REPORT_LOW) {
		buf_adds(out, "\n");
		return;
	}
	if (e->n_parts == 1) {
		md_frames(r, &e->parts[0], out);
		return;
	}
	buf_adds(out, "\n");
	for (size_t i = 0; i < e->n_parts; i++) {
		buf_adds(out, "    - ");
		md_times(e->parts[i].start, e->parts[i].end, out);
		md_text(out, e->parts[i].what);
		if (i && e->parts[i].by_model)
			buf_adds(out, " *(joined by the model)*");
		report_markdown_verdict(out, check_verdict_name(e->parts[i].check.verdict));
		md_frames(r, &e->parts[i], out);
	}
}

static void md_withdrawn(const struct report *r, struct buf *out)
{
	if (!r->n_withdrawn)
		return;
	if (r->detail == REPORT_LOW) {
		report_withdrawn_text(r, out);
		buf_adds(out, ", left out.\n\n");
		return;
	}
	buf_adds(out, "## Withdrawn\n\n");
	report_withdrawn_text(r, out);
	buf_adds(out, ".\n\n");
	for (size_t i = 0; i < r->n_withdrawn; i++) {
		const struct report_event *e = &r->withdrawn[i];
		md_event(r, e, out);
		buf_addf(out, "    - Check: %s\n", report_check_says(&e->parts[0].check));
	}
	buf_adds(out, "\n");
}

static void md_states(const struct report *r, struct buf *out)
{
	if (!r->n_states)
		return;
	if (r->detail == REPORT_LOW) {
		report_states_text(r, out);
		buf_adds(out, ", left out.\n\n");
		return;
	}
	buf_adds(out, "## States\n\nWhat only stays as it is.\n\n");
	for (size_t i = 0; i < r->n_states; i++)
		md_event(r, &r->states[i], out);
	buf_adds(out, "\n");
}

static void md_anomalies(const struct report *r, struct buf *out)
{
	struct report_anomaly a;
	char t[CLOCK_TEXT_MAX], u[CLOCK_TEXT_MAX];
	buf_adds(out, "## Anomalies\n\n");
	report_anomalies_text(r, out);
	if (report_count_anomalies(r))
		buf_adds(out, "\n\n| kind | start | end | |\n|---|---|---|---|");
	for (size_t i = 0; report_anomaly(r, i, &a); i++) {
		buf_addf(out, "\n| ");
		md_text(out, a.kind);
		buf_addf(out, " | %s | %s | ", clock_text(a.start, t), clock_text(a.end, u));
		md_text(out, a.text);
		buf_adds(out, " |");
	}
	buf_adds(out, "\n\n");
}

static void md_subject(const struct report_subject *s, struct buf *out)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20), possible = BUF(1 << 16);
	char t[CLOCK_TEXT_MAX];
	report_subject_text(s, &b);
	report_possible_text(s, &possible);
	buf_adds(out, "- **");
	md_text(out, buf_str(&b));
	buf_adds(out, "**");
	for (size_t i = 0; i < s->n_intervals; i++) {
		buf_addf(out, "%s %s", i ? "," : "", clock_text(s->intervals[i].start, t));
		if (s->intervals[i].end > s->intervals[i].start)
			buf_addf(out, " – %s", clock_text(s->intervals[i].end, t));
	}
	buf_addf(out, "%s%s\n", possible.len ? "; " : "", buf_str(&possible));
}

static void md_subjects(const struct report *r, struct buf *out)
{
	size_t n = report_count_not_applied(r);
	if (!r->n_subjects && !n)
		return;
	buf_adds(out, "## Subjects\n\n");
	for (size_t i = 0; i < r->n_subjects; i++)
		md_subject(&r->subjects[i], out);
	buf_adds(out, r->n_subjects ? "\n" : "");
	if (n)
		buf_adds(out, "Edits that were not applied:\n\n");
	for (size_t i = 0; n && i < r->n_subject_edits; i++) {
		AUTO(buf_free) struct buf b = BUF(1 << 20);
		if (!r->subject_edits[i].fault)
			continue;
		report_edit_text(&r->subject_edits[i], &b);
		buf_adds(out, "- ");
		md_text(out, buf_str(&b));
		buf_adds(out, "\n");
	}
	buf_adds(out, n ? "\n" : "");
}

static void md_events(const struct report *r, struct buf *out)
{
	buf_addf(out, "## Events\n\n%s", r->n_events ? "" : "None.\n");
	for (size_t i = 0; i < r->n_events; i++)
		md_event(r, &r->events[i], out);
	buf_adds(out, "\n");
	md_states(r, out);
	md_withdrawn(r, out);
}

static void md_second(const struct report_chunk *c, struct buf *out)
{
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	report_second_text(&c->second, &text);
	if (!text.len)
		return;
	buf_adds(out, " *(");
	md_text(out, buf_str(&text));
	buf_adds(out, ")*");
}

static void md_chunks(const struct report *r, const struct report_sums *s, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (s->holes)
		buf_adds(out, "## Holes\n\n");
	for (size_t i = 0; s->holes && i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		if (c->state != CHUNK_HOLE)
			continue;
		buf_addf(out, "- **%s – %s** (chunk %zu) ", clock_text(c->start, a), clock_text(c->end, b),
		         i + 1);
		md_text(out, c->reason);
		buf_adds(out, "\n");
	}
	buf_addf(out, "%s## Chunks\n\n", s->holes ? "\n" : "");
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		buf_addf(out, "%zu. **%s – %s** ", i + 1, clock_text(c->start, a), clock_text(c->end, b));
		if (c->state == CHUNK_HOLE)
			buf_adds(out, "*hole*");
		else
			md_text(out, c->summary);
		if (c->withdrawn) {
			buf_adds(out, " *(");
			report_chunk_note(c, out);
			buf_adds(out, ")*");
		}
		md_second(c, out);
		buf_adds(out, "\n");
	}
	buf_adds(out, "\n");
}

static void md_said_source(const struct store_text_source *s, struct buf *out)
{
	AUTO(mem_freep) char *name = report_said_source(s);
	buf_adds(out, "- ");
	md_text(out, name);
	if (s->track >= 0)
		buf_addf(out, ": %zu", s->n);
	if (!report_is_empty(s->fault)) {
		buf_adds(out, "; not complete: ");
		md_text(out, s->fault);
	}
	buf_adds(out, "\n");
}

static void md_segment(const struct store_segment *s, struct buf *out)
{
	char at[CLOCK_TEXT_MAX];
	buf_addf(out, "- **%s** (%s, track %d", clock_text(s->start, at), s->kind, s->track);
	if (said_is_recognized(s->kind) && s->conf >= 0)
		buf_addf(out, ", %.0f %%", 100 * s->conf);
	buf_adds(out, ") ");
	md_text(out, s->who);
	buf_adds(out, *s->who ? ": " : "");
	md_text(out, s->text);
	buf_adds(out, "\n");
}

static void md_dropped(const struct store_transcript *t, const char *kinds, struct buf *out)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	report_dropped_text(t, kinds, &b);
	if (!b.len)
		return;
	md_text(out, buf_str(&b));
	buf_adds(out, ".\n\n");
}

/* One of the two lists. */
static void md_texts(const struct report *r, const char *kinds, const char *head, const char *note,
                     struct buf *out)
{
	const struct store_transcript *t = &r->said;
	const struct said_choice c = {kinds, SAID_ALL};
	size_t n = 0;
	if (!said_is_listed(t, kinds))
		return;
	buf_addf(out, "## %s\n\n%s\n\n", head, note);
	for (size_t i = 0; i < t->n_sources; i++)
		if (said_has_kind(&c, t->sources[i].kind) && report_said_source_shown(t, i))
			md_said_source(&t->sources[i], out);
	buf_adds(out, "\n");
	for (size_t i = 0; i < t->n_segments; i++)
		if (said_has(&c, &t->segments[i]) && n++ < SAID_SHOWN)
			md_segment(&t->segments[i], out);
	if (n > SAID_SHOWN)
		buf_addf(out, "- and %zu more; \"vdet transcript --kind %s %s\" prints all\n",
		         n - SAID_SHOWN, kinds, r->job);
	buf_adds(out, n ? "\n" : "");
	md_dropped(t, kinds, out);
}

static void md_said(const struct report *r, struct buf *out)
{
	md_texts(r, "said", "Said", SAID_NOTE, out);
	md_texts(r, "written", "Written", WRITTEN_NOTE, out);
}

static void md_clock(const struct report *r, struct buf *out)
{
	const struct wallclock *w = r->clock;
	char at[CLOCK_TEXT_MAX];
	if (!report_clock_is_listed(r))
		return;
	buf_adds(out, "## Time of day\n\n");
	if (!report_is_empty(w->fault)) {
		md_text(out, w->fault);
		buf_adds(out, "\n\n");
	}
	for (size_t i = 0; i < w->n_clocks; i++) {
		const struct wallclock_clock *c = &w->clocks[i];
		AUTO(buf_free) struct buf b = BUF(1 << 16);
		report_clock_text(c, &b);
		buf_adds(out, "- ");
		md_text(out, buf_str(&b));
		buf_adds(out, "\n");
		for (size_t k = 0; k < c->n_breaks; k++) {
			AUTO(buf_free) struct buf text = BUF(1 << 16);
			report_break_text(c, &c->breaks[k], &text);
			buf_addf(out, "    - **%s** ", clock_text(c->breaks[k].after, at));
			md_text(out, buf_str(&text));
			buf_adds(out, "\n");
		}
	}
	buf_adds(out, "\n");
}

struct md_table {
	struct buf *out;
	const char *group;
};

static void md_row(void *ctx, const struct report_row *row)
{
	struct md_table *t = ctx;
	if (!t->group || strcmp(t->group, row->group) != 0)
		buf_addf(t->out, "\n\n### %s\n\n| | |\n|---|---|", row->group);
	t->group = row->group;
	buf_adds(t->out, "\n| ");
	md_text(t->out, row->name);
	buf_adds(t->out, " | ");
	md_text(t->out, row->value);
	buf_adds(t->out, " |");
}

static void md_made(const struct report *r, const struct report_sums *s, struct buf *out)
{
	buf_adds(out, "## How this was made\n\n");
	report_coverage_text(r, s, out);
	if (!report_is_empty(r->plan.policy)) {
		buf_adds(out, "\n\n");
		report_plan_text(r, out);
	}
	report_made_each(r, s, md_row, &(struct md_table){.out = out});
	buf_adds(out, "\n");
}

int report_markdown(const struct report *r, struct buf *out, struct err *err)
{
	struct report_sums s;
	report_sum(r, &s);
	md_head(r, &s, out);
	md_events(r, out);
	md_subjects(r, out);
	md_said(r, out);
	md_clock(r, out);
	md_anomalies(r, out);
	md_chunks(r, &s, out);
	md_made(r, &s, out);
	return buf_check(out, "report.md", err);
}
