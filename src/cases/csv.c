/* SPDX-License-Identifier: Apache-2.0 */
/* case.csv: what was not looked at, the events of all videos, what was
 * withdrawn, the anomalies, one a row, as in RFC 4180. */
#include <stdint.h>

#include "base/text.h"
#include "cases/writers.h"
#include "report/text.h"

static void add_text(struct buf *out, const char *s)
{
	AUTO(buf_free) struct buf visible = BUF(SIZE_MAX / 2);
	report_visible(&visible, s);
	buf_adds(out, ",");
	text_csv(out, buf_str(&visible));
}

/* Up to the times. */
static void add_times(struct buf *out, const char *kind, const struct case_video *v, int64_t start,
                      int64_t end)
{
	char t[CLOCK_TEXT_MAX], a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX],
		d[CLOCK_TEXT_MAX];
	buf_addf(out, "%s,%s,%s", kind, case_iso(case_time(v, start), t),
	         v->clock == STORE_CLOCK_METADATA ? "metadata" : "file");
	add_text(out, v->label);
	buf_addf(out, ",%s,%s,%s,%s", clock_text(start, a), clock_text(end, b),
	         report_seconds(start, c), report_seconds(end, d));
}

static void add_event(struct buf *out, const char *kind, const struct case_video *v,
                      const struct case_event *e)
{
	char t[CLOCK_TEXT_MAX];
	add_times(out, kind, v, e->start, e->end);
	add_text(out, e->subject);
	add_text(out, e->what);
	buf_addf(out, ",%zu,%s,%s,", e->chunk + 1, report_seconds(e->pts, t), e->verdict);
	if (e->number)
		buf_addf(out, "%lld", (long long)e->number);
	add_text(out, e->name ? e->name : "");
	buf_adds(out, "\r\n");
}

static void add_files(struct buf *out, const char *kind, const struct case_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		buf_addf(out, "%s,,", kind);
		add_text(out, f->items[i].name);
		buf_adds(out, ",,,,,");
		add_text(out, f->items[i].reason);
		buf_adds(out, ",,,,,\r\n");
	}
}

static void add_unseen(struct buf *out, const struct case_video *v)
{
	if (!*v->job) {
		add_times(out, "not_analyzed", v, 0, v->duration);
		buf_adds(out, ",");
		add_text(out, v->fault);
		buf_adds(out, ",,,,,\r\n");
	}
	for (size_t i = 0; i < v->n_left_out; i++) {
		add_times(out, "left_out", v, v->left_out[i].start, v->left_out[i].end);
		buf_adds(out, ",,left out by the given plan,,,,,\r\n");
	}
	for (size_t i = 0; i < v->n_holes; i++) {
		add_times(out, "hole", v, v->holes[i].start, v->holes[i].end);
		buf_adds(out, ",");
		add_text(out, v->holes[i].reason);
		buf_addf(out, ",%zu,,,,\r\n", v->holes[i].chunk + 1);
	}
}

static void add_anomaly(struct buf *out, const struct case_video *v, const struct case_anomaly *a)
{
	add_times(out, "anomaly", v, a->start, a->end);
	add_text(out, a->kind);
	add_text(out, a->text);
	buf_adds(out, ",,,,,\r\n");
}

int case_csv(const struct case_report *r, struct buf *out, struct err *err)
{
	buf_adds(out, "kind,time,clock,video,start,end,start_seconds,end_seconds,subject,what,"
	              "chunk_number,frame_pts_seconds,verdict,subject_number,subject_name\r\n");
	add_files(out, "failed_file", &r->faults);
	add_files(out, "skipped_file", &r->skipped);
	for (size_t i = 0; i < r->n_videos; i++)
		add_unseen(out, &r->videos[i]);
	for (size_t i = 0; i < r->n_moments; i++) {
		const struct case_video *v = &r->videos[r->moments[i].video];
		add_event(out, "event", v, &v->events[r->moments[i].event]);
	}
	for (size_t i = 0; i < r->n_videos; i++)
		for (size_t k = 0; k < r->videos[i].n_withdrawn; k++)
			add_event(out, "withdrawn", &r->videos[i], &r->videos[i].withdrawn[k]);
	for (size_t i = 0; i < r->n_videos; i++)
		for (size_t k = 0; k < r->videos[i].n_anomalies; k++)
			add_anomaly(out, &r->videos[i], &r->videos[i].anomalies[k]);
	return buf_check(out, "case.csv", err);
}
