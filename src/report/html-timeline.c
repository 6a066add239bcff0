/* SPDX-License-Identifier: Apache-2.0 */
/* The strip that shows the whole video at once: events, holes, and every frame
 * that the model saw. Horizontal positions are percentages, so that the strip
 * fits any window while text keeps its size. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/clocks.h"
#include "report/html-internal.h"

enum {
	READ_H = 24, /* the line on top, which describes the mark under the pointer */
	EVENTS_H = 48,
	LANES = 4,
	LOOKS_Y = READ_H + EVENTS_H + 8,
	LOOKS_H = 16,
	AXIS_Y = LOOKS_Y + LOOKS_H,
	HEIGHT = AXIS_Y + 24,
	SINGLE_MAX = 400, /* more events than that are drawn as a histogram */
	BINS = 160,
};

#define NARROWEST 0.35 /* per cent */

static double tick_step(double seconds)
{
	static const double steps[] = {
		0.1, 0.2, 0.5, 1,    2,    5,    10,    15,    30,    60,    120,
		300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
	};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (seconds / steps[i] <= 9)
			return steps[i];
	return 86400 * ceil(seconds / 86400 / 9);
}

static void draw_axis(struct report_page *p)
{
	const struct report *r = p->r;
	char text[CLOCK_TEXT_MAX];
	int64_t step = llround(tick_step((double)(r->to - r->from) / 1e6) * 1e6);
	buf_addf(p->out, "<g class=\"axis\"><line x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>", AXIS_Y,
	         AXIS_Y);
	int n = 0;
	for (int64_t t = (r->from + step - 1) / step * step; t <= r->to; t += step, n++) {
		double x = report_page_across(r, t);
		if (step < CLOCK_SECOND) {
			clock_text(t, text);
			text[strlen(text) - 2] = '\0';
		} else {
			clock_short(t, text);
		}
		buf_addf(p->out,
		         "<g%s><line x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%d\" y2=\"%d\"/><text x=\"%.3f%%\" "
		         "y=\"%d\""
		         " text-anchor=\"%s\">%s</text></g>",
		         n % 2 ? " class=\"odd\"" : "", x, x, READ_H, AXIS_Y + 5, x, AXIS_Y + 19,
		         x < 3    ? "start"
		         : x > 97 ? "end"
		                  : "middle",
		         text);
	}
	buf_adds(p->out, "</g>");
}

/* A part of which nothing is known. Hatched, to differ from events without
 * color. */
static void draw_unknown(struct report_page *p, const char *id, int64_t start, int64_t end,
                         const char *kind, const char *why)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	double x = report_page_across(p->r, start), w = report_page_across(p->r, end) - x;
	AUTO(mem_freep)
	char *tip = mem_printf("%s %s – %s%s%s", kind, clock_short(start, a), clock_short(end, b),
	                       report_is_empty(why) ? "" : ": ", report_is_empty(why) ? "" : why);
	buf_addf(p->out,
	         "<a href=\"#%s\" class=\"hole\"><rect fill=\"url(#hatch)\" x=\"%.3f%%\" y=\"%d\" "
	         "width=\"%.3f%%\" height=\"%d\"/>",
	         id, x, READ_H, fmax(w, 0.2), AXIS_Y - READ_H);
	report_page_tip(p, tip);
}

static void draw_holes(struct report_page *p)
{
	const struct report *r = p->r;
	char id[32];
	buf_adds(
		p->out,
		"<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
		"<rect width=\"6\" height=\"6\"/><path d=\"M-1 7L7 -1M-1 1L1 -1M5 7L7 5\"/></pattern>");
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		snprintf(id, sizeof id, "c%zu", i + 1);
		if (c->state == CHUNK_HOLE)
			draw_unknown(p, id, c->start, c->end, "Hole", c->reason);
	}
	for (size_t i = 0; i < r->n_left_out; i++)
		draw_unknown(p, "left-out", r->left_out[i].start, r->left_out[i].end, "Not looked at",
		             "left out by the given plan");
}

/* Where a single event is drawn, in percent; never too narrow to be seen. */
static double mark_at(const struct report *r, const struct report_event *e, double *ret_width)
{
	double x = fmin(report_page_across(r, e->start), 100 - NARROWEST);
	*ret_width = fmin(fmax(report_page_across(r, e->end) - x, NARROWEST), 100 - x);
	return x;
}

/* Events that overlap go side by side into the first free lane, else into the
 * one that is free first. */
static size_t choose_lanes(const struct report *r, unsigned char *lanes)
{
	double ends[LANES] = {0}, width;
	size_t used = 2;
	for (size_t i = 0; i < r->n_events; i++) {
		double x = mark_at(r, &r->events[i], &width);
		size_t lane = 0;
		for (size_t k = 1; k < LANES && ends[lane] > x; k++)
			if (ends[k] <= x || ends[k] < ends[lane])
				lane = k;
		ends[lane] = fmax(ends[lane], x + width + 0.1);
		lanes[i] = (unsigned char)lane;
		used = lane >= used ? lane + 1 : used;
	}
	return used;
}

static void draw_single_events(struct report_page *p)
{
	char t[CLOCK_TEXT_MAX];
	AUTO(mem_freep) unsigned char *lanes = mem_alloc(p->r->n_events + 1, 1);
	int height = (int)(EVENTS_H / choose_lanes(p->r, lanes));
	for (size_t i = 0; i < p->r->n_events; i++) {
		const struct report_event *e = &p->r->events[i];
		double width, x = mark_at(p->r, e, &width);
		AUTO(mem_freep)
		char *tip = mem_printf("%s  %s", clock_short(e->start, t), e->what ? e->what : "");
		buf_addf(p->out,
		         "<a href=\"#e%zu\" class=\"mark\"><rect x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\""
		         " height=\"%d\" rx=\"2\"/>",
		         i + 1, x, READ_H + lanes[i] * height + 1, width, height - 2);
		report_page_tip(p, tip);
	}
}

static void draw_histogram(struct report_page *p)
{
	const struct report *r = p->r;
	size_t count[BINS] = {0}, first[BINS] = {0}, most = 1;

	for (size_t i = r->n_events; i-- > 0;) {
		size_t bin = (size_t)fmin(report_page_across(r, r->events[i].start) * BINS / 100, BINS - 1);
		first[bin] = i;
		if (++count[bin] > most)
			most = count[bin];
	}

	for (size_t b = 0; b < BINS; b++) {
		if (!count[b])
			continue;
		char n[CLOCK_TEXT_MAX], from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
		int64_t width = (r->to - r->from) / BINS, start = r->from + width * (int64_t)b;
		double h = fmax(2, EVENTS_H * sqrt((double)count[b] / (double)most));
		const char *what = r->events[first[b]].what;
		AUTO(mem_freep)
		char *tip = mem_printf("%s – %s  %s, first: %s", clock_short(start, from),
		                       clock_short(start + width, to), report_plural(count[b], "event", n),
		                       what ? what : "");
		buf_addf(p->out,
		         "<a href=\"#e%zu\" class=\"mark\"><rect x=\"%.3f%%\" y=\"%.1f\" width=\"%.3f%%\""
		         " height=\"%.1f\"/>",
		         first[b] + 1, 100.0 * (double)b / BINS, READ_H + EVENTS_H - h, 100.0 / BINS - 0.1,
		         h);
		report_page_tip(p, tip);
	}
}

/* With evenly spaced frames all gaps are equal, and none is marked. */
static bool is_gap_large(const struct report_sums *s)
{
	return s->seen && s->max_gap > s->mean_gap + s->mean_gap / 2;
}

/* The curve of activity from the index, behind the ticks of the frames. */
static void draw_curve(struct report_page *p)
{
	const struct report *r = p->r;
	const struct report_index *x = &r->index;
	if (!x->n_curve || r->duration <= 0)
		return;
	buf_addf(p->out,
	         "<svg x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 4000 255\""
	         " preserveAspectRatio=\"none\"><path class=\"curve\" d=\"M0 255",
	         LOOKS_Y, LOOKS_H);
	for (size_t i = 0; i < x->n_curve; i++) {
		int64_t n = (int64_t)x->n_curve, a = r->duration * (int64_t)i / n,
				b = r->duration * (int64_t)(i + 1) / n;
		if (b > r->from && a < r->to)
			buf_addf(p->out, "L%ld %dH%ld", lround(report_page_across(r, a) * 40),
			         255 - x->curve[i], lround(report_page_across(r, b) * 40));
	}
	buf_adds(p->out, "V255Z\"/></svg>");
}

/* One path with a tick for each frame, at a finer resolution than a screen has. */
static void draw_looks(struct report_page *p)
{
	size_t n;
	AUTO(mem_freep) int64_t *times = report_seen(p->r, &n);
	const struct report_sums *s = &p->sums;
	long last = -1;
	buf_addf(p->out, "<rect class=\"looks\" x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\"/>",
	         LOOKS_Y, LOOKS_H);
	if (is_gap_large(s)) {
		double x = report_page_across(p->r, s->max_gap_start);
		buf_addf(p->out,
		         "<rect class=\"gap\" x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\" height=\"%d\"/>", x,
		         LOOKS_Y, report_page_across(p->r, s->max_gap_start + s->max_gap) - x, LOOKS_H);
	}
	draw_curve(p);
	buf_addf(p->out,
	         "<svg x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 4000 1\""
	         " preserveAspectRatio=\"none\"><path class=\"ticks\" d=\"",
	         LOOKS_Y, LOOKS_H);
	for (size_t i = 0; i < n; i++) {
		/* a tick at an edge stays inside */
		long x = lround(report_page_across(p->r, times[i]) * 39.98) + 1;
		if (x != last)
			buf_addf(p->out, "M%ld 0v1", x);
		last = x;
	}
	buf_adds(p->out, "\"/></svg>");
}

/* Where the clock of the recording jumps: above everything, as what comes
 * before and after it may be far from each other. */
static void draw_jumps(struct report_page *p)
{
	const struct wallclock *w = p->r->clock;
	char t[CLOCK_TEXT_MAX];
	for (size_t i = 0; w && i < w->n_clocks; i++)
		for (size_t k = 0; k < w->clocks[i].n_breaks; k++) {
			const struct wallclock_break *b = &w->clocks[i].breaks[k];
			AUTO(buf_free) struct buf text = BUF(1 << 16);
			if (b->after < p->r->from || b->after > p->r->to)
				continue;
			buf_addf(&text, "%s  ", clock_short(b->after, t));
			report_break_text(&w->clocks[i], b, &text);
			buf_addf(p->out,
			         "<a href=\"#clock\" class=\"jump\"><rect x=\"%.3f%%\" y=\"%d\" "
			         "width=\"%.3f%%\" height=\"%d\"/>",
			         fmin(report_page_across(p->r, b->after), 100 - NARROWEST), READ_H, NARROWEST,
			         AXIS_Y - READ_H);
			report_page_tip(p, buf_str(&text));
		}
}

static void add_legend(struct report_page *p, bool histogram)
{
	buf_addf(
		p->out,
		"<ul class=\"legend\"><li class=\"l-mark\">%s</li><li class=\"l-look\">a frame that the "
		"model"
		" looked at</li>",
		histogram ? "events, higher where there are more" : "an event");
	if (is_gap_large(&p->sums))
		buf_adds(p->out, "<li class=\"l-gap\">longest gap between frames</li>");
	if (p->sums.holes)
		buf_adds(p->out, "<li class=\"l-hole\">a hole: nothing is known</li>");
	if (p->r->n_left_out)
		buf_adds(p->out, "<li class=\"l-hole\">not looked at: left out by the given plan</li>");
	if (report_clock_breaks(p->r))
		buf_adds(p->out, "<li class=\"l-jump\">the clock of the recording jumps</li>");
	if (report_page_lanes_height(p->r))
		buf_adds(p->out, "<li class=\"l-text\">said, written: a text, which the list has</li>");
	buf_adds(p->out, "</ul>");
}

void report_page_timeline(struct report_page *p)
{
	char events[CLOCK_TEXT_MAX], holes[CLOCK_TEXT_MAX], a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	bool histogram = p->r->n_events > SINGLE_MAX;

	buf_addf(
		p->out,
		"<section id=\"timeline\" aria-labelledby=\"h-timeline\"><h2 "
		"id=\"h-timeline\">Timeline</h2>\n"
		"<a class=\"skip\" href=\"#events\">Skip the marks of the timeline</a>\n"
		"<svg class=\"strip\" width=\"100%%\" height=\"%d\" role=\"group\" aria-label=\"Timeline "
		"from %s to %s: %s,"
		" %s\">",
		HEIGHT + report_page_lanes_height(p->r), clock_short(p->r->from, a),
		clock_short(p->r->to, b), report_plural(p->r->n_events, "event", events),
		report_plural(p->sums.holes, "hole", holes));
	buf_addf(p->out,
	         "<rect class=\"back\" x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\"/>"
	         "<text class=\"hint\" x=\"0\" y=\"15\">%s</text>",
	         READ_H, EVENTS_H, p->r->n_events ? "Each mark leads to its event." : "No events.");

	draw_axis(p);
	draw_looks(p);
	draw_holes(p);
	if (histogram)
		draw_histogram(p);
	else
		draw_single_events(p);
	draw_jumps(p);
	report_page_lanes(p, HEIGHT);

	buf_adds(p->out, "</svg>\n");
	add_legend(p, histogram);
	buf_adds(p->out, "<p class=\"note\">");
	report_coverage_text(p->r, &p->sums, p->out);
	buf_adds(p->out, p->sums.seen
	                     ? " What happened between the frames was not seen.</p></section>\n"
	                     : "</p></section>\n");
}
