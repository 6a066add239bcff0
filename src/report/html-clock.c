/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day of the recording, in the page. */
#include "report/clocks.h"
#include "report/html-internal.h"

static void add_breaks(struct report_page *p, const struct wallclock_clock *c)
{
	buf_adds(p->out, "<ol class=\"breaks\">\n");
	for (size_t i = 0; i < c->n_breaks; i++) {
		AUTO(buf_free) struct buf b = BUF(1 << 16);
		report_break_text(c, &c->breaks[i], &b);
		buf_adds(p->out, "<li>");
		report_page_time(p, c->breaks[i].after);
		buf_adds(p->out, " <span dir=\"auto\">");
		report_page_text(p, buf_str(&b));
		buf_adds(p->out, "</span></li>\n");
	}
	buf_adds(p->out, "</ol>\n");
}

void report_page_clock(struct report_page *p)
{
	const struct wallclock *w = p->r->clock;
	if (!report_clock_is_listed(p->r))
		return;
	buf_adds(p->out, "<section id=\"clock\" aria-labelledby=\"h-clock\"><h2 id=\"h-clock\">Time of "
	                 "day</h2>\n");
	if (!report_is_empty(w->fault)) {
		buf_adds(p->out, "<p class=\"note\" dir=\"auto\">");
		report_page_text(p, w->fault);
		buf_adds(p->out, "</p>\n");
	}
	for (size_t i = 0; i < w->n_clocks; i++) {
		AUTO(buf_free) struct buf b = BUF(1 << 16);
		report_clock_text(&w->clocks[i], &b);
		buf_adds(p->out, "<p dir=\"auto\">");
		report_page_text(p, buf_str(&b));
		buf_adds(p->out, ".</p>\n");
		if (w->clocks[i].n_breaks)
			add_breaks(p, &w->clocks[i]);
	}
	buf_adds(p->out, "</section>\n");
}
