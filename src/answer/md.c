/* SPDX-License-Identifier: Apache-2.0 */
/* answer.md: all text is escaped by report_markdown_line(). */
#include <string.h>

#include "answer/say.h"
#include "report/text.h"

static void add_note(void *ctx, enum answer_note note, const char *title, const char *text)
{
	struct buf *out = ctx;
	(void)note;
	buf_addf(out, "> **%s** ", title);
	report_markdown_line(out, text);
	buf_adds(out, "\n\n");
}

/* Its lines become paragraphs. */
static void add_paragraphs(struct buf *out, const char *s)
{
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2);
	report_visible(&b, s);
	for (char *p = b.data, *next; p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		if (!*p)
			continue;
		report_markdown_line(out, p);
		buf_adds(out, "\n\n");
	}
}

static void add_frames(const struct answer_cite *c, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < c->n_frames; i++)
		buf_addf(out, "%s%s", i ? ", " : "; frames ", report_exact(c->frames[i].pts, t));
}

/* The number of an item of a list is that of the citation. */
static void add_cite(const struct answer *a, size_t i, struct buf *out)
{
	const struct answer_cite *c = &a->cites[i];
	AUTO(buf_free) struct buf b = BUF(1 << 12);

	buf_addf(out, "%zu. **", i + 1);
	report_markdown_line(out, c->source < a->n_sources ? a->sources[c->source].name : "");
	buf_adds(out, " ");
	answer_add_times(c, out);
	buf_adds(out, "** ");
	report_markdown_line(out, c->text);
	if (!report_is_empty(c->quote)) {
		buf_addf(out, " %s: “", answer_sense_name(c->sense));
		report_markdown_line(out, c->quote);
		buf_adds(out, "”");
	}
	answer_add_verdict(c, &b);
	buf_adds(out, " *(");
	report_markdown_line(out, b.len ? buf_str(&b) : "nothing to check");
	add_frames(c, out);
	buf_adds(out, ")*\n");
}

static void add_cites(const struct answer *a, struct buf *out)
{
	if (!a->n_cites)
		return;
	buf_adds(out, "## Citations\n\n");
	for (size_t i = 0; i < a->n_cites; i++)
		add_cite(a, i, out);
	buf_adds(out, "\n");
}

static void add_dropped(const struct answer *a, struct buf *out)
{
	if (!a->n_dropped)
		return;
	buf_adds(out, "## Dropped claims\n\nThey are not part of the answer.\n\n");
	for (size_t i = 0; i < a->n_dropped; i++) {
		buf_adds(out, "- ");
		report_markdown_line(out, a->dropped[i].text);
		buf_adds(out, " *(");
		report_markdown_line(out, a->dropped[i].reason);
		buf_adds(out, ")*\n");
	}
	buf_adds(out, "\n");
}

static void add_source(const struct answer_source *s, struct buf *out)
{
	buf_adds(out, "\n| ");
	report_markdown_line(out, s->name);
	buf_adds(out, s->deleted ? " (deleted) | " : " | ");
	answer_add_length(out, s->to - s->from);
	buf_addf(out, " | %zu | ", s->windows);
	answer_add_length(out, s->examined);
	buf_adds(out, " | ");
	answer_add_length(out, s->holes);
	buf_adds(out, " | ");
	report_markdown_line(out, s->unseen);
	buf_adds(out, " |");
}

static void add_sources(const struct answer *a, struct buf *out)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	answer_add_coverage(a, &b);
	buf_adds(out, "## Coverage\n\n");
	report_markdown_line(out, buf_str(&b));
	if (a->n_sources)
		buf_adds(out, "\n\n| video | analyzed | windows | examined | holes | |\n"
		              "|---|---|---|---|---|---|");
	for (size_t i = 0; i < a->n_sources; i++)
		add_source(&a->sources[i], out);
	buf_adds(out, "\n\n");
}

static void add_row(void *ctx, const char *name, const char *value)
{
	struct buf *out = ctx;
	buf_addf(out, "\n| %s | ", name);
	report_markdown_line(out, value);
	buf_adds(out, " |");
}

int answer_markdown(const struct answer *a, struct buf *out, struct err *err)
{
	buf_adds(out, "# ");
	report_markdown_line(out, a->question);
	buf_adds(out, "\n\n");
	if (answer_has_text(a))
		add_paragraphs(out, a->text);
	if (a->state == ANSWER_NOT_FOUND || a->state == ANSWER_NOT_SEEN)
		buf_addf(out, "**%s**\n\n", a->state == ANSWER_NOT_SEEN ? "Not seen." : "Not found.");
	answer_each_note(a, add_note, out);
	add_cites(a, out);
	add_sources(a, out);
	add_dropped(a, out);
	buf_adds(out, "## How this was made\n\n| | |\n|---|---|");
	answer_each_row(a, add_row, out);
	buf_adds(out, "\n");
	return buf_check(out, "answer.md", err);
}
