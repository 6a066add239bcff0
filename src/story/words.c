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
#include "base/text.h"
#include "story/story.h"

enum { ENDINGS_MAX = 4, SENTENCE_MAX = 1 << 20, STATE_WORDS = 20, WORD_MAX = 24 };

enum pattern { COME, LEAVE, MORE, VERB, PATTERNS };

static const char *const patterns[PATTERNS] = {
	[COME] = "\\b(enters?|appears?|arrives?|emerges?|comes? (in|into|out)|walks? (in|into)|"
			 "drives? (in|into)|comes? and goes?)\\b",
	[LEAVE] = "\\b(leaves?|exits?|disappears?|vanish(es)?|departs?|goes? (out|away)|"
			  "comes? and goes?|(walks?|drives?|runs?|rides?) (off|away|out))\\b",
	/* a sentence with one of these may report something more */
	[MORE] = "[,;:!?()]|\\b(and|but|or|as|then|while|until|till|before|after|when|where|that|"
			 "which|who|whom|whose|what|because|since|with|without|to|by|being|having)\\b",
	/* verbs that no noun looks like, at the beginning of a text */
	[VERB] = "^(is|has|does|enters|leaves|exits|appears|disappears|arrives|departs|comes|goes|"
			 "passes|moves|walks|runs|drives|rides|stays|remains|waits|sits|stands|stops|turns|"
			 "picks|takes|puts|opens|closes|enter|leave|appear|disappear|come|go|stay|remain|are|"
			 "have|do)\\b",
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

bool story_comes(const char *what)
{
	return matches(COME, what);
}

bool story_leaves(const char *what)
{
	return matches(LEAVE, what);
}

/* ---- states */

/* The words of a sentence in lower case. */
struct words {
	char word[STATE_WORDS][WORD_MAX];
	size_t n;
};

/* False if it is longer than what only says that something stays. */
static bool split(const char *text, struct words *w)
{
	w->n = 0;
	for (text += strspn(text, " ."); *text; text += strspn(text, " .")) {
		size_t len = strcspn(text, " .");
		if (w->n == STATE_WORDS || len >= WORD_MAX)
			return false;
		for (size_t i = 0; i < len; i++)
			w->word[w->n][i] = (char)tolower((unsigned char)text[i]);
		w->word[w->n++][len] = '\0';
		text += len;
	}
	return true;
}

static bool ends_in(const char *word, const char *end)
{
	size_t n = strlen(word), k = strlen(end);
	return n > k && strcmp(word + n - k, end) == 0;
}

/* A word that may be the verb of something that happens: "stabs", "hitting". */
static bool may_be_action(const char *word)
{
	static const char *const nouns[] = {"nothing", "building", "ceiling", "standing", "sitting",
	                                    "lying",   "parking",  "this",    "its",      "his",
	                                    "bus",     "always",   "stairs",  NULL};
	bool third_person = ends_in(word, "s") && !ends_in(word, "ss");
	return (third_person || ends_in(word, "ing")) && !text_one_of(word, nouns);
}

/* How many words from `at` on say that something stays as it is; 0 = none. */
static size_t count_staying(const struct words *w, size_t at)
{
	static const char *const stay[] = {"stays", "stay", "remains", "remain", NULL};
	static const char *const be[] = {"is", "are", NULL};
	static const char *const like_this[] = {"parked", "motionless", "stationary", "unchanged",
	                                        NULL};
	static const char *const there[] = {"there", "here", "present", "visible", NULL};
	static const char *const place[] = {"stands", "stand", "sits", "sit", NULL};
	static const char *const not [] = {"doesn't", "don't", NULL};
	const char *a = w->word[at], *b = at + 1 < w->n ? w->word[at + 1] : "",
			   *c = at + 2 < w->n ? w->word[at + 2] : "";
	bool still = strcmp(b, "still") == 0;
	if (text_one_of(a, stay))
		return 1;
	if (text_one_of(a, be))
		return text_one_of(b, like_this)                                       ? 2
		       : still && (text_one_of(c, there) || text_one_of(c, like_this)) ? 3
		                                                                       : 0;
	if (text_one_of(a, place) && still)
		return 2;
	if (text_one_of(a, not ) && strcmp(b, "move") == 0)
		return 2;
	return (strcmp(a, "does") == 0 || strcmp(a, "do") == 0) && strcmp(b, "not") == 0 &&
	               strcmp(c, "move") == 0
	           ? 3
	           : 0;
}

/* "Nothing happens", "No change" and the like; how many words of it. */
static size_t count_nothing(const struct words *w)
{
	static const char *const verbs[] = {"happens", "changes", "moves", NULL};
	static const char *const things[] = {"change", "changes",  "movement",
	                                     "motion", "activity", NULL};
	size_t at =
		w->n > 2 && strcmp(w->word[0], "there") == 0 && strcmp(w->word[1], "is") == 0 ? 2 : 0;
	const char *a = w->word[at], *b = at + 1 < w->n ? w->word[at + 1] : "";
	if (strcmp(a, "nothing") == 0 && text_one_of(b, verbs))
		return at + 2;
	return strcmp(a, "no") == 0 && text_one_of(b, things) ? at + 2 : 0;
}

static bool any_action(const struct words *w, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (may_be_action(w->word[i]))
			return true;
	return false;
}

bool story_is_state(const char *what)
{
	struct words w;
	if (matches(MORE, what) || story_comes(what) || story_leaves(what) || !split(what, &w) || !w.n)
		return false;

	size_t staying = count_nothing(&w), at = 0;
	while (!staying && ++at < w.n)
		staying = count_staying(&w, at);
	if (!staying)
		return false;
	/* Before it there is who stays; "two cars" are several. */
	bool several = text_one_of(w.word[at], (const char *const[]){"stay", "remain", "are", "stand",
	                                                             "sit", "do", "don't", NULL});
	return !any_action(&w, 0, several ? at - 1 : at) && !any_action(&w, at + staying, w.n);
}

/* ---- keys and sentences */

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

/* Length of article and subject, with the space after them, with which a
 * sentence begins; 0 if it begins otherwise. */
static size_t subject_length(const char *sentence, const char *subject)
{
	size_t article = strcspn(sentence, " "), len;
	const char *p = sentence;
	if (is_article(subject, strcspn(subject, " ")) && subject[strcspn(subject, " ")])
		subject += strcspn(subject, " ") + 1;
	if (is_article(sentence, article) && sentence[article])
		p += article + 1;
	len = strlen(subject);
	return len && strncasecmp(p, subject, len) == 0 && p[len] == ' '
	           ? (size_t)(p - sentence) + len + 1
	           : 0;
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
		if (k < kept || sentence_length(s[i]) == 0)
			continue;
		*ret_left_out |= kept == ENDINGS_MAX;
		kept -= kept == ENDINGS_MAX;
		to[kept++] = s[i];
	}
	return kept;
}

char *words_combine(const char *subject, const char *const *sentences, size_t n)
{
	const char *kept[ENDINGS_MAX];
	bool left_out;
	size_t n_kept = distinct(sentences, n, kept, &left_out);
	if (n_kept <= 1)
		return mem_strdup(n_kept ? kept[0] : sentences[0]);

	struct buf out = BUF(SENTENCE_MAX);
	buf_add(&out, kept[0], sentence_length(kept[0]));
	for (size_t i = 1; i < n_kept; i++) {
		/* What else two sentences have in common may end before a negation, or
		 * within what a noun is. */
		size_t begin = subject_length(kept[0], subject) ? subject_length(kept[i], subject) : 0;
		if (!matches(VERB, kept[i] + begin))
			begin = 0;
		buf_adds(&out, left_out && i == n_kept - 1 ? "; …; " : "; ");
		buf_add(&out, kept[i] + begin, sentence_length(kept[i]) - begin);
	}
	buf_adds(&out, ".");
	return buf_take(&out);
}
