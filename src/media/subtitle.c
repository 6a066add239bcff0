/* SPDX-License-Identifier: Apache-2.0 */
#include "media/subtitle.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "protocol/texts-wire.h"

enum {
	EVENT_MAX = 16 << 10, /* bytes that are read of an event */
	TAG_MAX = 200,        /* of a tag of SubRip or WebVTT */
	NAME_FIELD = 3,
	TEXT_FIELD = 8,
};

struct reading {
	struct buf text;
	bool drawing; /* what follows is a shape, not a text */
};

/* Within {…}: whether a drawing begins or ends, by the last \pN. */
static void read_codes(struct reading *r, const char *s, const char *end)
{
	for (; s + 2 < end; s++)
		if (s[0] == '\\' && s[1] == 'p' && isdigit((unsigned char)s[2]))
			r->drawing = s[2] != '0';
}

/* "00:01.000" up to `end`. */
static bool is_time(const char *s, const char *end)
{
	return isdigit((unsigned char)*s) && strspn(s, "0123456789:.") == (size_t)(end - s);
}

/* The end of "<i>", "</font>", "<v Ann>" or "<00:01.000>" at `s`; NULL if it
 * is not one: "1 < 2". */
static const char *tag_end(const char *s)
{
	static const char *const names[] = {"b",    "br", "c", "em",   "font",   "i", "lang", "p",
	                                    "ruby", "rt", "s", "span", "strong", "u", "v"};
	const char *name = s + 1 + (s[1] == '/'), *end = memchr(s, '>', strnlen(s, TAG_MAX));
	if (!end)
		return NULL;
	bool known = is_time(name, end);
	size_t n = strcspn(name, " \t\n.>/<");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		known |= n == strlen(names[i]) && !strncasecmp(name, names[i], n);
	return known ? end + 1 : NULL;
}

/* "&amp;" at `s`: appends what it stands for, and returns its end; NULL if it
 * is not one of these. */
static const char *add_reference(struct buf *to, const char *s)
{
	static const struct {
		const char *name, *text;
	} known[] = {{"&amp;", "&"},   {"&lt;", "<"},  {"&gt;", ">"}, {"&nbsp;", " "},
	             {"&quot;", "\""}, {"&#39;", "'"}, {"&lrm;", ""}, {"&rlm;", ""}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		size_t n = strlen(known[i].name);
		if (strncmp(s, known[i].name, n) == 0) {
			buf_adds(to, known[i].text);
			return s + n;
		}
	}
	return NULL;
}

/* "\N" and the like at `s`: the number of bytes, 0 if it is not one. */
static size_t read_escape(struct reading *r, const char *s)
{
	if (s[1] == 'N' || s[1] == 'n' || s[1] == 'h')
		buf_adds(&r->text, r->drawing ? "" : " ");
	else if (s[1] == '{' || s[1] == '}' || s[1] == '\\')
		buf_add(&r->text, s + 1, r->drawing ? 0 : 1);
	else
		return 0;
	return 2;
}

/* The end of the markup at `s`; NULL if it is a plain character. */
static const char *read_markup(struct reading *r, const char *s)
{
	size_t n = *s == '\\' ? read_escape(r, s) : 0;
	const char *end = *s == '{' ? strchr(s, '}') : NULL;
	if (n)
		return s + n;
	if (end) {
		read_codes(r, s, end);
		return end + 1;
	}
	return *s == '<' ? tag_end(s) : *s == '&' && !r->drawing ? add_reference(&r->text, s) : NULL;
}

/* Spaces at both ends, and several in a row, are of the form, too. */
static char *in_one_line(const struct buf *text)
{
	struct buf line = BUF(4 * EVENT_MAX); /* what is malformed becomes longer */
	AUTO(mem_freep) char *clean = text_line(buf_str(text), EVENT_MAX);
	char *rest = clean;
	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			buf_addf(&line, "%s%s", line.len ? " " : "", word);
	return line.data ? buf_take(&line) : mem_strdup("");
}

/* It is valid UTF-8. */
static char *cut(const char *text, size_t max)
{
	AUTO(mem_freep) char *start = text_line(text, max - 4);
	return strlen(text) <= max ? mem_strdup(text) : mem_printf("%s …", start);
}

static char *read_text(const char *s)
{
	struct reading r = {.text = BUF(EVENT_MAX)};
	bool open = true; /* no '{' without its end was found yet */
	while (*s) {
		const char *end = *s != '{' || open ? read_markup(&r, s) : NULL;
		open = open && (*s != '{' || end);
		if (!end && !r.drawing)
			buf_add(&r.text, s, 1);
		s = end ? end : s + 1;
	}
	AUTO(mem_freep) char *text = in_one_line(&r.text);
	buf_free(&r.text);
	return cut(text, TEXTS_TEXT_MAX);
}

void subtitle_read(const char *event, char **ret_who, char **ret_text)
{
	AUTO(mem_freep) char *copy = strndup(event, EVENT_MAX);
	char *rest = copy, *name = NULL;
	*ret_who = *ret_text = NULL;
	for (int i = 0; i < TEXT_FIELD; i++) {
		char *field = rest ? strsep(&rest, ",") : NULL;
		name = i == NAME_FIELD ? field : name;
	}
	if (!rest)
		return;
	AUTO(mem_freep) char *who = text_line(name, TEXTS_WHO_MAX);
	*ret_who = cut(who, TEXTS_WHO_MAX);
	*ret_text = read_text(rest);
}
