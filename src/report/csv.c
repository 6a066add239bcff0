/* SPDX-License-Identifier: Apache-2.0 */
/* report.csv: what was left out, the holes, the activity without a frame, the
 * events, the states, what was withdrawn, the anomalies, what is said and
 * written, one a row, as in RFC 4180. */
#include <inttypes.h>

#include "base/text.h"
#include "report/checks.h"
#include "report/said.h"
#include "report/text.h"

/* The frames of the parts of one chunk after another; chunks as numbers from 1. */
static void add_frames(struct buf *out, const struct report *r, const struct report_event *e)
{
	char t[CLOCK_TEXT_MAX];
	size_t n = 0;
	for (size_t i = 0; i < e->n_parts; i++)
		if (!i || e->parts[i].chunk != e->parts[i - 1].chunk)
			buf_addf(out, "%s%zu", i ? " " : "", e->parts[i].chunk + 1);
	buf_adds(out, ",");
	for (size_t i = 0; i < e->n_parts; i++)
		for (size_t k = 0; k < e->parts[i].n_samples; k++) {
			const struct report_sample *s = report_evidence(r, &e->parts[i], k);
			if (s)
				buf_addf(out, "%s%s", n++ ? " " : "", report_seconds(s->pts, t));
		}
}

static void add_times(struct buf *out, const char *kind, int64_t start, int64_t end)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX], d[CLOCK_TEXT_MAX];
	buf_addf(out, "%s,%s,%s,%s,%s,", kind, clock_text(start, a), clock_text(end, b),
	         report_seconds(start, c), report_seconds(end, d));
}

static void add_event(struct buf *out, const struct report *r, const char *kind,
                      const struct report_event *e)
{
	AUTO(buf_free) struct buf what = BUF(SIZE_MAX / 2), subject = BUF(SIZE_MAX / 2);
	report_visible(&what, e->what);
	report_visible(&subject, report_subject(e));
	add_times(out, kind, e->start, e->end);
	text_csv(out, buf_str(&subject));
	buf_adds(out, ",");
	text_csv(out, buf_str(&what));
	buf_adds(out, ",");
	add_frames(out, r, e);
	buf_addf(out, ",%s,", report_event_verdict(e));
	if (e->subject)
		buf_addf(out, "%lld", (long long)e->subject->number);
	buf_adds(out, "\r\n");
}

/* What is not said by the model; `chunk`: its number, 0 = none. */
static void add_row(struct buf *out, const char *kind, int64_t start, int64_t end,
                    const char *subject, const char *text, size_t chunk)
{
	AUTO(mem_freep) char *what = report_line(text, 0);
	add_times(out, kind, start, end);
	text_csv(out, subject);
	buf_adds(out, ",");
	text_csv(out, what);
	buf_adds(out, ",");
	if (chunk)
		buf_addf(out, "%zu", chunk);
	buf_adds(out, ",,,\r\n");
}

/* Who speaks is the subject. */
static void add_texts(struct buf *out, const struct store_transcript *t)
{
	const struct said_choice said = {"said", SAID_ALL};
	for (size_t i = 0; i < t->n_segments; i++) {
		const struct store_segment *s = &t->segments[i];
		AUTO(mem_freep) char *who = report_line(s->who, 0);
		add_row(out, said_has(&said, s) ? s->kind : "written", s->start, s->end, who, s->text, 0);
	}
}

int report_csv(const struct report *r, struct buf *out, struct err *err)
{
	struct report_anomaly a;
	buf_adds(out, "kind,start,end,start_seconds,end_seconds,subject,what,chunk_numbers,"
	              "frame_pts_seconds,verdict,subject_number\r\n");
	for (size_t i = 0; i < r->n_left_out; i++)
		add_row(out, "left_out", r->left_out[i].start, r->left_out[i].end, "",
		        "left out by the given plan", 0);
	for (size_t i = 0; i < r->n_chunks; i++)
		if (r->chunks[i].state == CHUNK_HOLE)
			add_row(out, "hole", r->chunks[i].start, r->chunks[i].end, "", r->chunks[i].reason,
			        i + 1);
	for (size_t i = 0; i < r->plan.n_missed; i++)
		add_row(out, "missed", r->plan.missed[i].start, r->plan.missed[i].end, "",
		        "a burst of activity without a frame", 0);
	for (size_t i = 0; i < r->n_events; i++)
		add_event(out, r, "event", &r->events[i]);
	for (size_t i = 0; r->detail != REPORT_LOW && i < r->n_states; i++)
		add_event(out, r, "state", &r->states[i]);
	for (size_t i = 0; r->detail != REPORT_LOW && i < r->n_withdrawn; i++)
		add_event(out, r, "withdrawn", &r->withdrawn[i]);
	for (size_t i = 0; report_anomaly(r, i, &a); i++)
		add_row(out, "anomaly", a.start, a.end, a.kind, a.text, 0);
	add_texts(out, &r->said);
	return buf_check(out, "report.csv", err);
}
