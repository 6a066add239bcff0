/* SPDX-License-Identifier: Apache-2.0 */
/* case.md: the same as the page in short. */
#include <string.h>

#include "base/text.h"
#include "cases/writers.h"
#include "report/checks.h"
#include "report/text.h"

enum { SIGHTS_SHOWN = 5 }; /* videos of a subject */

static void add_head(const struct case_report *r, struct buf *out)
{
	struct case_sums s;
	struct case_count counts[CASE_COUNTS_MAX];
	AUTO(buf_free) struct buf lacks = BUF(1 << 12);
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX];
	case_sum(r, &s);
	buf_adds(out, "# ");
	report_markdown_line(out, r->title);
	buf_addf(out, "\n\n%s · %s long, %s of it described", report_plural(r->n_videos, "video", a),
	         clock_short(s.duration, b), clock_short(s.described, c));
	size_t n = case_counts(r, &s, counts);
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, " · ");
		case_count_text(&counts[i], out);
	}
	buf_adds(out, "\n\n");
	if (r->demo_model)
		buf_adds(out, "> **Made with the demo model**, which understands only vdet's own drawn "
		              "scenes: on any other video its answers are meaningless.\n\n");
	case_lacks_text(r, &lacks);
	if (lacks.len)
		buf_addf(out, "> **Not complete:** %s.\n\n", buf_str(&lacks));
	AUTO(buf_free) struct buf limits = BUF(1 << 12);
	case_limits_text(&s, &limits);
	if (limits.len)
		buf_addf(out, "> %s\n\n", buf_str(&limits));
}

static void add_summary(const struct case_report *r, struct buf *out)
{
	buf_adds(out, "## Summary\n\n");
	if (!r->summary_by_model) {
		buf_adds(out, "*The list of the videos; no summary of the whole was written");
		if (*r->summary_fallback) {
			buf_adds(out, ": ");
			report_markdown_line(out, r->summary_fallback);
		}
		buf_adds(out, "*\n\n");
	}
	for (const char *p = r->summary; *p;) {
		size_t n = strcspn(p, "\n");
		AUTO(mem_freep) char *line = mem_printf("%.*s", (int)n, p);
		buf_adds(out, r->summary_by_model ? "" : "- ");
		report_markdown_line(out, line);
		buf_adds(out, r->summary_by_model ? "\n\n" : "\n");
		p += n + (p[n] == '\n');
	}
	buf_adds(out, "\n");
}

/* What is wrong with the recording, and what the model said of it wrongly. */
static void add_findings(const struct case_video *v, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	if (v->n_withdrawn)
		buf_addf(out, "; %s", report_plural(v->n_withdrawn, "withdrawal", n));
	if (v->n_anomalies)
		buf_addf(out, "; anomalies: %zu", v->n_anomalies);
	if (v->page)
		buf_addf(out, "; [report](%s/report.html)", v->link);
	if (*v->warning) {
		buf_adds(out, "; the file: ");
		report_markdown_line(out, v->warning);
	}
}

static void add_videos(const struct case_report *r, struct buf *out)
{
	char t[CLOCK_TEXT_MAX], d[CLOCK_TEXT_MAX], e[CLOCK_TEXT_MAX];
	buf_adds(out, "## Videos\n\nStarts are UTC.\n\n");
	for (size_t i = 0; i < r->n_videos; i++) {
		const struct case_video *v = &r->videos[i];
		buf_addf(out, "%zu. **%s** (%s), %s: ", i + 1, case_clock(v->start, t),
		         v->clock == STORE_CLOCK_METADATA ? "metadata" : "time of the file",
		         clock_short(v->duration, d));
		report_markdown_line(out, v->label);
		for (size_t k = 0; k < v->n_same; k++) {
			buf_adds(out, ", the same as ");
			report_markdown_line(out, v->same[k].name);
			if (v->same[k].missing)
				buf_addf(out, " (%s)", case_presence(v->same[k].missing, v->same[k].replaced));
		}
		buf_addf(out, "%s%s", v->missing ? ", " : "", case_presence(v->missing, v->replaced));
		buf_addf(out, *v->job ? ", %s" : ", not analyzed", report_plural(v->n_events, "event", e));
		add_findings(v, out);
		AUTO(buf_free) struct buf limits = BUF(1 << 20);
		case_video_limits_text(v, &limits);
		if (limits.len)
			buf_addf(out, "; **%s**", buf_str(&limits));
		if (*v->fault) {
			buf_adds(out, "; failed: ");
			report_markdown_line(out, v->fault);
		}
		buf_adds(out, "\n");
	}
	buf_adds(out, "\n");
}

static void add_events(const struct case_report *r, struct buf *out)
{
	char t[CLOCK_TEXT_MAX], at[CLOCK_TEXT_MAX];
	buf_addf(out, "## Events\n\n%s", r->n_moments ? "" : "None.\n");
	for (size_t i = 0; i < r->n_moments; i++) {
		const struct case_video *v = &r->videos[r->moments[i].video];
		const struct case_event *e = &v->events[r->moments[i].event];
		buf_addf(out, "- **%s** ", case_clock(case_time(v, e->start), t));
		report_markdown_line(out, e->what);
		report_markdown_verdict(out, e->verdict);
		buf_adds(out, " *(");
		report_markdown_line(out, v->label);
		buf_addf(out, " at %s, chunk %zu)*\n", report_exact(e->pts, at), e->chunk + 1);
	}
	buf_adds(out, "\n");
}

static void add_holes(const struct case_report *r, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	bool any = false;
	for (size_t i = 0; i < r->n_videos; i++)
		for (size_t k = 0; k < r->videos[i].n_holes; k++) {
			const struct case_hole *h = &r->videos[i].holes[k];
			buf_adds(out, any ? "- " : "## Holes\n\n- ");
			any = true;
			report_markdown_line(out, r->videos[i].label);
			buf_addf(out, " **%s – %s** ", clock_text(h->start, a), clock_text(h->end, b));
			report_markdown_line(out, h->reason);
			buf_adds(out, "\n");
		}
	buf_adds(out, any ? "\n" : "");
}

static void add_subjects(const struct case_report *r, const struct case_subject *s, size_t n,
                         const char *title, const char *note, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (!n)
		return;
	buf_addf(out, "## %s\n\n%s\n\n", title, note);
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, "- ");
		report_markdown_line(out, s[i].text);
		buf_addf(out, ": %s in %s (", report_plural(s[i].events, "event", a),
		         report_plural(s[i].n_sights, "video", b));
		for (size_t k = 0; k < s[i].n_sights && k < SIGHTS_SHOWN; k++) {
			buf_adds(out, k ? ", " : "");
			report_markdown_line(out, r->videos[s[i].sights[k].video].label);
		}
		buf_adds(out, s[i].n_sights > SIGHTS_SHOWN ? ", …)\n" : ")\n");
	}
	buf_adds(out, "\n");
}

static void add_all_subjects(const struct case_report *r, struct buf *out)
{
	size_t n, named, alike;
	struct case_subject *s = case_subjects(r, &n);
	case_subjects_listed(s, n, &named, &alike);
	add_subjects(r, s, named, "Subjects with a name", "Named by a person.", out);
	add_subjects(r, s + named, alike, "Possibly the same",
	             "Described in the same way in several videos.", out);
	case_subjects_free(s, n);
}

static void add_files(struct buf *out, const char *title, const struct case_files *f, bool reason)
{
	if (!f->n)
		return;
	buf_addf(out, "## %s\n\n", title);
	for (size_t i = 0; i < f->n; i++) {
		buf_adds(out, "- ");
		report_markdown_line(out, f->items[i].name);
		if (reason) {
			buf_adds(out, ": ");
			report_markdown_line(out, f->items[i].reason);
		}
		buf_adds(out, "\n");
	}
	buf_adds(out, "\n");
}

int case_markdown(const struct case_report *r, struct buf *out, struct err *err)
{
	add_head(r, out);
	add_summary(r, out);
	add_videos(r, out);
	add_all_subjects(r, out);
	add_holes(r, out);
	add_files(out, "Files that failed", &r->faults, true);
	add_files(out, "Skipped files", &r->skipped, true);
	add_events(r, out);
	add_files(out, "Other files", &r->others, false);
	if (r->n_others > r->others.n)
		buf_addf(out, "and %zu more\n", r->n_others - r->others.n);
	return buf_check(out, "case.md", err);
}
