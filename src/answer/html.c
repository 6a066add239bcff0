/* SPDX-License-Identifier: Apache-2.0 */
/* answer.html: one file that needs nothing else; report/html-page.h says what
 * it may need. Citation n has the anchor #n. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answer/say.h"
#include "answer_texts.h"
#include "base/text.h"
#include "report/html-page.h"
#include "report/text.h"

/* Pictures beyond this are left out, and their place says so. */
#define PICTURES_MAX_BYTES ((size_t)64 << 20)

enum { NAME_MAX = 200, WIDE = 1000 };

struct page {
	const struct answer *a;
	struct buf *out;
	size_t left; /* bytes of pictures that still fit */
};

/* ---- pieces */

static void add_cut(struct page *p, const char *s)
{
	AUTO(mem_freep) char *line = report_line(s, NAME_MAX);
	report_html_text(p->out, line);
}

static void add_time(struct page *p, int64_t us)
{
	char t[CLOCK_TEXT_MAX], seconds[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<time datetime=\"PT%sS\">%s</time>", report_seconds(us, seconds),
	         answer_time(us, t));
}

static void add_links(struct page *p, const size_t *cites, size_t n)
{
	buf_adds(p->out, " <span class=\"cites\">");
	for (size_t i = 0; i < n; i++)
		buf_addf(p->out, "<a href=\"#%zu\">[%zu]</a> ", cites[i] + 1, cites[i] + 1);
	buf_adds(p->out, "</span>");
}

/* Text of which the first `len` bytes are escaped. */
static void add_piece(struct page *p, const char *s, size_t len)
{
	AUTO(buf_free) struct buf piece = BUF(SIZE_MAX / 2);
	buf_add(&piece, s, len);
	text_html(p->out, buf_str(&piece));
}

/* The length of a mark of a citation that exists, "[12]", at s; else 0. */
static size_t mark_at(const struct page *p, const char *s, size_t *ret_number)
{
	char *end;
	if (*s != '[' || !isdigit((unsigned char)s[1]))
		return 0;
	unsigned long n = strtoul(s + 1, &end, 10);
	*ret_number = n;
	return *end == ']' && n && n <= p->a->n_cites ? (size_t)(end + 1 - s) : 0;
}

static void add_marked_text(struct page *p, const char *s)
{
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2);
	report_visible(&b, s);
	const char *from = buf_str(&b);
	for (const char *at = strchr(from, '['); at;) {
		size_t number, len = mark_at(p, at, &number);
		if (!len) {
			at = strchr(at + 1, '[');
			continue;
		}
		add_piece(p, from, (size_t)(at - from));
		buf_addf(p->out, "<a class=\"cites\" href=\"#%zu\">[%zu]</a>", number, number);
		from = at + len;
		at = strchr(from, '[');
	}
	text_html(p->out, from);
}

/* The address of the report of a source. */
static void add_report_link(struct page *p, const struct answer_source *s)
{
	if (!s->report || s->report[0] != '/' || s->deleted)
		return;
	buf_adds(p->out, " <a href=\"file://");
	for (const char *c = s->report; *c; c++)
		if (isalnum((unsigned char)*c) || strchr("/-._~", *c))
			buf_add(p->out, c, 1);
		else
			buf_addf(p->out, "%%%02X", (unsigned char)*c);
	buf_adds(p->out, "/report.html\">report</a>");
}

/* ---- the top */

static void add_banner(void *ctx, enum answer_note note, const char *title, const char *text)
{
	static const char *const classes[] = {"note", "banner warn", "banner bad"};
	struct page *p = ctx;
	buf_addf(p->out, "<p class=\"%s\"><strong>%s</strong> <span dir=\"auto\">", classes[note],
	         title);
	report_html_text(p->out, text);
	buf_adds(p->out, "</span></p>\n");
}

static const char *state_text(enum answer_state s)
{
	static const char *const texts[] = {"Answered", "Answered in part", "Not found", "Not seen",
	                                    "Failed"};
	return (size_t)s < ARRAY_LEN(texts) ? texts[s] : "";
}

static void add_header(struct page *p)
{
	const struct answer *a = p->a;
	struct answer_sums s;
	char t[CLOCK_TEXT_MAX], iso[CLOCK_TEXT_MAX];
	answer_sum(a, &s);
	clock_iso(a->created, iso);
	AUTO(mem_freep) char *created = mem_printf("%.10s, %.5s UTC", iso, *iso ? iso + 11 : "");

	buf_adds(p->out, "<header>\n<p class=\"kicker\">Answer</p>\n<h1 dir=\"auto\">");
	report_html_text(p->out, a->question);
	buf_adds(p->out, "</h1>\n<dl class=\"facts\">");
	report_html_fact(p->out, "Result", state_text(a->state));
	report_html_fact(p->out, "Videos", report_count((int64_t)s.sources, t));
	report_html_fact(p->out, "Analyzed", clock_short(s.length, t));
	report_html_fact(p->out, "Citations", report_count((int64_t)a->n_cites, t));
	report_html_fact(p->out, "Model", a->model);
	if (a->created >= 0)
		report_html_fact(p->out, "Made", created);
	buf_adds(p->out, "</dl>\n");
	answer_each_note(a, add_banner, p);

	buf_adds(p->out, "</header>\n<nav aria-label=\"Sections\"><a href=\"#answer\">Answer</a> ");
	if (a->n_cites)
		buf_adds(p->out, "<a href=\"#citations\">Citations</a> ");
	buf_adds(p->out, "<a href=\"#coverage\">Coverage</a> ");
	if (a->n_dropped)
		buf_adds(p->out, "<a href=\"#dropped\">Dropped claims</a> ");
	buf_adds(p->out, "<a href=\"#made\">How this was made</a></nav>\n");
}

static void add_claims(struct page *p)
{
	char n[CLOCK_TEXT_MAX];
	if (!p->a->n_claims)
		return;
	buf_addf(p->out, "<details><summary>%s</summary><ul class=\"found\">\n",
	         report_plural(p->a->n_claims, "claim", n));
	for (size_t i = 0; i < p->a->n_claims; i++) {
		const struct answer_claim *c = &p->a->claims[i];
		buf_adds(p->out, "<li><span dir=\"auto\">");
		report_html_text(p->out, c->text);
		buf_adds(p->out, "</span>");
		if (!c->n_cites || c->cites[0] >= p->a->n_cites ||
		    !answer_is_quote(&p->a->cites[c->cites[0]]))
			report_html_verdict(p->out, check_verdict_name(c->verdict));
		add_links(p, c->cites, c->n_cites);
		buf_adds(p->out, "</li>\n");
	}
	buf_adds(p->out, "</ul></details>\n");
}

static void add_answer(struct page *p)
{
	AUTO(buf_free) struct buf coverage = BUF(1 << 16);
	answer_add_coverage(p->a, &coverage);
	buf_adds(p->out, "<section id=\"answer\" aria-labelledby=\"h-answer\"><h2 id=\"h-answer\">"
	                 "Answer</h2>\n<div class=\"summary\" dir=\"auto\">");
	if (answer_has_text(p->a))
		add_marked_text(p, p->a->text);
	else
		report_html_text(p->out, buf_str(&coverage));
	buf_adds(p->out, "</div>\n");
	add_claims(p);
	buf_adds(p->out, "</section>\n");
}

/* ---- citations */

static void add_frame(struct page *p, const struct answer_frame *f)
{
	char t[CLOCK_TEXT_MAX];
	buf_adds(p->out, "<li><figure>");
	if (f->jpeg && f->jpeg_len && f->jpeg_len <= p->left) {
		p->left -= f->jpeg_len;
		buf_addf(p->out, "<img class=\"th\" alt=\"Frame at %s\" src=\"data:image/jpeg;base64,",
		         answer_time(f->pts, t));
		text_base64(p->out, f->jpeg, f->jpeg_len);
		buf_adds(p->out, "\">");
	} else {
		buf_adds(p->out, "<span class=\"th none\">picture not kept</span>");
	}
	buf_adds(p->out, "<figcaption>");
	add_time(p, f->pts);
	if (!report_is_empty(f->decode_path) && strcmp(f->decode_path, "software") != 0) {
		buf_adds(p->out, " <span class=\"path\" title=\"how it was decoded\">");
		add_cut(p, f->decode_path);
		buf_adds(p->out, "</span>");
	}
	buf_adds(p->out, "</figcaption></figure></li>");
}

/* What was found, what a check says of it, and the frames. */
static void add_found(struct page *p, const struct answer_cite *c)
{
	AUTO(buf_free) struct buf verdict = BUF(1 << 16);
	answer_add_verdict(c, &verdict);
	buf_adds(p->out, "<div class=\"said\"><p class=\"what\" dir=\"auto\">");
	report_html_text(p->out, c->text);
	buf_adds(p->out, "</p>");
	if (!report_is_empty(c->quote)) {
		buf_addf(p->out, "<p class=\"quote\" dir=\"auto\">%s: “", answer_sense_name(c->sense));
		report_html_text(p->out, c->quote);
		buf_adds(p->out, "”</p>");
	}
	buf_adds(p->out, "<p class=\"note\">");
	report_html_text(p->out, verdict.len ? buf_str(&verdict) : "nothing to check");
	buf_adds(p->out, "</p>");
	if (c->n_frames)
		buf_adds(p->out, "<ul class=\"frames\">");
	for (size_t i = 0; i < c->n_frames; i++)
		add_frame(p, &c->frames[i]);
	buf_adds(p->out, c->n_frames ? "</ul></div>" : "</div>");
}

static void add_cite(struct page *p, size_t i)
{
	const struct answer_cite *c = &p->a->cites[i];
	buf_addf(p->out, "<li class=\"event cited\" id=\"%zu\"><p class=\"when\"><a href=\"#%zu\">",
	         i + 1, i + 1);
	buf_addf(p->out, "[%zu]</a> ", i + 1);
	add_time(p, c->start);
	if (c->end > c->start) {
		buf_adds(p->out, "<span class=\"to\"> to ");
		add_time(p, c->end);
		buf_adds(p->out, "</span>");
	}
	buf_adds(p->out, "</p>");
	add_found(p, c);
	buf_adds(p->out, "<p class=\"where\"><span dir=\"auto\">");
	if (c->source < p->a->n_sources) {
		const struct answer_source *s = &p->a->sources[c->source];
		add_cut(p, s->name);
		buf_adds(p->out, s->deleted ? "</span> (source deleted)" : "</span>");
		add_report_link(p, s);
	} else {
		buf_adds(p->out, "</span>");
	}
	buf_adds(p->out, "</p></li>\n");
}

static void add_cites(struct page *p)
{
	if (!p->a->n_cites)
		return;
	buf_adds(p->out, "<section id=\"citations\" aria-labelledby=\"h-citations\"><h2 "
	                 "id=\"h-citations\">Citations</h2>\n<ol>\n");
	for (size_t i = 0; i < p->a->n_cites; i++)
		add_cite(p, i);
	buf_adds(p->out, "</ol></section>\n");
}

/* ---- coverage */

static long share(int64_t part, int64_t whole)
{
	double x = whole > 0 ? (double)part / (double)whole : 0;
	return lround(WIDE * (x > 1 ? 1 : x > 0 ? x : 0));
}

/* How much was examined, is known in general, is not known: not where. */
static void add_bar(struct page *p, const struct answer_source *s)
{
	int64_t length = s->to - s->from;
	long hole = share(s->holes, length), seen = share(s->examined, length);
	if (seen > WIDE - hole)
		seen = WIDE - hole;
	buf_addf(p->out,
	         "<svg class=\"lane\" viewBox=\"0 0 %d 12\" preserveAspectRatio=\"none\" "
	         "width=\"100%%\" height=\"12\" role=\"img\" aria-label=\"Its shares\"><rect x=\"0\" "
	         "y=\"0\" width=\"%ld\" height=\"12\"/><rect class=\"g\" x=\"%ld\" y=\"0\" "
	         "width=\"%ld\" height=\"12\"/><rect class=\"h\" x=\"%ld\" y=\"0\" width=\"%ld\" "
	         "height=\"12\"/></svg>",
	         WIDE, seen, seen, WIDE - hole - seen, WIDE - hole, hole);
}

static void add_source(struct page *p, const struct answer_source *s)
{
	char n[CLOCK_TEXT_MAX];
	buf_adds(p->out, "<li><p class=\"name\" dir=\"auto\">");
	add_cut(p, s->name);
	buf_adds(p->out, "</p>");
	add_bar(p, s);
	buf_adds(p->out, "<p>");
	answer_add_length(p->out, s->to - s->from);
	buf_adds(p->out, " analyzed · ");
	answer_add_length(p->out, s->examined);
	buf_addf(p->out, " examined in %s", report_plural(s->windows, "window", n));
	if (s->mean_gap > 0) {
		buf_adds(p->out, " · described by a frame every ");
		answer_add_length(p->out, s->mean_gap);
	}
	if (s->holes > 0) {
		buf_adds(p->out, " · holes: ");
		answer_add_length(p->out, s->holes);
	}
	buf_adds(p->out, s->deleted ? " · <b>deleted</b>" : "");
	buf_adds(p->out, report_is_empty(s->job) ? " · <b>not analyzed</b>" : "");
	if (!report_is_empty(s->unseen)) {
		buf_adds(p->out, " · could not be examined: <span dir=\"auto\">");
		report_html_text(p->out, s->unseen);
		buf_adds(p->out, "</span>");
	}
	add_report_link(p, s);
	buf_adds(p->out, "</p></li>\n");
}

static void add_coverage(struct page *p)
{
	AUTO(buf_free) struct buf coverage = BUF(1 << 16);
	answer_add_coverage(p->a, &coverage);
	buf_adds(p->out, "<section id=\"coverage\" aria-labelledby=\"h-coverage\"><h2 "
	                 "id=\"h-coverage\">Coverage</h2>\n<p class=\"note\" dir=\"auto\">");
	report_html_text(p->out, buf_str(&coverage));
	buf_adds(p->out, "</p>\n");
	if (p->a->n_sources)
		buf_adds(p->out, "<ul class=\"legend\"><li class=\"l-mark\">examined for this question</li>"
		                 "<li class=\"l-general\">known by its general description</li><li "
		                 "class=\"l-hole\">holes</li></ul>\n<ul class=\"bars\">\n");
	for (size_t i = 0; i < p->a->n_sources; i++)
		add_source(p, &p->a->sources[i]);
	buf_adds(p->out, p->a->n_sources ? "</ul></section>\n" : "</section>\n");
}

/* ---- the end */

static void add_dropped(struct page *p)
{
	if (!p->a->n_dropped)
		return;
	buf_adds(p->out, "<section id=\"dropped\" aria-labelledby=\"h-dropped\"><h2 id=\"h-dropped\">"
	                 "Dropped claims</h2>\n<p class=\"note\">They are not part of the answer.</p>\n"
	                 "<ul class=\"found\">\n");
	for (size_t i = 0; i < p->a->n_dropped; i++) {
		buf_adds(p->out, "<li><p dir=\"auto\">");
		report_html_text(p->out, p->a->dropped[i].text);
		buf_adds(p->out, "</p><p class=\"note\" dir=\"auto\">");
		report_html_text(p->out, p->a->dropped[i].reason);
		buf_adds(p->out, "</p></li>\n");
	}
	buf_adds(p->out, "</ul></section>\n");
}

static void add_row(void *ctx, const char *name, const char *value)
{
	struct page *p = ctx;
	buf_addf(p->out, "<div><dt>%s</dt><dd dir=\"auto\">", name);
	report_html_text(p->out, value);
	buf_adds(p->out, "</dd></div>\n");
}

static void add_steps(struct page *p)
{
	char n[CLOCK_TEXT_MAX];
	if (!p->a->n_steps)
		return;
	buf_addf(p->out, "<details><summary>%s</summary><ol class=\"steps\">\n",
	         report_plural(p->a->n_steps, "step", n));
	for (size_t i = 0; i < p->a->n_steps; i++) {
		const struct answer_step *s = &p->a->steps[i];
		buf_addf(p->out, "<li><p>%zu. <b>", i + 1);
		report_html_text(p->out, s->kind);
		buf_adds(p->out, "</b> <span dir=\"auto\">");
		report_html_text(p->out, s->text);
		buf_adds(p->out, "</span></p><p>from <code>");
		report_html_text(p->out, s->request);
		buf_adds(p->out, report_is_empty(s->result) ? "</code>: failed" : "</code> to <code>");
		report_html_text(p->out, s->result);
		buf_adds(p->out, report_is_empty(s->result) ? "</p></li>\n" : "</code></p></li>\n");
	}
	buf_adds(p->out, "</ol></details>\n");
}

int answer_html(const struct answer *a, struct buf *out, struct err *err)
{
	struct page p = {.a = a, .out = out, .left = PICTURES_MAX_BYTES};
	AUTO(mem_freep) char *line = report_line(a->question, NAME_MAX);
	AUTO(mem_freep) char *title = mem_printf("%s – answer", line);

	report_html_begin(out, title, answer_answer_css);
	buf_adds(out, "<a class=\"skip\" href=\"#answer\">Skip to the answer</a>\n");
	add_header(&p);
	buf_adds(out, "<main>\n");
	add_answer(&p);
	add_cites(&p);
	add_coverage(&p);
	add_dropped(&p);
	buf_adds(out, "<section id=\"made\" aria-labelledby=\"h-made\"><h2 id=\"h-made\">How this was "
	              "made</h2>\n<dl class=\"rows\">\n");
	answer_each_row(a, add_row, &p);
	buf_adds(out, "</dl>\n");
	add_steps(&p);
	buf_adds(out, "</section>\n");
	report_html_end(out, a->vdet_version);
	buf_adds(out, "</body>\n</html>\n");
	return buf_check(out, "answer.html", err);
}
