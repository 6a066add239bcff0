/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes below the strip: when something is said, and when something is
 * written in the picture. A mark leads to its text in the list. With what the
 * strip has in common with them. */
#include <math.h>

#include "report/html-internal.h"
#include "report/said.h"

enum {
	LANE_H = 28, /* its name, and the marks below it */
	NAME_H = 14,
	MARKS_H = 10,
	SINGLE_MAX = 400, /* more texts than that are joined in columns */
	COLUMNS = 400,
	TIP_MAX = 160,
};
#define NARROWEST 0.2 /* per cent */

double report_page_across(const struct report *r, int64_t t)
{
	double span = (double)(r->to - r->from), x = span > 0 ? 100 * (double)(t - r->from) / span : 0;
	return fmin(fmax(x, 0), 100);
}

void report_page_tip(struct report_page *p, const char *s)
{
	AUTO(mem_freep) char *line = report_line(s, TIP_MAX);
	buf_adds(p->out, "<text class=\"tip\" x=\"0\" y=\"15\">");
	report_page_text(p, line);
	buf_adds(p->out, "</text></a>");
}

static const char *const lanes[] = {"said", "written"};

int report_page_lanes_height(const struct report *r)
{
	int height = 0;
	for (size_t i = 0; i < ARRAY_LEN(lanes); i++)
		height += said_count(&r->said, lanes[i]) ? LANE_H : 0;
	return height;
}

/* `number`: of the text in its list, of which not all are shown. */
static void draw_mark(struct report_page *p, const char *lane, size_t i, size_t number, double x,
                      double w, int y)
{
	const struct store_segment *s = &p->r->said.segments[i];
	char t[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *tip = mem_printf("%s  %s", clock_short(s->start, t), s->text);
	if (number < SAID_SHOWN)
		buf_addf(p->out, "<a href=\"#q%zu\" class=\"mark %s\">", i + 1, lane);
	else
		buf_addf(p->out, "<a href=\"#%s\" class=\"mark %s\">", lane, lane);
	buf_addf(p->out, "<rect x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\" height=\"%d\"/>",
	         fmin(x, 100 - NARROWEST), y + NAME_H, fmax(w, NARROWEST), MARKS_H);
	report_page_tip(p, tip);
}

static void draw_lane(struct report_page *p, const char *lane, size_t n, int y)
{
	const struct said_choice c = {lane, SAID_ALL};
	const struct store_transcript *t = &p->r->said;
	size_t number = 0;
	long filled = -1;
	buf_addf(p->out,
	         "<text class=\"lane-name\" x=\"0\" y=\"%d\">%s</text><rect class=\"looks\" x=\"0\" "
	         "y=\"%d\" width=\"100%%\" height=\"%d\"/>",
	         y + NAME_H - 4, lane, y + NAME_H, MARKS_H);
	for (size_t i = 0; i < t->n_segments; i++) {
		const struct store_segment *s = &t->segments[i];
		if (!said_has(&c, s))
			continue;
		double x = report_page_across(p->r, s->start), w = report_page_across(p->r, s->end) - x;
		long column = (long)(x * COLUMNS / 100);
		if (n <= SINGLE_MAX)
			draw_mark(p, lane, i, number, x, w, y);
		else if (column > filled)
			draw_mark(p, lane, i, number, x, fmax(w, 100.0 / COLUMNS), y);
		filled = column > filled ? column : filled;
		number++;
	}
}

void report_page_lanes(struct report_page *p, int y)
{
	for (size_t i = 0; i < ARRAY_LEN(lanes); i++) {
		size_t n = said_count(&p->r->said, lanes[i]);
		if (!n)
			continue;
		draw_lane(p, lanes[i], n, y);
		y += LANE_H;
	}
}
