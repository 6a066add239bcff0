/* SPDX-License-Identifier: Apache-2.0 */
/* What is said and what is written, in the page. */
#include <string.h>

#include "report/html-internal.h"
#include "report/html-page.h"
#include "report/said.h"

/* One of the two lists. */
struct texts {
	const char *kinds, *head, *note;
	struct said_choice choice;
};
static const struct texts lists[] = {
	{"said", "Said", SAID_NOTE, {"said", SAID_ALL}},
	{"written", "Written", WRITTEN_NOTE, {"written", SAID_ALL}},
};

static void add_source(struct report_page *p, const struct store_text_source *s)
{
	char n[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *name = report_said_source(s);
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

static void add_segment(struct report_page *p, size_t i)
{
	const struct store_segment *s = &p->r->said.segments[i];
	buf_addf(p->out, "<li id=\"q%zu\">", i + 1);
	report_page_time(p, s->start);
	buf_addf(p->out, " <small>%s, track %d", s->kind, s->track);
	if (said_is_recognized(s->kind) && s->conf >= 0)
		buf_addf(p->out, ", %.0f %%", 100 * s->conf);
	buf_adds(p->out, "</small> <q dir=\"auto\">");
	if (*s->who) {
		report_page_text(p, s->who);
		buf_adds(p->out, ": ");
	}
	report_page_text(p, s->text);
	buf_adds(p->out, "</q></li>\n");
}

static void add_dropped(struct report_page *p, const char *kinds)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	report_dropped_text(&p->r->said, kinds, &b);
	if (!b.len)
		return;
	buf_adds(p->out, "<p class=\"note\" dir=\"auto\">");
	report_page_text(p, buf_str(&b));
	buf_adds(p->out, ".</p>\n");
}

static void add_list(struct report_page *p, const struct texts *of)
{
	const struct store_transcript *t = &p->r->said;
	char n[CLOCK_TEXT_MAX];
	size_t shown = 0;
	buf_addf(p->out,
	         "<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s <span "
	         "class=\"n\">%s</span></h2>\n<p class=\"note\">%s</p>\n<ul>\n",
	         of->kinds, of->kinds, of->kinds, of->head,
	         report_count((int64_t)said_count(t, of->kinds), n), of->note);
	for (size_t i = 0; i < t->n_sources; i++)
		if (said_has_kind(&of->choice, t->sources[i].kind) && report_said_source_shown(t, i))
			add_source(p, &t->sources[i]);
	buf_adds(p->out, "</ul>\n<ol class=\"said\">\n");
	for (size_t i = 0; i < t->n_segments; i++)
		if (said_has(&of->choice, &t->segments[i]) && shown++ < SAID_SHOWN)
			add_segment(p, i);
	buf_adds(p->out, "</ol>\n");
	if (shown > SAID_SHOWN)
		buf_addf(p->out,
		         "<p class=\"note\">And %s more; vdet transcript --kind %s %s prints all.</p>\n",
		         report_count((int64_t)(shown - SAID_SHOWN), n), of->kinds, p->r->job);
	add_dropped(p, of->kinds);
	buf_adds(p->out, "</section>\n");
}

void report_page_said(struct report_page *p)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (said_is_listed(&p->r->said, lists[i].kinds))
			add_list(p, &lists[i]);
}
