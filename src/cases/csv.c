/* SPDX-License-Identifier: Apache-2.0 */
/* case.csv: the events of all videos, one a row, as in RFC 4180. */
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

static void add_event(struct buf *out, const struct case_video *v, const struct case_event *e)
{
	char t[CLOCK_TEXT_MAX], a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX],
		d[CLOCK_TEXT_MAX], f[CLOCK_TEXT_MAX];
	buf_adds(out, case_iso(case_time(v, e->start), t));
	buf_addf(out, ",%s", v->clock == STORE_CLOCK_METADATA ? "metadata" : "file");
	add_text(out, v->label);
	buf_addf(out, ",%s,%s,%s,%s", clock_text(e->start, a), clock_text(e->end, b),
	         report_seconds(e->start, c), report_seconds(e->end, d));
	add_text(out, e->subject);
	add_text(out, e->what);
	buf_addf(out, ",%zu,%s\r\n", e->chunk + 1, report_seconds(e->pts, f));
}

int case_csv(const struct case_report *r, struct buf *out, struct err *err)
{
	buf_adds(out, "time,clock,video,start,end,start_seconds,end_seconds,subject,what,chunk_number,"
	              "frame_pts_seconds\r\n");
	for (size_t i = 0; i < r->n_moments; i++) {
		const struct case_video *v = &r->videos[r->moments[i].video];
		add_event(out, v, &v->events[r->moments[i].event]);
	}
	return buf_check(out, "case.csv", err);
}
