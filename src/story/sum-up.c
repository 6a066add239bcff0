/* SPDX-License-Identifier: Apache-2.0 */
#include "story/sum-up.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

enum {
	TEXT_MAX = 600, /* bytes of a sentence */
	LINE_MAX = 400, /* bytes of an entry in a list */
	LEAST = 2,      /* lines of a request: one alone needs no summary */
	STAMPS_SIZE = sizeof "40 [2026-11-29 00:00:00 - 2026-11-29 00:00:00] \n",
};

/* What the requests of one level are about. */
struct level {
	struct story_sentence *lines;
	size_t n;
};

static void clear_sentence(struct story_sentence *s)
{
	free(s->text);
	free(s->entries);
}

void story_sentences_free(struct story_sentence *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		clear_sentence(&s[i]);
	free(s);
}

static void clear_section(struct story_section *s)
{
	story_sentences_free(s->sentences, s->n);
	free(s->fallback);
	*s = (struct story_section){0};
}

void story_summary_clear(struct story_summary *s)
{
	clear_section(&s->whole);
	for (size_t i = 0; i < s->n_sections; i++)
		clear_section(&s->sections[i]);
	free(s->sections);
	*s = (struct story_summary){0};
}

static void set_times(struct story_section *s, const struct story_entry *entries,
                      const struct story_sentence *lines, size_t n)
{
	s->start = INT64_MAX;
	s->end = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < lines[i].n_entries; k++) {
			const struct story_entry *e = &entries[lines[i].entries[k]];
			s->start = e->start < s->start ? e->start : s->start;
			s->end = e->end > s->end ? e->end : s->end;
		}
	}
}

static char *print_line(size_t number, const struct story_list *list,
                        const struct story_sentence *line)
{
	struct story_section of = {0};
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *text = text_line(line->text, LINE_MAX);
	set_times(&of, list->entries, line, 1);
	return mem_printf("%zu [%s - %s] %s\n", number, list->stamp(of.start, a),
	                  list->stamp(of.end, b), text);
}

/* How many of the lines from `first` on one request takes: at most `most`, and
 * at least two. */
static size_t count_fitting(const struct level *of, size_t first, size_t most, size_t max)
{
	size_t n = 0, size = 0;
	for (; first + n < of->n && n < most; n++) {
		size_t length = strlen(of->lines[first + n].text);
		size += (length < LINE_MAX ? length : LINE_MAX) + STAMPS_SIZE;
		if (size > max && n >= LEAST)
			break;
	}
	return n;
}

static void print_request(struct story_request *q, const struct story_list *list,
                          const struct level *of, size_t first, size_t n)
{
	struct buf b = BUF((LINE_MAX + 100) * STORY_ENTRIES_MAX);
	for (size_t i = 0; i < n; i++) {
		AUTO(mem_freep) char *line = print_line(i + 1, list, &of->lines[first + i]);
		buf_adds(&b, line);
	}
	*q = (struct story_request){.list = buf_take(&b), .n = n};
}

static const char digits_of[] = "0123456789";

/* Whether the `n` digits at `number` are a whole number of the text. */
static bool has_number(const char *text, const char *number, size_t n)
{
	while (*(text += strcspn(text, digits_of))) {
		size_t length = strspn(text, digits_of);
		if (length == n && strncmp(text, number, n) == 0)
			return true;
		text += length;
	}
	return false;
}

/* Each run of digits in the text is one of the lines it is about. */
static bool numbers_are_known(const char *text, const struct story_sentence *lines,
                              const bool *about, size_t n)
{
	for (const char *p = text; *p;) {
		size_t digits = strspn(p, digits_of);
		bool known = digits == 0;
		for (size_t i = 0; i < n && !known; i++)
			known = about[i] && has_number(lines[i].text, p, digits);
		if (!known)
			return false;
		p += digits ? digits : 1;
	}
	return true;
}

/* Adds the entries of a line to those of a sentence, each once. */
static void cite(struct story_sentence *s, const struct story_sentence *line)
{
	s->entries = mem_grow(s->entries, s->n_entries + line->n_entries, sizeof *s->entries);
	memcpy(s->entries + s->n_entries, line->entries, line->n_entries * sizeof *line->entries);
	s->n_entries += line->n_entries;
	s->n_entries = mem_sort_distinct(s->entries, s->n_entries);
}

static struct story_sentence *find_text(struct story_section *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->sentences[i].text, text) == 0)
			return &s->sentences[i];
	return NULL;
}

/* A sentence of the answer. What names no line, or has a number that none of
 * its lines has, is left out. */
static void take_sentence(struct story_section *s, json_t *j, const struct story_sentence *lines,
                          size_t n)
{
	const char *said = json_string_value(json_object_get(j, "text"));
	json_t *number;
	bool about[STORY_ENTRIES_MAX] = {false}, any = false;
	size_t i;
	json_array_foreach (json_object_get(j, "events"), i, number) {
		json_int_t k = json_integer_value(number);
		if (k >= 1 && k <= (json_int_t)n)
			any = about[k - 1] = true;
	}
	AUTO(mem_freep) char *text = text_line(said ? said : "", TEXT_MAX);
	bool blank = text[strspn(text, " ")] == '\0';
	if (!any || blank || !numbers_are_known(text, lines, about, n))
		return;

	struct story_sentence *to = find_text(s, text);
	if (!to) {
		s->sentences = mem_grow(s->sentences, s->n + 1, sizeof *s->sentences);
		to = &s->sentences[s->n++];
		*to = (struct story_sentence){.text = TAKE(text)};
	}
	for (i = 0; i < n; i++)
		if (about[i])
			cite(to, &lines[i]);
}

static int read_answer(struct story_section *s, json_t *root, const struct story_sentence *lines,
                       size_t n, struct err *err)
{
	json_t *all = json_object_get(root, "sentences"), *j;
	size_t i, repeated = 0;
	if (!json_is_array(all))
		return err_set(err, ERR_FORMAT, "it is not an object with \"sentences\"");
	json_array_foreach (all, i, j) {
		size_t before = s->n;
		if (before == STORY_SENTENCES_MAX)
			break;
		take_sentence(s, j, lines, n);
		const char *text = json_string_value(json_object_get(j, "text"));
		if (text && text_loops(text))
			return err_set(err, ERR_FORMAT, "a sentence repeats itself without end");
		repeated += before && s->n == before;
	}
	if (!s->n)
		return err_set(err, ERR_FORMAT,
		               "none of its sentences names entries of the list, or each has a number "
		               "that its entries do not have");
	if (repeated > s->n + LEAST)
		return err_set(err, ERR_FORMAT, "it repeats the same sentences");
	return 0;
}

static struct story_sentence copy_line(const struct story_sentence *line)
{
	struct story_sentence s = {.text = mem_strdup(line->text)};
	cite(&s, line);
	return s;
}

static void fall_back(struct story_section *s, const struct story_sentence *lines, size_t n,
                      const char *why)
{
	clear_section(s);
	s->sentences = mem_alloc(n, sizeof *s->sentences);
	for (; s->n < n; s->n++)
		s->sentences[s->n] = copy_line(&lines[s->n]);
	s->fallback = mem_strdup(why);
}

/* The requests of one level, and what became of them. */
struct asking {
	const struct story_list *list;
	struct level of;
	size_t max; /* bytes of a request's list */
	struct story_request *requests;
	size_t *first; /* line of each request */
	struct story_section *sections;
	size_t n;
};

/* Of `several` requests each should leave less for the next level. */
static size_t sentences_most(size_t lines, bool several)
{
	size_t most = several ? lines / LEAST : lines;
	return most < 1 ? 1 : most > STORY_SENTENCES_MAX ? STORY_SENTENCES_MAX : most;
}

static size_t entries_most(const struct story_list *list)
{
	return list->most ? list->most : STORY_ENTRIES_MAX;
}

/* How many requests lines are divided into, and lines of each of them. */
static size_t count_groups(size_t lines, size_t most, size_t *ret_each)
{
	size_t groups = (lines + most - 1) / most;
	*ret_each = (lines + groups - 1) / groups;
	return groups;
}

static void divide(struct asking *a)
{
	size_t each;
	count_groups(a->of.n, entries_most(a->list), &each);
	a->requests = mem_alloc(a->of.n, sizeof *a->requests);
	a->first = mem_alloc(a->of.n, sizeof *a->first);
	for (size_t at = 0, n; at < a->of.n; at += n) {
		n = count_fitting(&a->of, at, each, a->max);
		a->first[a->n] = at;
		print_request(&a->requests[a->n++], a->list, &a->of, at, n);
	}
	for (size_t k = 0; k < a->n; k++)
		a->requests[k].most = sentences_most(a->requests[k].n, a->n > 1 && !a->list->most);
	a->sections = mem_alloc(a->n, sizeof *a->sections);
}

static void asking_clear(struct asking *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->requests[i].list);
		json_decref(a->requests[i].answer);
	}
	for (size_t i = 0; a->sections && i < a->n; i++)
		clear_section(&a->sections[i]);
	story_sentences_free(a->of.lines, a->of.n);
	free(a->requests);
	free(a->first);
	free(a->sections);
}

/* What came back for one request; false: it is to be asked once more. */
static bool settle(struct asking *a, size_t k, bool again)
{
	struct story_request *q = &a->requests[k];
	struct story_section *s = &a->sections[k];
	const struct story_sentence *lines = &a->of.lines[a->first[k]];
	struct err why = q->why;
	int r = q->answer ? read_answer(s, q->answer, lines, q->n, &why) : -(int)why.code;
	if (r == 0) {
		s->fallback = mem_strdup("");
		return true;
	}
	json_decref(TAKE(q->answer));
	clear_section(s);
	q->fault = why;
	if (r == -ERR_FORMAT && !again)
		return false;
	fall_back(s, lines, q->n, why.msg);
	return true;
}

/* The sections of one level. `stopped` has a message once an error that is not
 * one of an answer ended the requests. */
static int ask_level(struct asking *a, story_ask *ask, void *ctx, struct err *stopped,
                     struct err *err)
{
	size_t open = 0;
	for (size_t k = 0; k < a->n; k++) {
		a->requests[k].done = a->requests[k].n < LEAST || *stopped->msg;
		open += !a->requests[k].done;
		if (a->requests[k].done)
			fall_back(&a->sections[k], &a->of.lines[a->first[k]], a->requests[k].n, stopped->msg);
	}
	for (int again = 0; open; again++) {
		int r = ask(ctx, a->requests, a->n, err);
		if (r < 0)
			return r;
		for (size_t k = 0; k < a->n; k++) {
			struct story_request *q = &a->requests[k];
			if (q->done)
				continue;
			q->done = settle(a, k, again || *stopped->msg);
			open -= q->done;
			if (q->fault.code && q->fault.code != ERR_FORMAT)
				*stopped = q->fault;
		}
	}
	for (size_t k = 0; k < a->n; k++)
		set_times(&a->sections[k], a->list->entries, &a->of.lines[a->first[k]], a->requests[k].n);
	return 0;
}

/* The lines of the next level: the sentences of this one. Where these do not
 * fit into one request, of each section some, so that every level is shorter
 * than the one before. */
static struct level next_level(const struct asking *a)
{
	struct level next = {0};
	size_t sum = 0;
	for (size_t k = 0; k < a->n; k++)
		sum += a->sections[k].n;
	bool all = sum <= entries_most(a->list) && sum < a->of.n;
	for (size_t k = 0; k < a->n; k++) {
		const struct story_section *s = &a->sections[k];
		size_t most = all ? s->n : sentences_most(a->requests[k].n, true),
			   n = s->n < most ? s->n : most;
		next.lines = mem_grow(next.lines, next.n + n, sizeof *next.lines);
		for (size_t i = 0; i < n; i++)
			next.lines[next.n++] = copy_line(&s->sentences[i * s->n / n]);
	}
	return next;
}

static struct level first_level(const struct story_list *list)
{
	struct level first = {.lines = mem_alloc(list->n, sizeof *first.lines), .n = list->n};
	for (size_t i = 0; i < list->n; i++) {
		struct story_sentence *s = &first.lines[i];
		*s = (struct story_sentence){.text = text_line(list->entries[i].text, TEXT_MAX),
		                             .entries = mem_alloc(1, sizeof *s->entries),
		                             .n_entries = 1};
		s->entries[0] = i;
	}
	return first;
}

int story_sum_up(const struct story_list *list, size_t max, story_ask *ask, void *ctx,
                 struct story_summary *ret, struct err *err)
{
	AUTO(story_summary_clear) struct story_summary summary = {0};
	struct story_list stamped = *list;
	struct err stopped = {0};
	if (!list->n)
		return err_set(err, ERR_NOENT, "nothing happened that could be summarized");

	stamped.stamp = list->stamp ? list->stamp : clock_whole;
	struct level level = first_level(list);
	for (bool whole = false; !whole;) {
		AUTO(asking_clear) struct asking a = {.list = &stamped, .of = level, .max = max};
		divide(&a);
		int r = ask_level(&a, ask, ctx, &stopped, err);
		if (r < 0)
			return r;
		whole = a.n == 1;
		if (!whole)
			level = next_level(&a);

		if (whole) {
			summary.whole = a.sections[0];
			a.sections[0] = (struct story_section){0};
		} else if (!summary.sections) {
			summary.sections = TAKE(a.sections);
			summary.n_sections = a.n;
		}
	}

	if (*summary.whole.fallback && summary.n_sections) {
		for (size_t i = 0; i < summary.whole.n; i++)
			clear_sentence(&summary.whole.sentences[i]);
		summary.whole.n = 0;
	}
	*ret = summary;
	summary = (struct story_summary){0};
	return 0;
}

struct story_requests story_count_requests(size_t entries, size_t most)
{
	struct story_requests sum = {0};
	for (size_t lines = entries, groups = 0; lines >= LEAST && groups != 1;) {
		size_t each;
		groups = count_groups(lines, most, &each);
		sum.requests += groups;
		sum.lines += lines;
		lines = groups * sentences_most(each, true);
		sum.sentences += lines;
	}
	return sum;
}
