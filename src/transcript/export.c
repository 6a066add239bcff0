/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript/export.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "report/said.h"

/* Before a text that is read, not said. */
#define WRITTEN_MARK "(written) "

/* "[00:00:01.000 - 00:00:02.500] Ann: Hello." */
static void add_line(struct buf *out, size_t number, const struct store_segment *s, bool named)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	(void)number;
	buf_addf(out, "[%s - %s] %s%s%s%s\n", clock_text(s->start, a), clock_text(s->end, b),
	         named ? WRITTEN_MARK : "", s->who, *s->who ? ": " : "", s->text);
}

/* With a comma before the milliseconds. An arrow would end the text. */
static void add_srt(struct buf *out, size_t number, const struct store_segment *s, bool named)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	clock_text(s->start, a);
	clock_text(s->end, b);
	*strchr(a, '.') = *strchr(b, '.') = ',';
	buf_addf(out, "%zu\n%s --> %s\n%s%s%s%s\n\n", number, a, b, named ? WRITTEN_MARK : "", s->who,
	         *s->who ? ": " : "", s->text);
}

static void add_escaped(struct buf *out, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		default: buf_add(out, s, 1);
		}
}

static void add_vtt(struct buf *out, size_t number, const struct store_segment *s, bool named)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	buf_addf(out, "%zu\n%s --> %s\n", number, clock_text(s->start, a), clock_text(s->end, b));
	buf_adds(out, named ? WRITTEN_MARK : "");
	if (*s->who) {
		buf_adds(out, "<v ");
		add_escaped(out, s->who);
		buf_adds(out, ">");
	}
	add_escaped(out, s->text);
	buf_adds(out, "\n\n");
}

/* The lists that were asked for, and no others: an empty one says that there is
 * nothing. */
static void add_json(const struct store_transcript *t, const struct said_choice *c, struct buf *out)
{
	AUTO(buf_free) struct buf coverage = BUF(1 << 20);
	json_auto_t *o = json_object();
	report_said_coverage(t, c->kinds, &coverage);
	if (strcmp(c->kinds, STORE_WRITTEN) != 0) {
		json_object_set_new(o, "said", report_said_json(t, c));
		json_object_set_new(o, "said_sources", report_said_sources_json(t, c));
	}
	if (said_has_kind(c, STORE_WRITTEN)) {
		json_object_set_new(o, "written", report_written_json(t, c));
		json_object_set_new(o, "written_sources", report_written_sources_json(t, c));
	}
	json_object_set_new(o, "dropped", report_dropped_json(t, c, true));
	json_object_set_new(o, "coverage", json_string(buf_str(&coverage)));
	AUTO(mem_freep) char *text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	buf_addf(out, "%s\n", text);
}

/* Text in the picture is named where it is beside what is said. */
static void add_segments(const struct store_transcript *t, const struct said_choice *c,
                         void (*add)(struct buf *out, size_t number, const struct store_segment *s,
                                     bool named),
                         struct buf *out)
{
	bool both = strcmp(c->kinds, "all") == 0;
	size_t n = 0;
	for (size_t i = 0; i < t->n_segments; i++) {
		const struct store_segment *s = &t->segments[i];
		if (said_has(c, s))
			add(out, ++n, s, both && strcmp(s->kind, STORE_WRITTEN) == 0);
	}
}

int transcript_print(const struct store_transcript *t, const char *format,
                     const struct said_choice *choice, struct buf *out, struct err *err)
{
	static const struct {
		const char *name, *head;
		void (*add)(struct buf *out, size_t number, const struct store_segment *s, bool named);
	} formats[] = {{"txt", "", add_line}, {"srt", "", add_srt}, {"vtt", "WEBVTT\n\n", add_vtt}};
	if (!said_is_choice(choice->kinds))
		return err_set(err, ERR_ARG, "the kind of a transcript is one of " SAID_KINDS);
	if (strcmp(format, "json") == 0) {
		add_json(t, choice, out);
		return buf_check(out, "the transcript", err);
	}
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(format, formats[i].name) != 0)
			continue;
		buf_adds(out, formats[i].head);
		add_segments(t, choice, formats[i].add, out);
		return buf_check(out, "the transcript", err);
	}
	return err_set(err, ERR_ARG, "the format of a transcript is one of " TRANSCRIPT_FORMATS);
}
