/* SPDX-License-Identifier: Apache-2.0 */
/* The form of the terminal. No control character reaches it: all foreign text
 * goes through report_line(). */
#include <string.h>

#include "answer/say.h"
#include "report/text.h"

enum { NAME_MAX = 60, QUOTE_MAX = 300, COLUMN_MAX = 80 };

/* Characters, which is how wide most text is. */
static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void add_column(struct buf *out, const char *s, size_t wide)
{
	size_t n = width(s);
	buf_addf(out, "%s%*s", s, n < wide ? (int)(wide - n) : 0, "");
}

/* "[1] cam2.mp4 0:41:07.120 – 0:41:11.480" */
static void add_place(const struct answer *a, size_t i, struct buf *out)
{
	const struct answer_cite *c = &a->cites[i];
	bool known = c->source < a->n_sources;
	AUTO(mem_freep) char *name = report_line(known ? a->sources[c->source].name : "", NAME_MAX);
	buf_addf(out, "[%zu] %s ", i + 1, name);
	answer_add_times(c, out);
	if (known && a->sources[c->source].deleted)
		buf_adds(out, " (source deleted)");
}

struct columns {
	size_t place, verdict;
};

static void raise(size_t *to, size_t n)
{
	if (n > *to && n <= COLUMN_MAX)
		*to = n;
}

static struct columns measure(const struct answer *a)
{
	struct columns w = {0};
	for (size_t i = 0; i < a->n_cites; i++) {
		AUTO(buf_free) struct buf place = BUF(1 << 12), verdict = BUF(1 << 12);
		add_place(a, i, &place);
		answer_add_verdict(&a->cites[i], &verdict);
		raise(&w.place, width(buf_str(&place)));
		raise(&w.verdict, width(buf_str(&verdict)));
	}
	return w;
}

static void add_cite(const struct answer *a, size_t i, const struct columns *w, const char *page,
                     struct buf *out)
{
	const struct answer_cite *c = &a->cites[i];
	AUTO(buf_free) struct buf place = BUF(1 << 12), verdict = BUF(1 << 12);
	add_place(a, i, &place);
	answer_add_verdict(c, &verdict);

	buf_adds(out, "  ");
	add_column(out, buf_str(&place), verdict.len || *page ? w->place : 0);
	if (verdict.len || *page) {
		buf_adds(out, "   ");
		add_column(out, buf_str(&verdict), *page ? w->verdict : 0);
	}
	if (*page)
		buf_addf(out, "   %s#%zu", page, i + 1);
	buf_adds(out, "\n");

	if (!report_is_empty(c->quote)) {
		AUTO(mem_freep) char *quote = report_line(c->quote, QUOTE_MAX);
		buf_addf(out, "      %s: \"%s\"\n", answer_sense_name(c->sense), quote);
	}
}

/* Its lines stay apart. */
static void add_lines(struct buf *out, const char *s)
{
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2);
	report_visible(&b, s);
	for (char *p = b.data, *next; p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		AUTO(mem_freep) char *line = report_line(p, 0);
		if (*line)
			buf_addf(out, "%s\n", line);
	}
}

static void add_note(void *ctx, enum answer_note note, const char *title, const char *text)
{
	(void)note;
	buf_addf(ctx, "%s %s\n", title, text);
}

int answer_text_page(const struct answer *a, const char *page, struct buf *out, struct err *err)
{
	AUTO(mem_freep) char *line = report_line(page, 0);
	struct columns w = measure(a);

	if (answer_has_text(a))
		add_lines(out, a->text);
	for (size_t i = 0; i < a->n_cites; i++)
		add_cite(a, i, &w, line, out);
	answer_add_coverage(a, out);
	buf_adds(out, "\n");
	answer_each_note(a, add_note, out);
	return buf_check(out, "the answer", err);
}

int answer_text(const struct answer *a, struct buf *out, struct err *err)
{
	return answer_text_page(a, "", out, err);
}
