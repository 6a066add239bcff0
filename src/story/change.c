/* SPDX-License-Identifier: Apache-2.0 */
#include "story/change.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { GROUPS = 9 };

/* One of a group excludes the others, of the same thing. */
static const struct {
	int group;
	const char *word;
} words[] = {
	{0, "red"},     {0, "blue"},     {0, "green"},  {0, "yellow"}, {0, "purple"}, {0, "orange"},
	{0, "white"},   {0, "black"},    {0, "brown"},  {1, "left"},   {1, "right"},  {2, "circle"},
	{2, "square"},  {2, "triangle"}, {3, "man"},    {3, "woman"},  {4, "car"},    {4, "bus"},
	{4, "bicycle"}, {4, "truck"},    {5, "dog"},    {5, "cat"},    {5, "bird"},   {6, "enters"},
	{6, "leaves"},  {7, "opens"},    {7, "closes"}, {8, "day"},    {8, "night"},
};
_Static_assert(ARRAY_LEN(words) <= 64, "a bit for each word");

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

uint64_t change_words(const char *text)
{
	uint64_t found = 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		found |= (uint64_t)(find_word(text, words[i].word) != NULL) << i;
	return found;
}

bool change_excludes(const char *a, const char *b)
{
	uint64_t in_a = change_words(a), in_b = change_words(b);
	for (int group = 0; group < GROUPS; group++) {
		uint64_t of = 0;
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			of |= (uint64_t)(words[i].group == group) << i;
		if (in_a & of && in_b & of && !(in_a & in_b & of))
			return true;
	}
	return false;
}

static bool is_vowel(char c)
{
	return c && strchr("aeiouAEIOU", c);
}

/* Ends the text with "a" or "an" as the next word needs it, if it ends with one
 * of them. */
static void fit_article(char *text, const char *next)
{
	size_t len = strlen(text);
	const char *article = is_vowel(*next) ? "n " : " ";
	size_t had =
		len >= 2 && text[len - 1] == ' ' && strchr("aA", text[len - 2]) ? 1
		: len >= 3 && text[len - 1] == ' ' && text[len - 2] == 'n' && strchr("aA", text[len - 3])
			? 2
			: 0;
	if (had && (len == had + 1 || !word_char(text[len - had - 2])))
		memcpy(&text[len - had], article, strlen(article) + 1);
}

static char *replace(const char *text, const char *at, size_t len, const char *by)
{
	AUTO(mem_freep) char *before = mem_printf("%.*s ", (int)(at - text), text); /* room for "n" */
	before[at - text] = '\0';
	fit_article(before, by);
	char *out = mem_printf("%s%s%s", before, by, at + len);
	size_t begin = strlen(before);
	if (isupper((unsigned char)*at))
		out[begin] = (char)toupper((unsigned char)out[begin]);
	return out;
}

char *change_word(const char *what, uint64_t pick, uint64_t allowed)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *at = find_word(what, words[i].word), *others[ARRAY_LEN(words)];
		size_t n = 0;
		for (size_t k = 0; at && k < ARRAY_LEN(words); k++)
			if (k != i && words[k].group == words[i].group && allowed >> k & 1)
				others[n++] = words[k].word;
		if (n)
			return replace(what, at, strlen(words[i].word), others[pick % n]);
	}
	return NULL;
}

char *change_subject(const char *what, const char *subject, const char *other)
{
	const char *at = *subject ? find_word(what, subject) : NULL;
	return at ? replace(what, at, strlen(subject), other) : NULL;
}
