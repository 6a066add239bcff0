/* SPDX-License-Identifier: Apache-2.0 */
/* report.html; html-page.h says what it may need. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "report/html-internal.h"
#include "report/clocks.h"
#include "report/said.h"
#include "report/html-page.h"

/* Pictures beyond this are left out, and a note says so. */
#define THUMBS_MAX_BYTES ((size_t)64 << 20)

enum { CITES_SHOWN = 6, SECTIONS_OPEN = 6 };

static void add_head(struct report_page *p)
{
	const struct report *r = p->r;
	AUTO(mem_freep) char *name = report_line(r->source_name, 0);
	AUTO(mem_freep) char *title = mem_printf("%s – video report", name);
	AUTO(mem_freep)
	char *shape = r->width > 0 && r->height > 0
	                  ? mem_printf(":root{--shape:%d/%d}\n", r->width, r->height)
	                  : mem_strdup("");
	report_html_begin(p->out, title, shape);
	buf_adds(p->out, "<a class=\"skip\" href=\"#events\">Skip to the events</a>\n");
}

static void add_facts(struct report_page *p)
{
	const struct report *r = p->r;
	char t[CLOCK_TEXT_MAX], size[TEXT_SIZE_MAX], iso[CLOCK_TEXT_MAX];
	buf_adds(p->out, "<dl class=\"facts\">");
	report_html_fact(p->out, "Length", clock_short(r->duration, t));
	AUTO(mem_freep) char *picture = mem_printf("%d × %d", r->width, r->height);
	report_html_fact(p->out, "Picture", picture);
	AUTO(mem_freep)
	char *codec = r->fps > 0 ? mem_printf("%s, %.5g fps", r->codec ? r->codec : "", r->fps)
	                         : mem_strdup(r->codec);
	report_html_fact(p->out, "Video", codec);
	report_html_fact(p->out, "Size", text_size((double)r->source_size, size));
	clock_iso(r->created, iso);
	AUTO(mem_freep) char *created = mem_printf("%.10s, %.5s UTC", iso, iso[0] ? iso + 11 : "");
	report_html_fact(p->out, "Analyzed", created);
	buf_adds(p->out, "</dl>\n");
}

/* What of the pictures and of what is said of them may be wrong. */
static void add_doubts(struct report_page *p)
{
	if (p->sums.damaged) {
		buf_adds(p->out, "<p class=\"banner warn\"><strong>Damaged frames.</strong> ");
		report_damaged_text(&p->sums, p->out);
		buf_adds(p->out, ".</p>\n");
	}
	if (p->r->different) {
		buf_adds(p->out, "<p class=\"banner warn\"><strong>Workers that do not agree.</strong> ");
		report_twice_text(p->r, p->out);
		buf_adds(p->out, ".</p>\n");
	}
}

static void add_banners(struct report_page *p)
{
	const struct report *r = p->r;
	char n[CLOCK_TEXT_MAX], a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];

	if (r->demo_model)
		buf_adds(
			p->out,
			"<p class=\"banner demo\"><strong>Made with the demo model.</strong> It understands "
			"only the"
			" scenes that vdet draws for its demo; its answers about any other video are "
			"meaningless.</p>\n");

	if (p->sums.holes)
		buf_addf(p->out,
		         "<p class=\"banner bad\"><strong>This report is not complete.</strong> It has <a "
		         "href=\"#holes\">"
		         "%s</a>: nothing is known of %s of the %s analyzed.</p>\n",
		         report_plural(p->sums.holes, "hole", n), clock_short(p->sums.lost, a),
		         clock_short(r->to - r->from, b));
	else if (!r->complete && !r->n_left_out)
		buf_adds(
			p->out,
			"<p class=\"banner bad\"><strong>This report is not complete.</strong> The work on "
			"this video"
			" was not finished.</p>\n");

	if (r->n_left_out) {
		buf_adds(p->out, "<p id=\"left-out\" class=\"banner bad\"><strong>This report is not "
		                 "complete.</strong> ");
		report_left_out_text(r, p->out);
		buf_adds(p->out, ".</p>\n");
	}

	if (report_count_missed(r)) {
		buf_adds(p->out, "<p id=\"missed\" class=\"banner warn\"><strong>Activity that was not "
		                 "shown to the model.</strong> ");
		report_missed_text(r, p->out);
		buf_adds(p->out, ".</p>\n");
	}
	add_doubts(p);

	if (!report_is_empty(r->source_warning)) {
		buf_adds(
			p->out,
			"<p class=\"banner warn\"><strong>The file has errors.</strong> <span dir=\"auto\">");
		report_page_text(p, r->source_warning);
		buf_adds(p->out, "</span></p>\n");
	}

	if (r->from > 0 || r->to < r->duration)
		buf_addf(p->out,
		         "<p class=\"banner warn\"><strong>Part of the video.</strong> Only %s to %s was "
		         "analyzed.</p>\n",
		         clock_text(r->from, a), clock_text(r->to, b));
}

static void add_header(struct report_page *p)
{
	buf_adds(p->out, "<header>\n<p class=\"kicker\">Video report</p>\n<h1 dir=\"auto\">");
	report_page_text(p, report_is_empty(p->r->source_name) ? "Video" : p->r->source_name);
	buf_adds(p->out, "</h1>\n");
	add_facts(p);
	add_banners(p);
	buf_adds(p->out, "</header>\n"
	                 "<nav aria-label=\"Sections\"><a href=\"#summary\">Summary</a> <a "
	                 "href=\"#timeline\">Timeline</a> ");
	if (p->r->n_subjects)
		buf_adds(p->out, "<a href=\"#subjects\">Subjects</a> ");
	if (p->sums.holes)
		buf_adds(p->out, "<a href=\"#holes\">Holes</a> ");
	buf_adds(p->out, "<a href=\"#events\">Events</a> ");
	if (said_is_listed(&p->r->said, "said"))
		buf_adds(p->out, "<a href=\"#said\">Said</a> ");
	if (said_is_listed(&p->r->said, "written"))
		buf_adds(p->out, "<a href=\"#written\">Written</a> ");
	if (report_clock_is_listed(p->r))
		buf_adds(p->out, "<a href=\"#clock\">Time of day</a> ");
	if (report_count_anomalies(p->r))
		buf_addf(p->out, "<a href=\"#anomalies\">Anomalies (%zu)</a> ",
		         report_count_anomalies(p->r));
	buf_adds(p->out, "<a href=\"#chunks\">Chunks</a> <a href=\"#made\">How "
	                 "this was"
	                 " made</a></nav>\n");
}

/* Each sentence with links to the events that it is about. */
static void add_sentences(struct report_page *p, const struct story_section *s)
{
	char t[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < s->n; i++) {
		const struct story_sentence *said = &s->sentences[i];
		report_page_text(p, said->text);
		buf_adds(p->out, " <span class=\"cites\">");
		for (size_t k = 0; k < said->n_entries && k < CITES_SHOWN; k++)
			buf_addf(p->out, "<a href=\"#e%zu\">%s</a> ", said->entries[k] + 1,
			         clock_short(p->r->events[said->entries[k]].start, t));
		if (said->n_entries > CITES_SHOWN)
			buf_addf(p->out, "and %zu more ", said->n_entries - CITES_SHOWN);
		buf_adds(p->out, "</span>");
	}
}

static void add_sections(struct report_page *p)
{
	const struct story_summary *s = &p->r->sentences;
	char n[CLOCK_TEXT_MAX], a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (!s->n_sections)
		return;
	buf_addf(p->out, "<details class=\"sections\"%s><summary>%s</summary>\n",
	         s->n_sections <= SECTIONS_OPEN ? " open" : "",
	         report_plural(s->n_sections, "section", n));
	for (size_t i = 0; i < s->n_sections; i++) {
		const struct story_section *x = &s->sections[i];
		buf_addf(p->out, "<h3>%s – %s</h3>", clock_short(x->start, a), clock_short(x->end, b));
		if (!report_is_empty(x->fallback)) {
			buf_adds(p->out, "<p class=\"note\">These are the events themselves (<span "
			                 "dir=\"auto\">");
			report_page_text(p, x->fallback);
			buf_adds(p->out, "</span>).</p>");
		}
		buf_adds(p->out, "<p dir=\"auto\">");
		add_sentences(p, x);
		buf_adds(p->out, "</p>\n");
	}
	buf_adds(p->out, "</details>\n");
}

static void add_summary(struct report_page *p)
{
	const struct report *r = p->r;
	buf_adds(p->out, "<section id=\"summary\" aria-labelledby=\"h-summary\"><h2 "
	                 "id=\"h-summary\">Summary</h2>\n");
	if (!r->summary_by_model) {
		buf_adds(
			p->out,
			"<p class=\"note\">This is the plain timeline: no summary of the whole was written "
			"by the model");
		if (!report_is_empty(r->summary_fallback)) {
			buf_adds(p->out, " (<span dir=\"auto\">");
			report_page_text(p, r->summary_fallback);
			buf_adds(p->out, "</span>)");
		}
		buf_adds(p->out, ".</p>\n");
	}
	buf_addf(
		p->out, "<div class=\"summary%s\" dir=\"auto\"%s>", r->summary_by_model ? "" : " plain",
		r->summary_by_model ? "" : " tabindex=\"0\" role=\"region\" aria-label=\"Plain timeline\"");
	if (r->summary_by_model && r->sentences.whole.n)
		add_sentences(p, &r->sentences.whole);
	else
		report_page_text(p, r->summary);
	buf_adds(p->out, "</div>\n");
	add_sections(p);
	buf_adds(p->out, "</section>\n");
}

static void page_clear(struct report_page *p)
{
	free(p->first);
	free(p->shown);
}

int report_html(const struct report *r, struct buf *out, struct err *err)
{
	AUTO(page_clear) struct report_page p = {.r = r, .out = out};
	report_sum(r, &p.sums);
	p.first = mem_alloc(r->n_chunks + 1, sizeof *p.first);
	for (size_t i = 0; i < r->n_chunks; i++)
		p.first[i + 1] = p.first[i] + r->chunks[i].n_samples;
	p.shown = mem_alloc(p.first[r->n_chunks] + 1, sizeof *p.shown);

	report_page_choose(&p, THUMBS_MAX_BYTES);
	add_head(&p);
	add_header(&p);
	buf_adds(out, "<main>\n");
	add_summary(&p);
	report_page_timeline(&p);
	report_page_subjects(&p);
	report_page_holes(&p);
	report_page_events(&p);
	report_page_said(&p);
	report_page_clock(&p);
	report_page_anomalies(&p);
	report_page_chunks(&p);
	report_page_made(&p);

	report_html_end(out, r->vdet_version);
	report_page_thumbs(&p);
	buf_adds(out, "</body>\n</html>\n");
	return buf_check(out, "report.html", err);
}
