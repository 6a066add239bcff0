/* SPDX-License-Identifier: Apache-2.0 */
#include "search/search.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/checks.h"
#include "report/report.h"
#include "search/named.h"
#include "search/scope.h"
#include "search/terms.h"
#include "store/queue.h"

enum { WORDS_MAX = 16, QUERY_MAX = 400 };

struct searching {
	struct store *store;
	const struct search_query *query;
	char *copy;                       /* of the words */
	const char *words[2 * WORDS_MAX]; /* as in struct store_query */
	size_t n_words;
	struct scope scope; /* of SEARCH_LATEST */
	size_t most;        /* hits that are needed */
	bool cut;           /* not all runs were looked at */
	struct search_hit *hits;
	size_t n, cap;
};

static const char *const kinds[] = {"any", "event", "summary", "video", "said", "written"};

const char *search_kind_name(enum search_kind kind)
{
	return (size_t)kind < ARRAY_LEN(kinds) ? kinds[kind] : "";
}

int search_kind_of_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i], name) == 0)
			return (int)i;
	return -1;
}

static void clear_hit(struct search_hit *h)
{
	free(h->job);
	free(h->text);
	free(h->name);
	free(h->dir);
}

void search_result_clear(struct search_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		clear_hit(&r->hits[i]);
	free(r->hits);
	*r = (struct search_result){0};
}

static void searching_clear(struct searching *s)
{
	for (size_t i = 0; i < s->n; i++)
		clear_hit(&s->hits[i]);
	free(s->hits);
	free(s->copy);
	scope_clear(&s->scope);
}

static struct search_hit *add_hit(struct searching *s)
{
	s->hits = mem_room(s->hits, s->n, &s->cap, sizeof *s->hits);
	s->hits[s->n] = (struct search_hit){.chunk = -1, .event = -1, .sample = -1};
	return &s->hits[s->n++];
}

static struct store_query store_query(const struct searching *s)
{
	const struct search_query *q = s->query;
	return (struct store_query){.words = s->words,
	                            .n = s->n_words,
	                            .jobs = q->scope == SEARCH_LATEST ? s->scope.ids : q->jobs,
	                            .found = q->kind == SEARCH_EVENTS      ? STORE_FOUND_EVENTS
	                                     : q->kind == SEARCH_SUMMARIES ? STORE_FOUND_SUMMARIES
	                                     : q->kind == SEARCH_SAID      ? STORE_FOUND_SAID
	                                     : q->kind == SEARCH_WRITTEN   ? STORE_FOUND_WRITTEN
	                                                                   : STORE_FOUND_ANY,
	                            .from = q->from,
	                            .to = q->to,
	                            .limit = s->most};
}

/* ---- names of subjects */

/* All words of an alternative are in the text, and one of them in the name. */
static bool is_about(const struct searching *s, const char *name, const char *text)
{
	bool all = true, named = false;
	for (size_t i = 0; i < s->n_words; i++) {
		if (s->words[i]) {
			all = all && strcasestr(text, s->words[i]);
			named = named || strcasestr(name, s->words[i]);
		} else if (all && named) {
			return true;
		} else {
			all = true;
			named = false;
		}
	}
	return all && named;
}

static bool add_named(void *ctx, const char *job, const struct report_event *e, const char *text)
{
	struct searching *s = ctx;
	const struct report_part *first = &e->parts[0];
	if (s->n == s->most)
		return false;
	if (!is_about(s, e->subject->name, text))
		return true;
	struct search_hit *h = add_hit(s);
	h->kind = SEARCH_EVENTS;
	h->job = mem_strdup(job);
	h->chunk = (int64_t)first->chunk;
	h->event = (int64_t)first->index;
	h->sample = (int64_t)first->samples[0];
	h->text = mem_strdup(text);
	h->start = e->start;
	h->end = e->end;
	return true;
}

static int find_named(struct searching *s, struct err *err)
{
	const struct store_query q = store_query(s);
	if (s->query->kind != SEARCH_ANY && s->query->kind != SEARCH_EVENTS)
		return 0;
	return named_each(s->store, &q, STORE_NAMED_MAX, add_named, s, &s->cut, err);
}

/* ---- file names */

static void find_videos(struct searching *s)
{
	const struct search_query *q = s->query;
	if ((q->kind != SEARCH_ANY && q->kind != SEARCH_VIDEOS) || q->scope != SEARCH_LATEST)
		return;
	for (size_t i = 0; i < s->scope.n && s->n < s->most; i++) {
		const struct scope_run *run = &s->scope.runs[i];
		if (!is_about(s, run->name, run->name))
			continue;
		struct search_hit *h = add_hit(s);
		h->kind = SEARCH_VIDEOS;
		h->job = mem_strdup(run->job);
		h->text = mem_strdup(run->name);
	}
}

/* ---- what the model said */

static bool is_known(const struct searching *s, size_t named, const struct store_hit *h)
{
	for (size_t i = 0; i < named; i++)
		if (s->hits[i].chunk == h->chunk && s->hits[i].event == h->event &&
		    strcmp(s->hits[i].job, h->job) == 0)
			return true;
	return false;
}

static enum search_kind kind_of(const struct store_hit *h)
{
	return h->found == STORE_FOUND_WRITTEN     ? SEARCH_WRITTEN
	       : h->found == STORE_FOUND_SAID      ? SEARCH_SAID
	       : h->found == STORE_FOUND_SUMMARIES ? SEARCH_SUMMARIES
	                                           : SEARCH_EVENTS;
}

static int find_statements(struct searching *s, struct err *err)
{
	const struct store_query q = store_query(s);
	struct store_hit *hits = NULL;
	size_t n = 0, named = s->n;
	if (s->query->kind == SEARCH_VIDEOS)
		return 0;
	int r = store_search(s->store, &q, &hits, &n, err);
	for (size_t i = 0; i < n && s->n < s->most; i++) {
		if (is_known(s, named, &hits[i]))
			continue;
		struct search_hit *h = add_hit(s);
		*h = (struct search_hit){.kind = kind_of(&hits[i]),
		                         .recognized =
		                             hits[i].speech || hits[i].found == STORE_FOUND_WRITTEN,
		                         .job = TAKE(hits[i].job),
		                         .chunk = hits[i].chunk,
		                         .event = hits[i].event,
		                         .sample = hits[i].sample,
		                         .text = TAKE(hits[i].text),
		                         .start = hits[i].start,
		                         .end = hits[i].end};
	}
	store_hits_free(hits, n);
	return r;
}

/* ---- what is known of them */

/* What checks found of the hits; those of one job follow each other. */
static int set_verdicts(struct store *s, struct search_hit *hits, size_t n, struct err *err)
{
	AUTO(mem_freep) struct report_statement *of = mem_alloc(n + 1, sizeof *of);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && strcmp(hits[k].job, hits[i].job) == 0; k++)
			of[k] = (struct report_statement){.chunk = hits[k].chunk, .index = hits[k].event};
		int r = report_verdicts_find(s, hits[i].job, &of[i], k - i, err);
		if (r < 0 && r != -ERR_NOENT) /* removed meanwhile */
			return r;
		for (; i < k; i++) { /* what is said or written is not checked */
			bool text = hits[i].kind == SEARCH_SAID || hits[i].kind == SEARCH_WRITTEN;
			hits[i].verdict = text ? VERDICT_NONE : of[i].verdict;
		}
	}
	return 0;
}

static void set_videos(const struct searching *s, struct search_hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct scope_run *run = scope_find(&s->scope, hits[i].job);
		hits[i].name = mem_strdup(run ? run->name : "");
		hits[i].dir = mem_strdup(run ? run->dir : "");
	}
}

/* Takes the hits from `skip` on. */
static void take_page(struct searching *s, struct search_result *ret)
{
	size_t skip = s->query->skip < s->n ? s->query->skip : s->n, left = s->n - skip;
	size_t n = left < s->query->limit ? left : s->query->limit;
	ret->hits = mem_alloc(n + 1, sizeof *ret->hits);
	for (size_t i = 0; i < n; i++) {
		ret->hits[i] = s->hits[skip + i];
		s->hits[skip + i] = (struct search_hit){0};
	}
	ret->n = n;
	ret->more = left > n || s->cut;
}

/* Such words are in most texts, and asking for them finds nothing else. Of the
 * words from `first` on, which are one alternative. */
static void drop_stop_words(struct searching *s, size_t first)
{
	size_t n = first;
	for (size_t i = first; i < s->n_words; i++)
		n += !terms_is_stop_word(s->words[i]);
	if (n == first)
		return;
	n = first;
	for (size_t i = first; i < s->n_words; i++)
		if (!terms_is_stop_word(s->words[i]))
			s->words[n++] = s->words[i];
	s->n_words = n;
}

/* OR is a word unless there is one before and after it. */
static bool is_or(const char *word, bool before, const char *rest)
{
	return before && strcmp(word, "OR") == 0 && rest && rest[strspn(rest, " ")];
}

static int read_words(struct searching *s, struct err *err)
{
	const char *words = s->query->words;
	size_t n = 0, first = 0;
	char *word;
	if (strlen(words) > QUERY_MAX)
		return err_set(err, ERR_ARG, "search for %d bytes at most", QUERY_MAX);
	s->copy = text_line(words, QUERY_MAX);
	for (char *rest = s->copy; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		if (is_or(word, s->n_words > first, rest)) {
			drop_stop_words(s, first);
			s->words[s->n_words++] = NULL;
			first = s->n_words;
			continue;
		}
		if (n++ == WORDS_MAX)
			return err_set(err, ERR_ARG, "search for %d words at most", WORDS_MAX);
		s->words[s->n_words++] = word;
	}
	drop_stop_words(s, first);
	return s->n_words ? 0 : err_set(err, ERR_ARG, "name at least one word to search for");
}

int search_run(struct store *store, const struct search_query *q, struct search_result *ret,
               struct err *err)
{
	AUTO(searching_clear) struct searching s = {.store = store, .query = q};
	s.most = q->skip + q->limit + 1;
	*ret = (struct search_result){0};
	int r = read_words(&s, err);
	if (r == 0 && q->scope == SEARCH_LATEST)
		r = scope_load(store, q->video, &s.scope, err);
	if (r == 0)
		r = find_named(&s, err);
	if (r == 0) {
		find_videos(&s);
		r = find_statements(&s, err);
	}
	if (r < 0)
		return r;

	take_page(&s, ret);
	if (q->scope == SEARCH_LATEST)
		set_videos(&s, ret->hits, ret->n);
	r = set_verdicts(store, ret->hits, ret->n, err);
	if (r < 0)
		search_result_clear(ret);
	return r;
}
