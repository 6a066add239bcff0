/* SPDX-License-Identifier: Apache-2.0 */
/* case.html: one file that needs nothing else, and links to the reports of the
 * videos; report/html-page.h says what it may need. It holds no pictures, so
 * that the page of a thousand videos opens at once. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "case_texts.h"
#include "cases/axis.h"
#include "cases/html-internal.h"
#include "cases/writers.h"
#include "report/html-page.h"
#include "report/text.h"

enum {
	EVENTS_SHOWN = 3000, /* in all */
	NAME_MAX = 200,      /* bytes */
	SUMMARY_MAX = 300,
	SAME_SHOWN = 5,
	WIDE = 4000, /* units of a lane, finer than a screen */
	LABEL = 13,  /* percent of the axis that the label of a time takes */
};

/* How many events of each video are listed, so that all fit. */
static size_t choose_most(const struct case_report *r)
{
	size_t most = 0, total = 0;
	while (total < r->n_moments) {
		size_t next = 0;
		for (size_t i = 0; i < r->n_videos; i++)
			next += r->videos[i].n_events < most + 1 ? r->videos[i].n_events : most + 1;
		if (next > EVENTS_SHOWN && most)
			break;
		most++;
		total = next;
	}
	return most;
}

/* ---- the top */

static void add_facts(struct case_page *p)
{
	const struct case_report *r = p->r;
	const struct case_sums *s = &p->sums;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	struct case_count counts[CASE_COUNTS_MAX];
	size_t n = case_counts(r, s, counts);
	buf_adds(p->out, "<dl class=\"facts\">");
	AUTO(mem_freep)
	char *videos = s->analyzed == r->n_videos
	                   ? mem_printf("%zu", r->n_videos)
	                   : mem_printf("%zu, %zu of them analyzed", r->n_videos, s->analyzed);
	report_html_fact(p->out, "Videos", videos);
	AUTO(mem_freep)
	char *length =
		mem_printf("%s, %s described", clock_short(s->duration, a), clock_short(s->described, b));
	report_html_fact(p->out, "Length", length);
	for (size_t i = 0; i < n; i++)
		report_html_fact(p->out, counts[i].title, report_count((int64_t)counts[i].n, a));
	AUTO(mem_freep) char *written = mem_printf("%.16s UTC", case_clock(r->created, a));
	report_html_fact(p->out, "Written", written);
	buf_adds(p->out, "</dl>\n");
}

static void add_banners(struct case_page *p)
{
	char n[CLOCK_TEXT_MAX];
	struct case_lack lacks[CASE_LACKS_MAX];
	size_t all = case_lacks(p->r, &p->sums, lacks);
	if (p->r->demo_model)
		buf_adds(p->out, "<p class=\"banner demo\"><strong>Made with the demo model.</strong> It "
		                 "understands only the scenes that vdet draws for its demo; its answers "
		                 "about any other video are meaningless.</p>\n");
	if (all)
		buf_adds(p->out, "<p class=\"banner bad\"><strong>This report is not complete:</strong>");
	for (size_t i = 0; i < all; i++)
		buf_addf(p->out, "%s <a href=\"#%s\">%s</a>%s", i ? "," : "", lacks[i].section,
		         lacks[i].one ? report_plural(lacks[i].n, lacks[i].one, n) : lacks[i].what,
		         lacks[i].one ? lacks[i].what : "");
	buf_adds(p->out, all ? ".</p>\n" : "");
	AUTO(buf_free) struct buf limits = BUF(1 << 12);
	case_limits_text(&p->sums, &limits);
	if (limits.len)
		buf_addf(p->out, "<p class=\"banner warn\">%s</p>\n", buf_str(&limits));
}

static void add_header(struct case_page *p)
{
	buf_adds(p->out, "<a class=\"skip\" href=\"#events\">Skip to the events</a>\n"
	                 "<header>\n<p class=\"kicker\">Case report</p>\n<h1 dir=\"auto\">");
	case_page_text(p, p->r->title, NAME_MAX);
	buf_adds(p->out, "</h1>\n");
	add_facts(p);
	add_banners(p);
	buf_adds(p->out, "</header>\n<nav aria-label=\"Sections\"><a href=\"#summary\">Summary</a> <a "
	                 "href=\"#videos\">Videos</a> ");
	if (p->sums.holes)
		buf_adds(p->out, "<a href=\"#holes\">Holes</a> ");
	if (p->r->faults.n)
		buf_adds(p->out, "<a href=\"#faults\">Failed files</a> ");
	buf_adds(p->out, "<a href=\"#events\">Events</a></nav>\n");
}

static void add_summary(struct case_page *p)
{
	const struct case_report *r = p->r;
	buf_adds(p->out, "<section id=\"summary\" aria-labelledby=\"h-summary\"><h2 "
	                 "id=\"h-summary\">Summary</h2>\n");
	if (!r->summary_by_model) {
		buf_adds(p->out, "<p class=\"note\">This is the list of the videos: no summary of the "
		                 "whole was written by the model");
		if (*r->summary_fallback) {
			buf_adds(p->out, " (<span dir=\"auto\">");
			report_html_text(p->out, r->summary_fallback);
			buf_adds(p->out, "</span>)");
		}
		buf_adds(p->out, ".</p>\n");
	}
	buf_addf(
		p->out, "<div class=\"summary%s\" dir=\"auto\"%s>", r->summary_by_model ? "" : " plain",
		r->summary_by_model ? "" : " tabindex=\"0\" role=\"region\" aria-label=\"The videos\"");
	if (r->summary_by_model)
		case_page_sentences(p);
	else
		report_html_text(p->out, r->summary);
	buf_adds(p->out, "</div></section>\n");
}

/* ---- the videos, on one time axis */

static void make_axis(const struct case_report *r, struct axis *ret)
{
	AUTO(mem_freep) struct axis_span *spans = mem_alloc(r->n_videos + 1, sizeof *spans);
	for (size_t i = 0; i < r->n_videos; i++)
		spans[i] =
			(struct axis_span){r->videos[i].start, case_time(&r->videos[i], r->videos[i].duration)};
	axis_make(spans, r->n_videos, ret);
}

static void add_label(struct case_page *p, double x, int64_t t, double *last)
{
	char text[CLOCK_TEXT_MAX];
	if (x - *last < LABEL)
		return;
	*last = x;
	case_clock(t, text);
	buf_addf(
		p->out,
		"<line x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"30\" y2=\"38\"/><text x=\"%.2f%%\" y=\"26\" "
		"text-anchor=\"%s\">%s</text><text x=\"%.2f%%\" y=\"12\" text-anchor=\"%s\">%.10s</text>",
		x, x, x, x > 100 - LABEL ? "end" : "start", text + 11, x, x > 100 - LABEL ? "end" : "start",
		text);
}

/* Times at the beginning of what is covered, and evenly within it. */
static void add_axis(struct case_page *p, const struct axis *a)
{
	double last = -100;
	buf_adds(p->out, "<svg class=\"strip axis\" width=\"100%\" height=\"38\" role=\"img\" "
	                 "aria-label=\"Times, UTC\">");
	for (size_t i = 0; i < a->n; i++) {
		const struct axis_piece *q = &a->pieces[i];
		int parts = q->covered ? (int)(q->width / (1.5 * LABEL)) + 1 : 0;
		for (int k = 0; k < parts; k++)
			add_label(p, q->at + q->width * k / parts, q->from + (q->to - q->from) / parts * k,
			          &last);
		if (q->shortened)
			buf_addf(p->out,
			         "<rect class=\"gap\" x=\"%.2f%%\" y=\"30\" width=\"%.2f%%\" "
			         "height=\"8\"/>",
			         q->at, q->width);
	}
	buf_adds(p->out, "</svg>");
}

static long units(const struct axis *a, int64_t t)
{
	return lround(axis_at(a, t) * WIDE / 100);
}

/* The video, its events as ticks, its holes. */
static void add_lane(struct case_page *p, const struct axis *a, const struct case_video *v)
{
	long x = units(a, v->start), w = units(a, case_time(v, v->duration)) - x, last = -1;
	buf_addf(p->out,
	         "<svg class=\"lane\" viewBox=\"0 0 %d 12\" preserveAspectRatio=\"none\" "
	         "width=\"100%%\" height=\"12\" role=\"img\" aria-label=\"Its place\"><path d=\"M%ld "
	         "0h%ldv12h-%ldz\"/>",
	         WIDE, x, w < 8 ? 8 : w, w < 8 ? 8 : w);
	if (v->n_events)
		buf_adds(p->out, "<path class=\"e\" d=\"");
	for (size_t i = 0; i < v->n_events; i++) {
		long at = units(a, case_time(v, v->events[i].start));
		if (at != last && i < p->most)
			buf_addf(p->out, "M%ld 2v8", at);
		last = at;
	}
	buf_adds(p->out, v->n_events ? "\"/>" : "");
	for (size_t i = 0; i < v->n_holes && i < p->most; i++) {
		long from = units(a, case_time(v, v->holes[i].start)),
			 to = units(a, case_time(v, v->holes[i].end));
		buf_addf(p->out, "<path class=\"h\" d=\"M%ld 0h%ldv12h-%ldz\"/>", from,
		         to > from ? to - from : 1, to > from ? to - from : 1);
	}
	buf_adds(p->out, "</svg>");
}

/* A number with a link to the section of the video's own report that has it. */
static void add_number(struct case_page *p, const struct case_video *v, const char *section,
                       const char *text)
{
	buf_adds(p->out, " · ");
	if (v->page)
		buf_addf(p->out, "<a href=\"%s/report.html#%s\">", v->link, section);
	buf_addf(p->out, "%s%s", text, v->page ? "</a>" : "");
}

/* What is wrong with the recording, and what the model said of it wrongly. */
static void add_findings(struct case_page *p, const struct case_video *v)
{
	char n[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *anomalies = mem_printf("anomalies: %zu", v->n_anomalies);
	if (v->n_withdrawn)
		add_number(p, v, "withdrawn", report_plural(v->n_withdrawn, "withdrawal", n));
	if (v->n_anomalies)
		add_number(p, v, "anomalies", anomalies);
	if (*v->warning) {
		buf_adds(p->out, " · <b>the file:</b> <span dir=\"auto\">");
		case_page_text(p, v->warning, SUMMARY_MAX);
		buf_adds(p->out, "</span>");
	}
}

static void add_states(struct case_page *p, const struct case_video *v)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out, " · %s", report_plural(v->n_events, "event", n));
	if (v->n_holes)
		buf_addf(p->out, " · %s", report_plural(v->n_holes, "hole", n));
	add_findings(p, v);
	if (!*v->job)
		buf_adds(p->out, " · <b>not analyzed</b>");
	if (v->missing)
		buf_addf(p->out, " · <b>%s</b>", case_presence(v->missing, v->replaced));
	for (size_t i = 0; i < v->n_same && i < SAME_SHOWN; i++) {
		buf_adds(p->out, i ? ", <span dir=\"auto\">" : " · the same as <span dir=\"auto\">");
		case_page_text(p, v->same[i].name, NAME_MAX);
		buf_adds(p->out, "</span>");
		if (v->same[i].missing)
			buf_addf(p->out, " (%s)", case_presence(v->same[i].missing, v->same[i].replaced));
	}
	if (v->n_same > SAME_SHOWN)
		buf_addf(p->out, " and %zu more", v->n_same - SAME_SHOWN);
	AUTO(buf_free) struct buf limits = BUF(1 << 20);
	case_video_limits_text(v, &limits);
	if (limits.len) {
		buf_adds(p->out, " · <b>");
		report_html_text(p->out, buf_str(&limits));
		buf_adds(p->out, "</b>");
	}
	if (*v->fault) {
		buf_adds(p->out, " · failed: <span dir=\"auto\">");
		case_page_text(p, v->fault, SUMMARY_MAX);
		buf_adds(p->out, "</span>");
	}
}

static void add_video(struct case_page *p, const struct axis *a, size_t i)
{
	const struct case_video *v = &p->r->videos[i];
	char t[CLOCK_TEXT_MAX], iso[CLOCK_TEXT_MAX], d[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<li id=\"v%zu\"><p class=\"name\" dir=\"auto\">", i + 1);
	if (v->page)
		buf_addf(p->out, "<a href=\"%s/report.html\">", v->link);
	case_page_text(p, v->label, NAME_MAX);
	buf_adds(p->out, v->page ? "</a>" : "");
	buf_adds(p->out, "</p>");
	add_lane(p, a, v);
	buf_addf(p->out, "<p class=\"from\"><time datetime=\"%s\">%s</time> (%s) · %s",
	         clock_iso(v->start, iso), case_clock(v->start, t),
	         v->clock == STORE_CLOCK_METADATA ? "from the file's metadata" : "from the file's time",
	         clock_short(v->duration, d));
	add_states(p, v);
	buf_adds(p->out, "</p>");
	if (*v->summary && v->summary_by_model) {
		buf_adds(p->out, "<p class=\"what\" dir=\"auto\">");
		case_page_text(p, v->summary, SUMMARY_MAX);
		buf_adds(p->out, "</p>");
	}
	buf_adds(p->out, "</li>\n");
}

static void add_videos(struct case_page *p)
{
	AUTO(axis_clear) struct axis axis = {0};
	char n[CLOCK_TEXT_MAX];
	bool shortened = false;
	make_axis(p->r, &axis);
	for (size_t i = 0; i < axis.n; i++)
		shortened |= axis.pieces[i].shortened;
	buf_addf(p->out,
	         "<section id=\"videos\" aria-labelledby=\"h-videos\"><h2 id=\"h-videos\">Videos <span "
	         "class=\"n\">%s</span></h2>\n<p class=\"note\">In order of time, UTC, by the times of "
	         "the files: clocks in the pictures were not read.%s</p>\n",
	         report_count((int64_t)p->r->n_videos, n),
	         shortened ? " The marked stretches, which no video covers, are shortened." : "");
	add_axis(p, &axis);
	buf_adds(p->out, "<ol class=\"lanes\">\n");
	for (size_t i = 0; i < p->r->n_videos; i++)
		add_video(p, &axis, i);
	buf_adds(p->out, "</ol></section>\n");
}

int case_html(const struct case_report *r, struct buf *out, struct err *err)
{
	struct case_page p = {.r = r, .out = out, .most = choose_most(r)};
	AUTO(mem_freep) char *line = report_line(r->title, NAME_MAX);
	AUTO(mem_freep) char *title = mem_printf("%s – case report", line);
	case_sum(r, &p.sums);
	report_html_begin(out, title, case_case_css);
	add_header(&p);
	buf_adds(out, "<main>\n");
	add_summary(&p);
	add_videos(&p);
	case_page_subjects(&p);
	case_page_holes(&p);
	case_page_events(&p);
	case_page_files(&p);
	report_html_end(out, r->vdet_version);
	buf_adds(out, "</body>\n</html>\n");
	return buf_check(out, "case.html", err);
}
