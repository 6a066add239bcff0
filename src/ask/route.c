/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/route.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { STATEMENT_MAX = 200, QUERY_MAX = 200 };

void route_clear(struct route *r)
{
	free(r->question);
	free(r->statement);
	for (size_t i = 0; i < r->n_queries; i++)
		free(r->queries[i].text);
	for (size_t i = 0; i < ROUTE_PARTS; i++)
		free(r->parts[i]);
	*r = (struct route){0};
}

bool route_scans(enum answer_kind kind)
{
	return kind == ASK_IS || kind == ASK_NOT || kind == ASK_COUNT || kind == ASK_LIST;
}

bool route_wants_all(enum answer_kind kind)
{
	return kind != ASK_IS;
}

/* ---- rules */

/* Words with which questions of a kind begin, or that they contain. The first
 * rule that applies decides. */
struct rule {
	const char *words;
	bool begins;
	enum answer_kind kind;
};
static const struct rule rules[] = {
	{"compare", true, ASK_COMPARE},
	{"difference between", false, ASK_COMPARE},
	{" more often", false, ASK_COMPARE},
	{"how many", false, ASK_COUNT},
	{"how often", false, ASK_COUNT},
	{"count ", true, ASK_COUNT},
	{"number of", false, ASK_COUNT},
	{"summarize", false, ASK_SUMMARY},
	{"summarise", false, ASK_SUMMARY},
	{"summary", false, ASK_SUMMARY},
	{"what happens", true, ASK_SUMMARY},
	{"what happened", true, ASK_SUMMARY},
	{"list ", true, ASK_LIST},
	{"find all", true, ASK_LIST},
	{"show all", true, ASK_LIST},
	{"when is no", true, ASK_NOT},
	{"when was no", true, ASK_NOT},
	{"when is there no", true, ASK_NOT},
	{"when was there no", true, ASK_NOT},
	{"at what times is no ", true, ASK_NOT},
	{"at what times was no ", true, ASK_NOT},
	{" before or after", false, ASK_ORDER},
	{"in which order", false, ASK_ORDER},
	{"in what order", false, ASK_ORDER},
	{" first, ", false, ASK_ORDER},
	{" came first", false, ASK_ORDER},
	{" comes first", false, ASK_ORDER},
	{" appears first", false, ASK_ORDER},
	{" before the ", false, ASK_ORDER},
	{" after the ", false, ASK_ORDER},
	{" sign say", false, ASK_WRITTEN},
	{" sign read", false, ASK_WRITTEN},
	{" slide say", false, ASK_WRITTEN},
	{" caption say", false, ASK_WRITTEN},
	{" screen say", false, ASK_WRITTEN},
	{"which text", true, ASK_WRITTEN},
	{"what text", true, ASK_WRITTEN},
	{"what is the text", true, ASK_WRITTEN},
	{" say ", false, ASK_SAID},
	{" said ", false, ASK_SAID},
	{" says ", false, ASK_SAID},
	{" mention", false, ASK_SAID},
	{"written", false, ASK_WRITTEN},
	{"number plate", false, ASK_WRITTEN},
	{"license plate", false, ASK_WRITTEN},
	{"when", true, ASK_WHEN},
	{"at what time", true, ASK_WHEN},
	{"how", true, ASK_HOW},
	{"is ", true, ASK_IS},
	{"are ", true, ASK_IS},
	{"was ", true, ASK_IS},
	{"were ", true, ASK_IS},
	{"does ", true, ASK_IS},
	{"do ", true, ASK_IS},
	{"did ", true, ASK_IS},
	{"has ", true, ASK_IS},
	{"have ", true, ASK_IS},
	{"can ", true, ASK_IS},
};

static enum answer_kind kind_of(const char *question)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct rule *r = &rules[i];
		if (r->begins ? strncasecmp(question, r->words, strlen(r->words)) == 0
		              : strcasestr(question, r->words) != NULL)
			return r->kind;
	}
	return ASK_WHICH;
}

/* Beginnings after which a thing is named, with nothing behind it but one of
 * `ends`. */
static const char *const of_things_and_ends[] = {
	"how many times does ",
	"how many times did ",
	"how many times is ",
	"how many times was ",
	"how often does ",
	"how often did ",
	"how often is ",
	"how often was ",
	"count the times ",
	"at what times is no ",
	"at what times was no ",
	"at what times is ",
	"at what times was ",
	"when is no ",
	"when was no ",
	"when does ",
	"when did ",
	"when can i see ",
	"when can you see ",
	"when is ",
	"when was ",
	"can you see ",
	"can i see ",
	"do you see ",
	"does ",
	"did ",
	"is ",
	"was ",
};
/* Beginnings after which the rest names a thing; "is there " before "is ". */
static const char *const of_things[] = {
	"is there ever ",     "is there ",   "are there ",   "was there ever ", "was there ",
	"were there ",        "how many ",   "list all ",    "list every ",     "find all ",
	"show all ",          "count all ",  "count the ",   "count ",          "when is there no ",
	"when was there no ", "when is no ", "when was no ", "when is there ",  "when was there ",
};
/* Ends of questions that say nothing more of the thing. */
static const char *const ends[] = {
	" are there",     " were there", " is there", " there",       " in the video", " in this video",
	" in the videos", " to be seen", " visible",  " at all",      " anywhere",     " appear",
	" appears",       " seen",       " ever",     " at any time", " not",          " more often",
};

static bool ends_in(const char *word, const char *ending)
{
	size_t n = strlen(word), e = strlen(ending);
	return n >= e && strcasecmp(word + n - e, ending) == 0;
}

static bool cut_end(char *text)
{
	size_t n = strlen(text);
	bool cut = false;
	while (n && strchr("?!. ", text[n - 1]))
		text[--n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (ends_in(text, ends[i])) {
			n -= strlen(ends[i]);
			text[n] = '\0';
			cut = true;
			i = (size_t)-1; /* there may be another before it */
		}
	}
	return cut;
}

/* The thing without its article; *ret_cut: whether it had one of `ends`. */
static char *bare_thing(const char *rest, bool *ret_cut)
{
	static const char *const articles[] = {"a ", "an ", "any ", "the ", "some "};
	for (size_t i = 0; i < ARRAY_LEN(articles); i++)
		if (strncasecmp(rest, articles[i], strlen(articles[i])) == 0) {
			rest += strlen(articles[i]);
			break;
		}
	char *thing = mem_strdup(rest);
	*ret_cut = cut_end(thing);
	return thing;
}

/* "boxes" becomes "box", "cars" "car". */
static void cut_plural(char *word)
{
	static const char *const with_e[] = {"xes", "ches", "shes", "sses", "buses"};
	size_t n = strlen(word);
	for (size_t i = 0; i < ARRAY_LEN(with_e); i++)
		if (ends_in(word, with_e[i])) {
			word[n - 2] = '\0';
			return;
		}
	bool single = ends_in(word, "ss") || ends_in(word, "us") || ends_in(word, "is");
	if (n > 3 && ends_in(word, "s") && !single)
		word[n - 1] = '\0';
}

static const char *after(const char *question, const char *const *beginnings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(beginnings[i]);
		if (strncasecmp(question, beginnings[i], len) == 0)
			return question + len;
	}
	return NULL;
}

/* Whether a question asks for the absence of something. */
static bool denies(const char *question)
{
	static const char *const words[] = {"no",      "not",    "never",   "without", "none",
	                                    "nothing", "absent", "missing", "gone",    NULL};
	AUTO(mem_freep) char *copy = mem_strdup(question);
	char *word;
	for (char *rest = copy; (word = strsep(&rest, " ,?!."));)
		if (text_one_of_any_case(word, words) || ends_in(word, "n't") || ends_in(word, "n’t"))
			return true;
	return false;
}

/* The thing that a question is about and says nothing more of: "dog" of "Is
 * there a dog in the video?"; "" if the question has another form. */
static char *thing_of(const char *question)
{
	bool cut;
	const char *rest = after(question, of_things_and_ends, ARRAY_LEN(of_things_and_ends));
	if (rest) {
		AUTO(mem_freep) char *thing = bare_thing(rest, &cut);
		if (cut && strncasecmp(thing, "there ", 6) != 0)
			return TAKE(thing);
	}
	rest = after(question, of_things, ARRAY_LEN(of_things));
	bool is_thing = rest && strncasecmp(rest, "times ", 6) != 0; /* "how many times does …" */
	return is_thing ? bare_thing(rest, &cut) : mem_strdup("");
}

/* Words that make a question one about more than whether a thing is there. */
static bool says_more(const char *thing)
{
	static const char *const words[] = {
		"no",     "not",   "never",   "always",  "without",  "only",      "every", "all",  "both",
		"more",   "less",  "fewer",   "most",    "two",      "three",     "four",  "five", "six",
		"seven",  "eight", "nine",    "ten",     "several",  "many",      "few",   "or",   "and",
		"except", "just",  "exactly", "nothing", "anything", "something", NULL};
	AUTO(mem_freep) char *copy = mem_strdup(thing);
	char *word;
	for (char *rest = copy; (word = strsep(&rest, " ,?!."));)
		if (text_one_of_any_case(word, words) || isdigit((unsigned char)*word))
			return true;
	return false;
}

/* "A dog is there." */
static char *statement_of(const char *thing, enum answer_kind kind)
{
	AUTO(mem_freep) char *one = mem_strdup(thing);
	if (!*one)
		return TAKE(one);
	if (kind == ASK_COUNT || kind == ASK_LIST || kind == ASK_IS)
		cut_plural(one);
	bool vowel = strchr("aeiou", tolower((unsigned char)one[0])) != NULL;
	return mem_printf("%s %s is there.", vowel ? "An" : "A", one);
}

/* The last "the THING" of a text, without the article; NULL if there is none. */
static char *last_thing(const char *text)
{
	const char *at = NULL;
	bool cut;
	for (const char *s = text; (s = strcasestr(s, "the ")); s++)
		if (s == text || s[-1] == ' ')
			at = s;
	if (!at)
		return NULL;
	AUTO(mem_freep) char *thing = bare_thing(at, &cut);
	return *thing ? TAKE(thing) : NULL;
}

/* Both things of "Which comes first, the car or the bus?" */
static void split(const char *question, struct route *ret)
{
	static const char *const between[] = {" before or after the ",
	                                      " before the ",
	                                      " after the ",
	                                      " than the ",
	                                      " or the ",
	                                      " and the "};
	for (size_t i = 0; i < ARRAY_LEN(between); i++) {
		const char *at = strcasestr(question, between[i]);
		if (!at)
			continue;
		AUTO(mem_freep) char *left = mem_printf("%.*s", (int)(at - question), question);
		AUTO(mem_freep) char *first = last_thing(left);
		AUTO(mem_freep) char *second = last_thing(at);
		if (!first || !second)
			return;
		ret->parts[0] = TAKE(first);
		ret->parts[1] = TAKE(second);
		return;
	}
}

static bool has_parts(enum answer_kind kind)
{
	return kind == ASK_ORDER || kind == ASK_COMPARE;
}

char *route_statement(const char *thing)
{
	return statement_of(thing, ASK_COMPARE);
}

char *route_part_question(const char *part)
{
	return mem_printf("When does the %s appear?", part);
}

void route_by_rules(const char *question, struct route *ret)
{
	AUTO(mem_freep) char *line = text_line(question, STATEMENT_MAX * 2);
	const char *q = line + strspn(line, " ");
	*ret = (struct route){.kind = kind_of(q), .n_queries = 1};
	ret->question = mem_strdup(question);
	AUTO(mem_freep) char *thing = thing_of(q);
	if (strlen(thing) > STATEMENT_MAX / 2)
		*thing = '\0';
	/* "Is there no dog?" is not answered by one that is there. */
	bool more = says_more(ret->kind == ASK_IS ? q : thing);
	ret->statement = statement_of(more ? "" : thing, ret->kind);
	/* "When is the dog not there?" of what can be looked for as it is. */
	if (ret->kind == ASK_WHEN && *ret->statement && strcasestr(q, " not "))
		ret->kind = ASK_NOT;
	/* Without something that can be looked for, there is nothing to deny. */
	if (ret->kind == ASK_NOT && !*ret->statement)
		ret->kind = ASK_WHEN;
	ret->negated = ret->kind == ASK_NOT;
	enum answer_sense sense = ret->kind == ASK_SAID      ? SENSE_SAID
	                          : ret->kind == ASK_WRITTEN ? SENSE_WRITTEN
	                                                     : SENSE_SEEN;
	/* Words like "appears" are rare in descriptions, and so weigh more than the
	 * thing. */
	ret->queries[0] =
		(struct route_query){.text = text_line(*thing ? thing : q, QUERY_MAX), .sense = sense};
	if (has_parts(ret->kind))
		split(q, ret);
}

/* ---- times */

/* "7:20" or "1:02:03" at `s`: its end; NULL if there is none. */
static const char *read_time(const char *s, int64_t *ret)
{
	int64_t parts[3], total = 0;
	size_t n = 0;
	for (;; s++) {
		size_t digits = strspn(s, "0123456789");
		if (n == 3 || digits < (n ? 2 : 1) || digits > 2)
			return NULL;
		parts[n++] = strtol(s, NULL, 10);
		s += digits;
		if (*s != ':')
			break;
	}
	if (n < 2)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (i && parts[i] > 59)
			return NULL;
		total = total * 60 + parts[i];
	}
	*ret = total * CLOCK_SECOND;
	return s;
}

/* The end of a time that begins at `s`, which is in `question`; NULL if none
 * does. */
static const char *time_at(const char *question, const char *s, int64_t *ret)
{
	bool begins = s == question || (!isalnum((unsigned char)s[-1]) && s[-1] != ':');
	return begins && isdigit((unsigned char)*s) ? read_time(s, ret) : NULL;
}

/* The word before `at`, if it is one of the list. */
static bool follows_word(const char *question, const char *at, const char *const *words)
{
	while (at > question && at[-1] == ' ')
		at--;
	for (size_t i = 0; words[i]; i++) {
		size_t n = strlen(words[i]);
		if ((size_t)(at - question) >= n && strncasecmp(at - n, words[i], n) == 0 &&
		    ((size_t)(at - question) == n || !isalnum((unsigned char)at[-n - 1])))
			return true;
	}
	return false;
}

/* As of a clock: "14:05" is not 14 minutes and 5 seconds, but an hour with its
 * minute. *ret_length: of what it names. */
static int64_t of_clock(const char *s, const char *end, int64_t t, int64_t *ret_length)
{
	bool seconds = memchr(s, ':', (size_t)(end - s)) != memrchr(s, ':', (size_t)(end - s));
	*ret_length = seconds ? 0 : 60 * CLOCK_SECOND;
	return seconds ? t : t * 60;
}

static bool read_range(const char *question, bool clock, int64_t *ret_from, int64_t *ret_to)
{
	static const char *const later[] = {"after", "since", "from", NULL}, *const earlier[] = {
																			 "before", "until",
																			 "till", "by", NULL};
	const char *first = NULL;
	int64_t t[2], length = 0;
	size_t n = 0;
	for (const char *s = question; *s && n < 2; s++) {
		const char *end = time_at(question, s, &t[n]);
		if (!end)
			continue;
		first = n ? first : s;
		t[n] = clock ? of_clock(s, end, t[n], &length) : t[n];
		s = end - 1;
		n++;
	}
	if (!n)
		return false;
	const int64_t around = 15 * CLOCK_SECOND;
	*ret_from = n == 2                                   ? (t[0] < t[1] ? t[0] : t[1])
	            : follows_word(question, first, later)   ? t[0]
	            : follows_word(question, first, earlier) ? 0
	            : t[0] > around                          ? t[0] - around
	                                                     : 0;
	*ret_to = n == 2                                   ? (t[0] < t[1] ? t[1] : t[0])
	          : follows_word(question, first, later)   ? INT64_MAX
	          : follows_word(question, first, earlier) ? t[0]
	                                                   : t[0] + length + around;
	return *ret_from < *ret_to;
}

bool route_range(const char *question, int64_t *ret_from, int64_t *ret_to)
{
	return read_range(question, false, ret_from, ret_to);
}

bool route_clock_range(const char *question, int64_t *ret_from, int64_t *ret_to)
{
	return read_range(question, true, ret_from, ret_to);
}

bool route_first_time(const char *question, struct route_time *ret)
{
	for (const char *s = question; *s; s++) {
		const char *end = time_at(question, s, &ret->position);
		if (!end)
			continue;
		int64_t length;
		ret->of_day = of_clock(s, end, ret->position, &length);
		snprintf(ret->text, sizeof ret->text, "%.*s", (int)(end - s), s);
		return true;
	}
	return false;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Cuts off the words before a time, and what joins two of them. */
static void cut_before_time(struct buf *b)
{
	static const char *const words[] = {" after",   " since", " from", " before", " until", " till",
	                                    " between", " by",    " at",   " and",    " to",    " -"};
	bool cut = true;
	while (cut) {
		cut = false;
		while (b->len && b->data[b->len - 1] == ' ')
			b->len--;
		for (size_t i = 0; i < ARRAY_LEN(words) && !cut; i++) {
			size_t n = strlen(words[i]);
			bool first = b->len == n - 1 && strncasecmp(b->data, words[i] + 1, n - 1) == 0;
			cut = first || (b->len >= n && strncasecmp(b->data + b->len - n, words[i], n) == 0);
			b->len -= first ? n - 1 : cut ? n : 0;
		}
	}
}

char *route_without_times(const char *question)
{
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2);
	int64_t from, to;
	if (!route_range(question, &from, &to))
		return mem_strdup(question);
	for (const char *s = question; *s;) {
		const char *end = time_at(question, s, &from);
		if (end)
			cut_before_time(&b);
		else
			buf_add(&b, s, 1);
		s = end ? end : s + 1;
	}
	const char *rest = buf_str(&b);
	rest += strspn(rest, " ,");
	return mem_strdup(rest[strcspn(rest, LETTERS)] ? rest : question);
}

/* ---- the reply of a model */

static int find_name(const char *name, const char *(*name_of)(int), int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name, name_of(i)) == 0)
			return i;
	return -1;
}

static const char *kind_name(int i)
{
	return answer_kind_name((enum answer_kind)i);
}

static const char *sense_name(int i)
{
	return answer_sense_name((enum answer_sense)i);
}

/* Whether a word that says something is in both: one of at least three letters,
 * or of another script. */
static bool shares_word(const char *a, const char *b)
{
	static const char *const common[] = {"there", "the", "this", "that", "some", "with",
	                                     "from",  "are", "has",  "have", "for",  NULL};
	AUTO(mem_freep) char *copy = mem_strdup(a);
	char *word;
	for (char *rest = copy; (word = strsep(&rest, " .,;:?!\"'()"));) {
		size_t n = strlen(word);
		bool foreign = n && (unsigned char)*word >= 0x80;
		if (text_one_of(word, common))
			continue;
		if (n > 4 && strchr("sS", word[n - 1]))
			word[n - 1] = '\0'; /* cars, car */
		if ((n > 2 || foreign) && strcasestr(b, word))
			return true;
	}
	return false;
}

int route_read(const json_t *reply, const char *question, bool follows, struct route *ret,
               struct err *err)
{
	AUTO(mem_freep) char *said = text_line(json_text(reply, "question"), STATEMENT_MAX * 2);
	size_t i;
	const json_t *item, *list = json_object_get(reply, "queries");
	int kind = find_name(json_text(reply, "kind"), kind_name, ASK_KINDS);
	if (kind < 0)
		return err_set(err, ERR_FORMAT, "\"kind\" is none of those named");
	*ret = (struct route){.kind = (enum answer_kind)kind,
	                      .negated =
	                          json_is_true(json_object_get(reply, "negated")) || kind == ASK_NOT,
	                      .question = follows && *said ? TAKE(said) : mem_strdup(question),
	                      .statement = text_line(json_text(reply, "statement"), STATEMENT_MAX)};
	/* One about something else would decide another question; and that a dog is
	 * there does not mean yes to "Is there no dog?". */
	bool other = ret->kind == ASK_IS && (ret->negated || denies(ret->question));
	if (other || !shares_word(ret->statement, ret->question))
		*ret->statement = '\0';
	json_array_foreach (list, i, item) {
		int sense = find_name(json_text(item, "sense"), sense_name, SENSES);
		AUTO(mem_freep) char *text = text_line(json_text(item, "text"), QUERY_MAX);
		if (!text[strspn(text, " ")] || ret->n_queries == ROUTE_QUERIES)
			continue;
		ret->queries[ret->n_queries++] = (struct route_query){
			.text = TAKE(text), .sense = sense < 0 ? SENSE_SEEN : (enum answer_sense)sense};
	}
	if (!ret->n_queries) {
		route_clear(ret);
		return err_set(err, ERR_FORMAT, "\"queries\" has no words");
	}
	if (has_parts(ret->kind))
		split(ret->question, ret);
	return 0;
}
