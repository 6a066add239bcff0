/* SPDX-License-Identifier: Apache-2.0 */
#include "subjects/look.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/noun.h"
#include "base/text.h"

enum {
	WORDS_MAX = 24,    /* a longer description is compared as it is */
	WORD_MAX = 32,     /* bytes, with the NUL */
	ADDITIONS_MAX = 6, /* of which all choices are less precise descriptions */
	KEY_MAX = 1 << 20,
};

/* A part of a description: the first is the noun with its adjectives, others
 * are added by a word. */
struct segment {
	const char *by; /* "", "with", "on", … */
	const char *words[WORDS_MAX];
	size_t n;
};

struct look {
	char text[WORDS_MAX][WORD_MAX];
	size_t n_text;
	struct segment segments[WORDS_MAX];
	size_t n;
	const char *noun; /* last word of the first segment, as it was written */
	bool noun_known;
};

static const char *const fillers[] = {"a",       "an",       "the",  "one",   "this",
                                      "these",   "those",    "same", "color", "colour",
                                      "colored", "coloured", NULL};
/* "a car that is red" */
static const char *const relative[] = {"that", "which", "who", "is", "are", "was", "were", NULL};
static const char *const adding[] = {
	"with",     "without", "in",      "on",      "at",   "of",    "from",
	"to",       "by",      "behind",  "beside",  "near", "under", "over",
	"between",  "inside",  "outside", "wearing", "has",  "have",  "holding",
	"carrying", "whose",   "and",     "or",      "for",  "next",  NULL};
static const char *const moment[] = {"parked",  "standing",   "sitting",    "lying",   "moving",
                                     "walking", "running",    "driving",    "riding",  "waiting",
                                     "stopped", "stationary", "motionless", "visible", "currently",
                                     "still",   "now",        "dressed",    NULL};
static const char *const clothes[] = {
	"jacket", "coat",  "shirt", "hat",     "cap",     "dress", "hoodie", "sweater", "vest",
	"suit",   "tie",   "jean",  "trouser", "pant",    "short", "skirt",  "uniform", "helmet",
	"shoe",   "scarf", "glove", "mask",    "glasses", "boot",  NULL};
static const char *const counts[] = {
	"two",     "three", "four", "five", "six",   "seven", "eight",  "nine",  "ten", "some",
	"several", "many",  "few",  "both", "group", "pair",  "couple", "crowd", NULL};
static const char *const pronouns[] = {
	"it",   "he", "she", "they",    "someone", "somebody", "something", "anyone",     "nothing",
	"none", "no", "one", "unknown", "that",    "everyone", "na",        "everything", NULL};

static bool is_separator(char c)
{
	return c == ' ' || (c >= 0 && (ispunct((unsigned char)c) || iscntrl((unsigned char)c)));
}

static bool ends_in(const char *word, const char *end)
{
	size_t n = strlen(word), k = strlen(end);
	return n > k && strcmp(word + n - k, end) == 0;
}

static void set_word(char *word, const char *to)
{
	memcpy(word, to, strlen(to) + 1);
}

/* One of several: "cars", "boxes", "bodies", "women". */
static void make_singular(char *w)
{
	static const char *const kept[] = {"glasses", "bus", "gas", "lens", "always", "series", NULL};
	static const char *const two_letters[] = {"sses", "shes", "ches", "xes", "buses"};
	size_t n = strlen(w);
	if (text_one_of(w, kept))
		return;
	if (strcmp(w, "people") == 0)
		set_word(w, "person");
	else if (strcmp(w, "children") == 0)
		set_word(w, "child");
	else if (strcmp(w, "men") == 0 || ends_in(w, "men"))
		memcpy(w + n - 2, "an", 2);
	else if (n > 4 && ends_in(w, "ies"))
		set_word(w + n - 3, "y");
	else if (n > 3 && ends_in(w, "s") && !ends_in(w, "ss") && !ends_in(w, "us") &&
	         !ends_in(w, "is")) {
		bool two = strcmp(w, "buses") == 0;
		for (size_t i = 0; i < ARRAY_LEN(two_letters); i++)
			two |= ends_in(w, two_letters[i]);
		w[n - (two ? 2 : 1)] = '\0';
	}
}

/* The next word in the form in which it is compared; false at the end, or where
 * it is too long. Sets *ret_comma where a comma or the like is before it. */
static bool next_word(const char **text, char word[static WORD_MAX], bool *ret_comma,
                      bool *ret_long)
{
	const char *p = *text;
	size_t len = 0;
	for (*ret_comma = false; *p && is_separator(*p); p++)
		*ret_comma |= strchr(",;:().", *p) != NULL;
	while (p[len] && !is_separator(p[len]))
		len++;
	*ret_long = len >= WORD_MAX - 8; /* "people" becomes longer */
	if (!len || *ret_long)
		return false;
	for (size_t i = 0; i < len; i++)
		word[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]);
	word[len] = '\0';
	*text = p + len;
	return true;
}

static struct segment *begin(struct look *l, const char *by)
{
	struct segment *s = &l->segments[l->n - 1];
	if (s->n || l->n == 1)
		s = &l->segments[l->n++];
	*s = (struct segment){.by = by};
	return s;
}

static void add_word(struct look *l, char *word)
{
	make_singular(word);
	if (strcmp(word, "grey") == 0)
		set_word(word, "gray");
	struct segment *s = &l->segments[l->n - 1];
	s->words[s->n++] = word;
	if (l->n == 1 && !l->noun_known)
		l->noun = word;
}

/* False where the description has too many or too long words. */
static bool split(struct look *l, const char *text)
{
	bool comma, too_long = false;
	*l = (struct look){.n = 1};
	l->segments[0].by = "";
	while (l->n_text < WORDS_MAX && l->n < WORDS_MAX) {
		char *word = l->text[l->n_text];
		if (!next_word(&text, word, &comma, &too_long))
			return !too_long;
		l->n_text++;
		bool first = l->n == 1 && !l->segments[0].n;
		if (comma && !first)
			begin(l, ",");
		if (text_one_of(word, fillers) || text_one_of(word, moment) ||
		    (first && text_one_of(word, relative)))
			continue;
		if (text_one_of(word, relative))
			begin(l, "is");
		else if (text_one_of(word, adding) && !first)
			begin(l, strcmp(word, "has") == 0 || strcmp(word, "have") == 0 ? "with" : word);
		else
			add_word(l, word);
		l->noun_known |= l->n > 1;
	}
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_segment(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	int c = strcmp(x->by, y->by);
	for (size_t i = 0; !c && (i < x->n || i < y->n); i++)
		c = i == x->n ? -1 : i == y->n ? 1 : strcmp(x->words[i], y->words[i]);
	return c;
}

/* Sorted, each once. */
static void sort_words(struct segment *s)
{
	size_t n = 0;
	qsort(s->words, s->n, sizeof *s->words, by_text);
	for (size_t i = 0; i < s->n; i++)
		if (!n || strcmp(s->words[i], s->words[n - 1]) != 0)
			s->words[n++] = s->words[i];
	s->n = n;
}

static bool is_worn(const struct segment *s)
{
	bool may = text_one_of(s->by, (const char *const[]){"with", "in", "wearing", NULL});
	for (size_t i = 0; may && i < s->n; i++)
		if (text_one_of(s->words[i], clothes))
			return true;
	return may && strcmp(s->by, "wearing") == 0;
}

/* What a relative clause or a comma adds in one word is an adjective. */
static bool is_adjective(const struct segment *s)
{
	return strcmp(s->by, "is") == 0 || (strcmp(s->by, ",") == 0 && s->n == 1);
}

static void arrange(struct look *l)
{
	struct segment *head = &l->segments[0];
	size_t n = 1;
	for (size_t i = 1; i < l->n; i++) {
		struct segment s = l->segments[i];
		if (is_adjective(&s) && head->n + s.n <= WORDS_MAX) {
			memcpy(head->words + head->n, s.words, s.n * sizeof *s.words);
			head->n += s.n;
			continue;
		}
		if (!s.n)
			continue;
		if (is_worn(&s))
			s.by = "in";
		sort_words(&s);
		l->segments[n++] = s;
	}
	l->n = n;
	sort_words(head);
	qsort(l->segments + 1, l->n - 1, sizeof *l->segments, by_segment);
}

/* The key of the words and additions whose bits are in `keep`, in order; the
 * noun is always part of it, and what says how many. */
static char *write_key(const struct look *l, unsigned keep)
{
	struct buf out = BUF(KEY_MAX);
	unsigned bit = 1;
	for (size_t i = 0; i < l->segments[0].n; i++) {
		const char *word = l->segments[0].words[i];
		bool free_choice = word != l->noun && !text_one_of(word, counts);
		if (!free_choice || keep & bit)
			buf_addf(&out, "%s%s", out.len ? " " : "", word);
		bit <<= free_choice;
	}
	for (size_t i = 1; i < l->n; i++, bit <<= 1) {
		const struct segment *s = &l->segments[i];
		if (keep & bit)
			buf_addf(&out, ";%s", s->by);
		for (size_t k = 0; keep & bit && k < s->n; k++)
			buf_addf(&out, " %s", s->words[k]);
	}
	return buf_take(&out);
}

static size_t count_choices(const struct look *l)
{
	size_t n = l->n - 1;
	for (size_t i = 0; i < l->segments[0].n; i++)
		n += l->segments[0].words[i] != l->noun && !text_one_of(l->segments[0].words[i], counts);
	return n;
}

/* The words as they are; "" if there are none. */
static char *plain_key(const char *text)
{
	char *key = mem_alloc(strlen(text) + 1, 1), *to = key;
	for (const char *p = text; *p; p++) {
		if (!is_separator(*p))
			*to++ = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
		else if (to > key && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > key && to[-1] == ' ')
		to--;
	*to = '\0';
	return key;
}

static bool describes_nothing(const struct look *l)
{
	for (size_t i = 0; i < l->n_text; i++)
		if (!text_one_of(l->text[i], pronouns) && !text_one_of(l->text[i], fillers))
			return false;
	return true;
}

/* Two words of one text that were equal are one in the first segment. */
static void find_noun(struct look *l)
{
	const struct segment *head = &l->segments[0];
	for (size_t i = 0; l->noun && i < head->n; i++)
		if (strcmp(head->words[i], l->noun) == 0)
			l->noun = head->words[i];
}

char *look_key(const char *text)
{
	struct look l;
	bool whole = split(&l, text);
	if (whole && describes_nothing(&l))
		return mem_strdup("");
	if (!whole || !l.segments[0].n)
		return plain_key(text);
	arrange(&l);
	find_noun(&l);
	return write_key(&l, ~0u);
}

/* False where nothing can be compared word by word. */
static bool read_look(struct look *l, const char *text)
{
	if (!split(l, text) || !l->segments[0].n || describes_nothing(l))
		return false;
	arrange(l);
	find_noun(l);
	return true;
}

/* Words that make it another one, or several. */
static bool is_distinct(const char *word)
{
	static const char *const other[] = {"another", "other", "second", "third", "different", NULL};
	return text_one_of(word, counts) || text_one_of(word, other);
}

static bool has_word(const struct segment *s, const char *word)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->words[i], word) == 0)
			return true;
	return false;
}

/* What "red jacket" and "in red" have in common is worn or a color; "behind the
 * car" and "in the car" differ. */
static bool is_alike_added(const struct segment *a, const struct segment *b)
{
	static const char *const plain[] = {"", ",", "in", "with", "is", NULL};
	return strcmp(a->by, b->by) == 0 || (text_one_of(a->by, plain) && text_one_of(b->by, plain));
}

/* Whether one part of `l` says everything that `s`, a part of the description
 * whose noun is given, says. */
static bool is_said(const struct look *l, const struct segment *s, const char *noun)
{
	for (size_t k = 0; k < l->n; k++) {
		bool all = is_alike_added(&l->segments[k], s);
		for (size_t i = 0; all && i < s->n; i++)
			all = s->words[i] == noun || has_word(&l->segments[k], s->words[i]);
		if (all)
			return true;
	}
	return false;
}

/* Whether `l` says all that `general` says beside its noun. */
static bool says_all(const struct look *l, const struct look *general)
{
	for (size_t i = 0; i < general->n; i++) {
		const struct segment *s = &general->segments[i];
		bool only_noun = s->n == 1 && s->words[0] == general->noun;
		if (!only_noun && !is_said(l, s, general->noun))
			return false;
	}
	return true;
}

static bool are_as_many(const struct look *a, const struct look *b)
{
	for (size_t i = 0; i < a->segments[0].n; i++)
		if (is_distinct(a->segments[0].words[i]) &&
		    !has_word(&b->segments[0], a->segments[0].words[i]))
			return false;
	return true;
}

bool look_agrees(const char *a, const char *b)
{
	struct look x, y;
	if (!read_look(&x, a) || !read_look(&y, b)) {
		AUTO(mem_freep) char *key_a = look_key(a), *key_b = look_key(b);
		return *key_a && strcmp(key_a, key_b) == 0;
	}
	return x.noun && y.noun && noun_agrees(x.noun, y.noun) && are_as_many(&x, &y) &&
	       are_as_many(&y, &x) && (says_all(&x, &y) || says_all(&y, &x));
}

bool look_is_vague(const char *text)
{
	struct look l;
	return read_look(&l, text) && l.noun && noun_is_general(l.noun);
}

size_t look_precision(const char *text)
{
	AUTO(mem_freep) char *key = look_key(text);
	size_t n = *key != '\0';
	for (const char *p = key; *p; p++)
		n += *p == ' ' || *p == ';';
	return n;
}

char **look_general(const char *text, size_t *ret_n)
{
	struct look l;
	*ret_n = 0;
	if (!read_look(&l, text))
		return NULL;
	size_t choices = count_choices(&l);
	if (!choices)
		return NULL;
	unsigned all = choices <= ADDITIONS_MAX ? (1u << choices) - 1 : 1;
	char **keys = mem_alloc(all, sizeof *keys);
	for (unsigned keep = 0; keep < all; keep++)
		keys[(*ret_n)++] = write_key(&l, keep);
	return keys;
}

void look_general_free(char **keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(keys[i]);
	free(keys);
}
