/* SPDX-License-Identifier: Apache-2.0 */
#include "story/change.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Words of which one excludes the others of its group, of the same thing. */
static const char *const groups[][10] = {
	{"red", "blue", "green", "yellow", "purple", "orange", "white", "black", "brown"},
	{"left", "right"},
	{"circle", "square", "triangle"},
	{"man", "woman"},
	{"car", "bus", "bicycle", "truck"},
	{"dog", "cat", "bird"},
	{"enters", "leaves"},
	{"opens", "closes"},
	{"day", "night"},
};

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || (c & 0x80);
}

static const char *find_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = text; (p = strcasestr(p, word)); p++)
		if ((p == text || !word_char(p[-1])) && !word_char(p[len]))
			return p;
	return NULL;
}

bool change_has_word(const char *text, const char *word)
{
	return *word && find_word(text, word);
}

static char *replace(const char *text, const char *at, size_t len, const char *by)
{
	char *out = mem_printf("%.*s%s%s", (int)(at - text), text, by, at + len);
	if (isupper((unsigned char)*at))
		out[at - text] = (char)toupper((unsigned char)out[at - text]);
	return out;
}

/* Of the group, the free words that are not `not`; returns how many. */
static size_t free_words(const char *const *group, const char * not,
                         bool (*is_free)(void *, const char *), void *ctx, const char **to)
{
	size_t n = 0;
	for (; *group; group++)
		if (strcmp(*group, not ) != 0 && is_free(ctx, *group))
			to[n++] = *group;
	return n;
}

char *change_word(const char *what, uint64_t pick, bool (*is_free)(void *ctx, const char *word),
                  void *ctx)
{
	for (size_t g = 0; g < ARRAY_LEN(groups); g++)
		for (size_t i = 0; groups[g][i]; i++) {
			const char *word = groups[g][i], *at = find_word(what, word), *other[10];
			size_t n = at ? free_words(groups[g], word, is_free, ctx, other) : 0;
			if (n)
				return replace(what, at, strlen(word), other[pick % n]);
		}
	return NULL;
}

char *change_subject(const char *what, const char *subject, const char *other)
{
	const char *at = *subject ? find_word(what, subject) : NULL;
	return at ? replace(what, at, strlen(subject), other) : NULL;
}
