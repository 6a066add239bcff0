/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the page: subjects, holes, events, files. */
#include "base/text.h"
#include "cases/html-internal.h"
#include "report/html-page.h"
#include "report/text.h"

enum {
	WHAT_MAX = 240, /* bytes; the whole text is in the video's own report */
	SUBJECT_MAX = 100,
	CITES_SHOWN = 8, /* of a sentence */
	SUBJECTS_SHOWN = 100,
	SIGHTS_SHOWN = 20,
	HOLES_SHOWN = 1000,
	FILES_SHOWN = 1000,
};

void case_page_text(struct case_page *p, const char *s, size_t max)
{
	AUTO(mem_freep) char *line = report_line(s, max);
	report_html_text(p->out, line);
}

static void begin(struct case_page *p, const char *id, const char *title, size_t n)
{
	char count[CLOCK_TEXT_MAX];
	buf_addf(p->out,
	         "<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s <span "
	         "class=\"n\">%s</span></h2>\n",
	         id, id, id, title, report_count((int64_t)n, count));
}

static void add_more(struct case_page *p, size_t n, const char *where)
{
	char count[CLOCK_TEXT_MAX];
	if (n)
		buf_addf(p->out, "<p class=\"note\">And %s more%s.</p>", report_count((int64_t)n, count),
		         where);
}

static void add_time(struct case_page *p, int64_t unix_us)
{
	char text[CLOCK_TEXT_MAX], iso[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<time datetime=\"%s\">%s</time>", clock_iso(unix_us, iso),
	         case_clock(unix_us, text));
}

static void add_video(struct case_page *p, size_t i)
{
	buf_addf(p->out, "<a href=\"#v%zu\" dir=\"auto\">", i + 1);
	case_page_text(p, p->r->videos[i].label, SUBJECT_MAX);
	buf_adds(p->out, "</a>");
}

/* To the frame in the video's own report, where there is one. */
static void add_link(struct case_page *p, const struct case_video *v, const struct case_event *e)
{
	if (v->page)
		buf_addf(p->out, "<a href=\"%s/report.html#s%zu-%zu\">", v->link, e->chunk + 1,
		         e->sample + 1);
}

static void add_frame(struct case_page *p, const struct case_video *v, const struct case_event *e)
{
	char t[CLOCK_TEXT_MAX];
	add_link(p, v, e);
	buf_addf(p->out, "frame at %s%s", clock_text(e->pts, t), v->page ? "</a>" : "");
}

/* ---- the summary */

/* Each sentence with the frames of the events that it is about. */
void case_page_sentences(struct case_page *p)
{
	char t[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < p->r->n_sentences; i++) {
		const struct story_sentence *s = &p->r->sentences[i];
		report_html_text(p->out, s->text);
		buf_adds(p->out, " <span class=\"cites\">");
		for (size_t k = 0; k < s->n_entries && k < CITES_SHOWN; k++) {
			const struct case_moment *m = &p->r->moments[s->entries[k]];
			const struct case_video *v = &p->r->videos[m->video];
			const struct case_event *e = &v->events[m->event];
			add_link(p, v, e);
			buf_addf(p->out, "%s%s ", case_clock(case_time(v, e->start), t), v->page ? "</a>" : "");
		}
		if (s->n_entries > CITES_SHOWN)
			buf_addf(p->out, "and %zu more; case.json has all ", s->n_entries - CITES_SHOWN);
		buf_adds(p->out, "</span>");
	}
}

/* ---- subjects */

static void add_sights(struct case_page *p, const struct case_subject *s)
{
	char n[CLOCK_TEXT_MAX];
	for (size_t k = 0; k < s->n_sights && k < SIGHTS_SHOWN; k++) {
		const struct case_sight *sight = &s->sights[k];
		const struct case_video *v = &p->r->videos[sight->video];
		const struct case_event *first = &v->events[sight->first];
		buf_adds(p->out, "<li>");
		add_time(p, case_time(v, first->start));
		buf_adds(p->out, " ");
		add_video(p, sight->video);
		buf_addf(p->out, " <span class=\"n\">%s</span> ", report_plural(sight->events, "event", n));
		add_frame(p, v, first);
		buf_adds(p->out, "</li>");
	}
}

/* Subjects of one kind; those without a name only if they are in several
 * videos. */
static void add_subjects(struct case_page *p, const struct case_subject *s, size_t n,
                         const char *id, const char *title, const char *note)
{
	char count[CLOCK_TEXT_MAX];
	if (!n)
		return;
	begin(p, id, title, n);
	buf_addf(p->out, "<p class=\"note\">%s</p>\n", note);
	for (size_t i = 0; i < n && i < SUBJECTS_SHOWN; i++) {
		buf_adds(p->out, "<details class=\"seen\"><summary><b dir=\"auto\">");
		case_page_text(p, s[i].text, SUBJECT_MAX);
		buf_addf(p->out, "</b> in %s</summary><ol>", report_plural(s[i].n_sights, "video", count));
		add_sights(p, &s[i]);
		buf_adds(p->out, "</ol>");
		add_more(p, s[i].n_sights > SIGHTS_SHOWN ? s[i].n_sights - SIGHTS_SHOWN : 0,
		         "; case.json has all");
		buf_adds(p->out, "</details>\n");
	}
	add_more(p, n > SUBJECTS_SHOWN ? n - SUBJECTS_SHOWN : 0, "; case.json has all");
	buf_adds(p->out, "</section>\n");
}

void case_page_subjects(struct case_page *p)
{
	size_t n, named, alike;
	struct case_subject *s = case_subjects(p->r, &n);
	case_subjects_listed(s, n, &named, &alike);
	add_subjects(p, s, named, "named", "Subjects with a name",
	             "A person named these; the same name in several videos is one subject.");
	add_subjects(
		p, s + named, alike, "subjects", "Possibly the same",
		"The model described these in the same way in several videos. Whether they are the "
		"same, it cannot say: look at the frames.");
	case_subjects_free(s, n);
}

/* ---- holes */

void case_page_holes(struct case_page *p)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], lost[CLOCK_TEXT_MAX];
	size_t shown = 0;
	if (!p->sums.holes)
		return;
	begin(p, "holes", "Holes", p->sums.holes);
	buf_addf(p->out,
	         "<p class=\"note\">%s could not be described. Nothing is known of what happened "
	         "there.</p>\n<ul class=\"holes\">",
	         clock_short(p->sums.lost, lost));
	for (size_t i = 0; i < p->r->n_videos; i++) {
		const struct case_video *v = &p->r->videos[i];
		for (size_t k = 0; k < v->n_holes && shown < HOLES_SHOWN; k++, shown++) {
			const struct case_hole *h = &v->holes[k];
			buf_adds(p->out, "<li>");
			add_video(p, i);
			buf_addf(p->out, "%s to %s ", clock_text(h->start, a), clock_text(h->end, b));
			buf_adds(p->out, "<span dir=\"auto\">");
			case_page_text(p, h->reason, WHAT_MAX);
			buf_adds(p->out, "</span></li>\n");
		}
	}
	buf_adds(p->out, "</ul>");
	add_more(p, p->sums.holes - shown, "; case.json has all");
	buf_adds(p->out, "</section>\n");
}

/* ---- events */

static void add_event(struct case_page *p, const struct case_moment *m)
{
	const struct case_video *v = &p->r->videos[m->video];
	const struct case_event *e = &v->events[m->event];
	buf_adds(p->out, "<li class=\"event\"><p class=\"when\">");
	add_time(p, case_time(v, e->start));
	buf_adds(p->out, "</p><div><p class=\"what\" dir=\"auto\">");
	if (*e->subject) {
		buf_adds(p->out, "<b class=\"subject\">");
		case_page_text(p, e->subject, SUBJECT_MAX);
		buf_adds(p->out, "</b> ");
	}
	case_page_text(p, e->what, WHAT_MAX);
	report_html_verdict(p->out, e->verdict);
	buf_adds(p->out, "</p><p class=\"from\">");
	add_video(p, m->video);
	buf_adds(p->out, " ");
	add_frame(p, v, e);
	buf_adds(p->out, "</p></div></li>\n");
}

void case_page_events(struct case_page *p)
{
	size_t left_out = 0;
	begin(p, "events", "Events", p->r->n_moments);
	if (!p->r->n_moments) {
		buf_adds(p->out, "<p class=\"note\">The models named no event.</p></section>\n");
		return;
	}
	for (size_t i = 0; i < p->r->n_videos; i++)
		if (p->r->videos[i].n_events > p->most)
			left_out += p->r->videos[i].n_events - p->most;
	if (left_out)
		buf_addf(p->out,
		         "<p class=\"note\">Of each video the first %zu events are listed; the others are "
		         "in its own report, and in case.csv.</p>",
		         p->most);
	buf_adds(
		p->out,
		"<form id=\"filter\" role=\"search\" hidden><label for=\"q\">Show only events with</label> "
		"<input id=\"q\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"> "
		"<span id=\"found\" role=\"status\"></span></form>\n<ol id=\"list\" class=\"events\">\n");
	for (size_t i = 0; i < p->r->n_moments; i++)
		if (p->r->moments[i].event < p->most)
			add_event(p, &p->r->moments[i]);
	buf_adds(p->out, "</ol></section>\n");
}

/* ---- files */

static void add_files(struct case_page *p, const char *id, const char *title, const char *note,
                      const struct case_files *f, bool reason)
{
	if (!f->n)
		return;
	begin(p, id, title, f->n);
	buf_addf(p->out, "<p class=\"note\">%s</p>\n<ul class=\"%s\">", note,
	         reason ? "holes" : "plain");
	for (size_t i = 0; i < f->n && i < FILES_SHOWN; i++) {
		buf_adds(p->out, "<li><b dir=\"auto\">");
		case_page_text(p, f->items[i].name, WHAT_MAX);
		buf_adds(p->out, "</b>");
		if (reason) {
			buf_adds(p->out, " <span dir=\"auto\">");
			case_page_text(p, f->items[i].reason, WHAT_MAX);
			buf_adds(p->out, "</span>");
		}
		buf_adds(p->out, "</li>\n");
	}
	buf_adds(p->out, "</ul>");
	add_more(p, f->n > FILES_SHOWN ? f->n - FILES_SHOWN : 0, "; case.json has all");
	buf_adds(p->out, "</section>\n");
}

void case_page_files(struct case_page *p)
{
	const struct case_report *r = p->r;
	char more[CLOCK_TEXT_MAX];
	add_files(p, "faults", "Files that failed",
	          "Recordings that cannot be read, and what could not be opened. They may hold "
	          "something that was not seen.",
	          &r->faults, true);
	add_files(p, "skipped", "Skipped files", "They were still changing. The next run takes them.",
	          &r->skipped, true);
	AUTO(mem_freep)
	char *note = mem_printf("They are not videos, and were not analyzed. %s in all.",
	                        report_plural(r->n_others, "file", more));
	add_files(p, "others", "Other files", note, &r->others, false);
}
