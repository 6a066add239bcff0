/* SPDX-License-Identifier: Apache-2.0 */
/* What is said, in the page. */
#include "report/html-internal.h"
#include "report/html-page.h"
#include "report/said.h"

static void add_source(struct report_page *p, const struct store_text_source *s)
{
	char n[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *name = report_said_source(s);
	if (s->track < 0 && report_is_empty(s->fault))
		return;
	buf_adds(p->out, "<li dir=\"auto\">");
	report_page_text(p, name);
	if (s->track >= 0)
		buf_addf(p->out, ": %s", report_count((int64_t)s->n, n));
	if (!report_is_empty(s->fault)) {
		buf_adds(p->out, "; not complete: ");
		report_page_text(p, s->fault);
	}
	buf_adds(p->out, "</li>\n");
}

static void add_segment(struct report_page *p, const struct store_segment *s)
{
	buf_adds(p->out, "<li>");
	report_page_time(p, s->start);
	buf_addf(p->out, " <small>%s, track %d</small> <q dir=\"auto\">", s->kind, s->track);
	if (*s->who) {
		report_page_text(p, s->who);
		buf_adds(p->out, ": ");
	}
	report_page_text(p, s->text);
	buf_adds(p->out, "</q></li>\n");
}

void report_page_said(struct report_page *p)
{
	const struct store_transcript *t = &p->r->said;
	char n[CLOCK_TEXT_MAX];
	if (!said_is_listed(t))
		return;
	buf_addf(
		p->out,
		"<section id=\"said\" aria-labelledby=\"h-said\"><h2 id=\"h-said\">Said <span "
		"class=\"n\">%s</span></h2>\n<p class=\"note\">From these sources, as they have it; no "
		"model checked it.</p>\n<ul>\n",
		report_count((int64_t)t->n_segments, n));
	for (size_t i = 0; i < t->n_sources; i++)
		add_source(p, &t->sources[i]);
	buf_adds(p->out, "</ul>\n<ol class=\"said\">\n");
	for (size_t i = 0; i < t->n_segments && i < SAID_SHOWN; i++)
		add_segment(p, &t->segments[i]);
	buf_adds(p->out, "</ol>\n");
	if (t->n_segments > SAID_SHOWN)
		buf_addf(p->out, "<p class=\"note\">And %s more; vdet transcript %s prints all.</p>\n",
		         report_count((int64_t)(t->n_segments - SAID_SHOWN), n), p->r->job);
	buf_adds(p->out, "</section>\n");
}
