/* SPDX-License-Identifier: Apache-2.0 */
#include "story/words.h"

#include <ctype.h>
#include <pthread.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "story/story.h"

enum { ENDINGS_MAX = 4, SENTENCE_MAX = 1 << 20 };

enum pattern { COME, LEAVE, STAY, MORE, PATTERNS };

static const char *const patterns[PATTERNS] = {
	[COME] = "\\b(enters?|appears?|arrives?|emerges?|comes? (in|into|out)|walks? (in|into)|"
			 "drives? (in|into)|comes? and goes?)\\b",
	[LEAVE] = "\\b(leaves?|exits?|disappears?|vanish(es)?|departs?|goes? (out|away)|"
			  "comes? and goes?|(walks?|drives?|runs?|rides?) (off|away|out))\\b",
	[STAY] = "\\b(stays?|remains?|unchanged|motionless|stationary|(is|are) parked|"
			 "(stand|sit)s? still|(is|are) still (there|here|present|visible)|"
			 "(does not|doesn't|do not|don't) move|nothing (happens|changes|moves)|"
			 "no (change|movement|motion|activity)s?)\\b",
	/* a sentence with one of these may report something more */
	[MORE] = "[,;]|\\b(and|but|then|while|until|before|after|when)\\b",
};
static regex_t compiled[PATTERNS];

static void compile(void)
{
	for (size_t i = 0; i < PATTERNS; i++)
		if (regcomp(&compiled[i], patterns[i], REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
			abort(); /* they are constants: memory is out */
}

/* The patterns have no backward references: the matcher takes time in
 * proportion to the sentence. */
static bool matches(enum pattern p, const char *text)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, compile);
	return regexec(&compiled[p], text, 0, NULL, 0) == 0;
}

bool words_come(const char *what)
{
	return matches(COME, what);
}

bool words_leave(const char *what)
{
	return matches(LEAVE, what);
}

bool story_is_state(const char *what)
{
	return matches(STAY, what) && !matches(MORE, what) && !words_come(what) && !words_leave(what);
}

static bool is_article(const char *word, size_t len)
{
	static const char *const articles[] = {"a", "an", "the"};
	for (size_t i = 0; i < ARRAY_LEN(articles); i++)
		if (strlen(articles[i]) == len && strncasecmp(word, articles[i], len) == 0)
			return true;
	return false;
}

static bool is_separator(char c)
{
	return c == ' ' || (c >= 0 && ispunct((unsigned char)c));
}

/* "" if there is nothing but articles and punctuation. */
static char *key_of(const char *p)
{
	char *key = mem_alloc(strlen(p) + 1, 1), *to = key;
	while (*p) {
		size_t len = 0;
		while (p[len] && !is_separator(p[len]))
			len++;
		if (len && !is_article(p, len)) {
			if (to > key)
				*to++ = ' ';
			for (size_t i = 0; i < len; i++)
				*to++ = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]);
		}
		p += len ? len : 1;
	}
	return key;
}

char *words_key(const char *subject, const char *what)
{
	char *key = key_of(subject);
	if (*key)
		return key;
	free(key);
	return mem_strdup(what);
}

/* Without the point and the spaces at its end. */
static size_t sentence_length(const char *s)
{
	size_t len = strlen(s);
	while (len && (s[len - 1] == '.' || s[len - 1] == ' '))
		len--;
	return len;
}

/* Length of the whole words, with the space after them, with which all
 * sentences begin, and after which each has something left. */
static size_t common_beginning(const char *const *s, size_t n)
{
	size_t same = sentence_length(s[0]);
	for (size_t i = 1; i < n; i++) {
		size_t k = 0, len = sentence_length(s[i]);
		while (k < same && k < len && s[i][k] == s[0][k])
			k++;
		same = k;
	}
	while (same && s[0][same - 1] != ' ')
		same--;
	return same;
}

/* Each sentence once, in order; returns how many. Where there are too many, the
 * first ones and the last, and *ret_left_out is set. */
static size_t distinct(const char *const *s, size_t n, const char **to, bool *ret_left_out)
{
	size_t kept = 0;
	*ret_left_out = false;
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < kept && strcasecmp(to[k], s[i]) != 0)
			k++;
		if (k < kept)
			continue;
		*ret_left_out |= kept == ENDINGS_MAX;
		kept -= kept == ENDINGS_MAX;
		to[kept++] = s[i];
	}
	return kept;
}

char *words_combine(const char *const *sentences, size_t n)
{
	const char *kept[ENDINGS_MAX];
	bool left_out;
	size_t n_kept = distinct(sentences, n, kept, &left_out);
	if (n_kept == 1)
		return mem_strdup(kept[0]);

	struct buf out = BUF(SENTENCE_MAX);
	size_t begin = common_beginning(kept, n_kept);
	buf_add(&out, kept[0], sentence_length(kept[0]));
	for (size_t i = 1; i < n_kept; i++) {
		buf_adds(&out, left_out && i == n_kept - 1 ? "; …; " : "; ");
		buf_add(&out, kept[i] + begin, sentence_length(kept[i]) - begin);
	}
	buf_adds(&out, ".");
	return buf_take(&out);
}
