/* SPDX-License-Identifier: Apache-2.0 */
/* report.csv: the events, one a row, as in RFC 4180. */
#include <inttypes.h>

#include "base/text.h"
#include "report/text.h"

static void add_event(struct buf *out, const struct report *r, const struct report_event *e)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX], d[CLOCK_TEXT_MAX];
	AUTO(buf_free) struct buf what = BUF(SIZE_MAX / 2), subject = BUF(SIZE_MAX / 2);
	report_visible(&what, e->what);
	report_visible(&subject, e->subject);
	buf_addf(out, "%s,%s,%s,%s,", clock_text(e->start, a), clock_text(e->end, b),
	         report_seconds(e->start, c), report_seconds(e->end, d));
	text_csv(out, buf_str(&subject));
	buf_adds(out, ",");
	text_csv(out, buf_str(&what));
	buf_addf(out, ",%zu,", e->chunk + 1);
	for (size_t k = 0, n = 0; k < e->n_samples; k++) {
		const struct report_sample *s = report_evidence(r, e, k);
		if (s)
			buf_addf(out, "%s%s", n++ ? " " : "", report_seconds(s->pts, a));
	}
	buf_adds(out, "\r\n");
}

int report_csv(const struct report *r, struct buf *out, struct err *err)
{
	buf_adds(out,
	         "start,end,start_seconds,end_seconds,subject,what,chunk_number,frame_pts_seconds\r\n");
	for (size_t i = 0; i < r->n_events; i++)
		add_event(out, r, &r->events[i]);
	return buf_check(out, "report.csv", err);
}
