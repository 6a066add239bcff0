/* SPDX-License-Identifier: Apache-2.0 */
/* The subjects of the page, each with a lane that shows when it appears. */
#include <math.h>

#include "report/html-internal.h"
#include "report/subject-text.h"

enum { OPEN_MAX = 40 }; /* the others are folded away */

#define NARROWEST 0.35 /* per cent */

/* The first event, or state, of an interval; both lists are in order. */
struct anchors {
	size_t event, state;
};

static bool find_anchor(const struct report *r, const struct report_subject *s, struct anchors *at,
                        int64_t start, char *ret_letter, size_t *ret)
{
	while (at->event < s->n_events && r->events[s->events[at->event]].start < start)
		at->event++;
	while (at->state < s->n_states && r->states[s->states[at->state]].start < start)
		at->state++;
	if (at->event < s->n_events && r->events[s->events[at->event]].start == start) {
		*ret_letter = 'e';
		*ret = s->events[at->event];
		return true;
	}
	*ret_letter = 'u';
	if (at->state < s->n_states)
		*ret = s->states[at->state];
	return r->detail != REPORT_LOW && at->state < s->n_states && r->states[*ret].start == start;
}

static void add_lane(struct report_page *p, const struct report_subject *s)
{
	struct anchors at = {0};
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], letter;
	buf_adds(p->out, "<svg class=\"lane\" width=\"100%\" height=\"14\">");
	for (size_t i = 0; i < s->n_intervals; i++) {
		const struct report_stretch *t = &s->intervals[i];
		double x = fmin(report_page_across(p->r, t->start), 100 - NARROWEST);
		double w = fmin(fmax(report_page_across(p->r, t->end) - x, NARROWEST), 100 - x);
		size_t n = 0;
		bool link = find_anchor(p->r, s, &at, t->start, &letter, &n);
		if (link)
			buf_addf(p->out, "<a href=\"#%c%zu\" aria-label=\"%s to %s\">", letter, n + 1,
			         clock_text(t->start, a), clock_text(t->end, b));
		buf_addf(p->out, "<rect x=\"%.3f%%\" y=\"2\" width=\"%.3f%%\" height=\"10\" rx=\"2\"/>%s",
		         x, w, link ? "</a>" : "");
	}
	buf_adds(p->out, "</svg>");
}

static void add_subject(struct report_page *p, const struct report_subject *s)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<li id=\"b%lld\"><p class=\"who\">subject %lld <b dir=\"auto\">",
	         (long long)s->number, (long long)s->number);
	report_page_text(p, report_subject_name(s));
	buf_adds(p->out, "</b> <span class=\"note\">");
	if (!report_is_empty(s->name)) {
		buf_adds(p->out, "described as <span dir=\"auto\">");
		report_page_text(p, s->description);
		buf_adds(p->out, "</span>; ");
	}
	buf_adds(p->out, report_plural(s->n_events, "event", n));
	if (s->n_states)
		buf_addf(p->out, ", %s", report_plural(s->n_states, "state", n));
	for (size_t i = 0; i < s->n_possible; i++)
		buf_addf(p->out, "%s<a href=\"#b%lld\">%lld</a>", i ? ", " : "; possibly the same as ",
		         (long long)s->possible[i], (long long)s->possible[i]);
	buf_addf(p->out, "%s</span></p>",
	         !s->more_possible ? ""
	         : s->n_possible   ? " and others"
	                           : "; possibly the same as others");
	add_lane(p, s);
	buf_adds(p->out, "</li>\n");
}

static void add_not_applied(struct report_page *p)
{
	size_t n = report_count_not_applied(p->r);
	char text[CLOCK_TEXT_MAX];
	if (!n)
		return;
	buf_addf(p->out, "<p class=\"note\">%s of the subjects not applied:</p>\n<ul>",
	         report_plural(n, "edit", text));
	for (size_t i = 0; i < p->r->n_subject_edits; i++) {
		AUTO(buf_free) struct buf b = BUF(1 << 20);
		if (!p->r->subject_edits[i].fault)
			continue;
		report_edit_text(&p->r->subject_edits[i], &b);
		buf_adds(p->out, "<li dir=\"auto\">");
		report_page_text(p, buf_str(&b));
		buf_adds(p->out, "</li>\n");
	}
	buf_adds(p->out, "</ul>\n");
}

void report_page_subjects(struct report_page *p)
{
	const struct report *r = p->r;
	char n[CLOCK_TEXT_MAX];
	if (!r->n_subjects && !report_count_not_applied(r))
		return;
	buf_addf(p->out,
	         "<section id=\"subjects\" aria-labelledby=\"h-subjects\"><h2 "
	         "id=\"h-subjects\">Subjects <span class=\"n\">%s</span></h2>\n<p class=\"note\">Who "
	         "or what the events are about, by the words of the model. The same words may be about "
	         "several.</p>\n<ol class=\"subjects\">\n",
	         report_count((int64_t)r->n_subjects, n));
	for (size_t i = 0; i < r->n_subjects; i++) {
		if (i == OPEN_MAX)
			buf_addf(p->out, "</ol>\n<details><summary>%s more</summary><ol class=\"subjects\">\n",
			         report_plural(r->n_subjects - OPEN_MAX, "subject", n));
		add_subject(p, &r->subjects[i]);
	}
	buf_addf(p->out, "</ol>%s\n", r->n_subjects > OPEN_MAX ? "</details>" : "");
	add_not_applied(p);
	buf_adds(p->out, "</section>\n");
}
