/* SPDX-License-Identifier: Apache-2.0 */
#include "search/terms.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

enum { TEXT_MAX = 4000, WORD_MAX = 80, FORMS_MAX = 6 };

/* Function words of English, and those of questions about videos, in
 * alphabetical order. */
static const char *const stop_words[] = {
	"a",         "about",  "after",    "again",  "all",      "also",    "am",    "an",    "and",
	"any",       "anyone", "anything", "appear", "appeared", "appears", "are",   "as",    "at",
	"be",        "been",   "before",   "being",  "but",      "by",      "can",   "could", "did",
	"do",        "does",   "during",   "each",   "ever",     "every",   "for",   "from",  "had",
	"has",       "have",   "having",   "he",     "her",      "here",    "his",   "how",   "i",
	"if",        "in",     "into",     "is",     "it",       "its",     "just",  "kind",  "kinds",
	"many",      "may",    "me",       "might",  "more",     "most",    "much",  "must",  "my",
	"no",        "not",    "of",       "often",  "on",       "onto",    "or",    "our",   "out",
	"own",       "please", "see",      "seen",   "she",      "should",  "so",    "some",  "someone",
	"something", "such",   "than",     "that",   "the",      "their",   "them",  "then",  "there",
	"these",     "they",   "this",     "those",  "through",  "to",      "until", "us",    "very",
	"video",     "videos", "visible",  "was",    "we",       "were",    "what",  "when",  "where",
	"which",     "while",  "who",      "whom",   "whose",    "why",     "will",  "with",  "would",
	"you",       "your",
};

static int compare(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

bool terms_is_stop_word(const char *word)
{
	return bsearch(&word, stop_words, ARRAY_LEN(stop_words), sizeof *stop_words, compare);
}

/* ---- characters */

/* The character at *s, which is valid UTF-8, and its length. */
static uint32_t next_char(const char *s, size_t *len)
{
	const unsigned char *c = (const unsigned char *)s;
	*len = *c < 0x80 ? 1 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;
	uint32_t x = *len == 1 ? *c : *c & (0xffU >> (*len + 1));
	for (size_t i = 1; i < *len; i++)
		x = x << 6 | (c[i] & 0x3fU);
	return x;
}

static bool is_within(uint32_t c, uint32_t first, uint32_t last)
{
	return c >= first && c <= last;
}

/* Scripts that are written without spaces between words: Thai to Tibetan,
 * Myanmar, Khmer, Chinese, Japanese, Korean. */
static bool has_no_spaces(uint32_t c)
{
	return is_within(c, 0x0e00, 0x0fff) || is_within(c, 0x1000, 0x109f) ||
	       is_within(c, 0x1100, 0x11ff) || is_within(c, 0x1780, 0x17ff) ||
	       is_within(c, 0x3005, 0x3007) || is_within(c, 0x3040, 0xa4cf) ||
	       is_within(c, 0xac00, 0xd7af) || is_within(c, 0xf900, 0xfaff) ||
	       is_within(c, 0xff66, 0xff9f) || is_within(c, 0x20000, 0x3ffff);
}

static bool is_letter(uint32_t c)
{
	if (c < 0x80)
		return is_within(c | 0x20, 'a', 'z') || is_within(c, '0', '9');
	return c > 0xbf && c != 0xd7 && c != 0xf7 && !is_within(c, 0x2000, 0x206f) &&
	       !is_within(c, 0x2e00, 0x2e7f) && !is_within(c, 0x3000, 0x3004) &&
	       !is_within(c, 0x3008, 0x303f) && !is_within(c, 0xfe10, 0xfe6f) &&
	       !is_within(c, 0xff00, 0xff0f) && !is_within(c, 0xff1a, 0xff20) &&
	       !is_within(c, 0xff3b, 0xff40) && !is_within(c, 0xff5b, 0xff65) && c != 0xfffd;
}

/* Joins letters to one word where it is between them: KX-4711, 10.30. */
static bool is_joint(char c)
{
	return c == '-' || c == '.' || c == '\'' || c == '_' || c == '@';
}

/* ---- lists of words */

static bool has_form(const struct store_word *w, const char *text)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcasecmp(w->forms[i], text) == 0)
			return true;
	return false;
}

static void add_form(struct store_word *w, char *text)
{
	AUTO(mem_freep) char *owned = text;
	if (w->n < FORMS_MAX && *text && !has_form(w, text)) {
		w->forms = mem_grow(w->forms, w->n + 1, sizeof *w->forms);
		w->forms[w->n++] = TAKE(owned);
	}
}

static struct store_word *add_word(struct store_word **list, size_t *n, const char *text)
{
	for (size_t i = 0; i < *n; i++)
		if (has_form(&(*list)[i], text))
			return NULL;
	if (*n == TERMS_MAX)
		return NULL;
	*list = mem_grow(*list, *n + 1, sizeof **list);
	struct store_word *w = &(*list)[(*n)++];
	*w = (struct store_word){0};
	add_form(w, mem_strdup(text));
	return w;
}

static void free_list(struct store_word *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].n; k++)
			free(list[i].forms[k]);
		free(list[i].forms);
	}
	free(list);
}

void terms_clear(struct terms *t)
{
	free_list(t->words, t->n);
	free_list(t->pieces, t->n_pieces);
	*t = (struct terms){0};
}

static bool ends_in(const char *word, size_t n, const char *ending)
{
	size_t len = strlen(ending);
	return n > len && strcasecmp(word + n - len, ending) == 0;
}

static bool is_plain(const char *word)
{
	for (; *word; word++)
		if (!is_within((unsigned char)*word | 0x20U, 'a', 'z'))
			return false;
	return true;
}

/* Such a singular takes "es". */
static bool has_hiss(const char *word, size_t n)
{
	static const char *const endings[] = {"ss", "us", "x", "ch", "sh"};
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (ends_in(word, n, endings[i]))
			return true;
	return false;
}

/* The plural of a singular, and the singulars that a plural may have. */
static void add_number_forms(struct store_word *w, const char *word)
{
	size_t n = strlen(word);
	if (n < 3 || !is_plain(word))
		return;
	if (ends_in(word, n, "ies"))
		add_form(w, mem_printf("%.*sy", (int)n - 3, word));
	if (ends_in(word, n, "es"))
		add_form(w, mem_printf("%.*s", (int)n - 2, word));
	if (ends_in(word, n, "s") && !ends_in(word, n, "ss"))
		add_form(w, mem_printf("%.*s", (int)n - 1, word));
	if (has_hiss(word, n))
		add_form(w, mem_printf("%ses", word));
	else if (ends_in(word, n, "y"))
		add_form(w, mem_printf("%.*sies", (int)n - 1, word));
	if (!has_hiss(word, n) && !ends_in(word, n, "s"))
		add_form(w, mem_printf("%ss", word));
}

/* ---- reading */

static void add_spaced(struct terms *t, char *word)
{
	size_t n = strlen(word);
	if (n > 2 && strcasecmp(word + n - 2, "'s") == 0)
		word[n - 2] = '\0';
	struct store_word *w = add_word(&t->words, &t->n, word);
	if (w)
		add_number_forms(w, word);
	w = strlen(word) > 1 ? add_word(&t->pieces, &t->n_pieces, word) : NULL;
	if (w)
		add_number_forms(w, word);
}

/* A run of letters of a script without spaces: as a whole it may be a word. */
static void add_run(struct terms *t, const char *run)
{
	size_t first, second;
	add_word(&t->words, &t->n, run);
	next_char(run, &first);
	if (!run[first])
		add_word(&t->pieces, &t->n_pieces, run);
	for (; run[first]; run += first, first = second) {
		next_char(run + first, &second);
		AUTO(mem_freep) char *pair = mem_printf("%.*s", (int)(first + second), run);
		add_word(&t->pieces, &t->n_pieces, pair);
	}
}

/* The length of the word at s: letters of one kind of script, with joints. */
static size_t word_length(const char *s, bool spaceless)
{
	size_t n = 0, len, after;
	while (s[n]) {
		uint32_t c = next_char(s + n, &len);
		bool joint = !spaceless && n && is_joint(s[n]) && s[n + 1];
		if (joint)
			c = next_char(s + n + 1, &after);
		if (!is_letter(c) || has_no_spaces(c) != spaceless || n + len > WORD_MAX)
			break;
		n += joint ? 1 + after : len;
	}
	return n;
}

static void read_words(const char *text, bool all, struct terms *t)
{
	size_t len;
	for (const char *s = text; *s; s += len) {
		uint32_t c = next_char(s, &len);
		bool spaceless = has_no_spaces(c);
		if (!is_letter(c))
			continue;
		len = word_length(s, spaceless);
		AUTO(mem_freep) char *word = mem_printf("%.*s", (int)len, s);
		if (spaceless)
			add_run(t, word);
		else if (all || !terms_is_stop_word(word))
			add_spaced(t, word);
	}
}

void terms_read(const char *text, struct terms *ret)
{
	AUTO(mem_freep) char *line = text_line(text, TEXT_MAX);
	*ret = (struct terms){0};
	read_words(line, false, ret);
	if (!ret->n)
		read_words(line, true, ret);
}
