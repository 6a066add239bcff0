/* SPDX-License-Identifier: Apache-2.0 */
#include "transcript/export.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "report/said.h"

/* "[00:00:01.000 - 00:00:02.500] Ann: Hello." */
static void add_line(struct buf *out, size_t number, const struct store_segment *s)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	(void)number;
	buf_addf(out, "[%s - %s] %s%s%s\n", clock_text(s->start, a), clock_text(s->end, b), s->who,
	         *s->who ? ": " : "", s->text);
}

/* With a comma before the milliseconds. An arrow would end the text. */
static void add_srt(struct buf *out, size_t number, const struct store_segment *s)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	clock_text(s->start, a);
	clock_text(s->end, b);
	*strchr(a, '.') = *strchr(b, '.') = ',';
	buf_addf(out, "%zu\n%s --> %s\n%s%s%s\n\n", number, a, b, s->who, *s->who ? ": " : "", s->text);
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

static void add_vtt(struct buf *out, size_t number, const struct store_segment *s)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	buf_addf(out, "%zu\n%s --> %s\n", number, clock_text(s->start, a), clock_text(s->end, b));
	if (*s->who) {
		buf_adds(out, "<v ");
		add_escaped(out, s->who);
		buf_adds(out, ">");
	}
	add_escaped(out, s->text);
	buf_adds(out, "\n\n");
}

static void add_json(const struct store_transcript *t, int track, struct buf *out)
{
	json_auto_t *o = json_pack("{s:o s:o}", "said", report_said_json(t, track), "said_sources",
	                           report_said_sources_json(t));
	AUTO(mem_freep) char *text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	buf_addf(out, "%s\n", text);
}

int transcript_print(const struct store_transcript *t, const char *format, int track,
                     struct buf *out, struct err *err)
{
	static const struct {
		const char *name, *head;
		void (*add)(struct buf *out, size_t number, const struct store_segment *s);
	} formats[] = {{"txt", "", add_line}, {"srt", "", add_srt}, {"vtt", "WEBVTT\n\n", add_vtt}};
	if (strcmp(format, "json") == 0) {
		add_json(t, track, out);
		return buf_check(out, "the transcript", err);
	}
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		size_t n = 0;
		if (strcmp(format, formats[i].name) != 0)
			continue;
		buf_adds(out, formats[i].head);
		for (size_t k = 0; k < t->n_segments; k++)
			if (track == TRANSCRIPT_ALL || t->segments[k].track == track)
				formats[i].add(out, ++n, &t->segments[k]);
		return buf_check(out, "the transcript", err);
	}
	return err_set(err, ERR_ARG, "the format of a transcript is one of " TRANSCRIPT_FORMATS);
}
