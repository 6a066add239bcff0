/* SPDX-License-Identifier: Apache-2.0 */
#include "search/find.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/checks.h"
#include "search/terms.h"
#include "search/window.h"
#include "store/passage.h"

/* A word that occurs in more than one of COMMON_SHARE passages says little, and
 * costs much, unless there are only few passages. */
enum { QUERY_WORDS = 8, COMMON_SHARE = 20, COMMON_LEAST = 1000 };
/* Passages that a provider finds for one query. */
enum { RANKED = 200, RANKED_PER_WINDOW = 20 };

/* Reciprocal rank fusion: G. V. Cormack, C. L. A. Clarke, S. Buettcher,
 * "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning
 * Methods", SIGIR 2009, pp. 758-759. */
#define FUSION_K 60.0

static const struct provider {
	const char *name;
	enum store_match match;
	double weights[3]; /* by enum find_sense */
} providers[] = {
	{"words", STORE_MATCH_WORDS, {1, 1, 0.7}},
	{"pieces", STORE_MATCH_PIECES, {0.4, 0.4, 1}},
};

struct candidate {
	struct store_passage passage;
	size_t job;
	double score;
};

struct finding {
	struct store *store;
	const struct find_request *request;
	char *jobs; /* JSON array */
	struct candidate *items;
	size_t n, cap;
	bool failed[ARRAY_LEN(providers)];
	struct find_result result; /* failed */
};

void find_result_clear(struct find_result *r)
{
	windows_free(r->windows, r->n);
	for (size_t i = 0; i < r->n_failed; i++)
		free(r->failed[i]);
	free(r->failed);
	*r = (struct find_result){0};
}

static void finding_clear(struct finding *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].passage.job);
		free(f->items[i].passage.text);
	}
	free(f->items);
	free(f->jobs);
	find_result_clear(&f->result);
}

/* ---- words */

struct counted {
	struct store_word word; /* borrowed */
	size_t count;
};

static int rarest_first(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	return (x->count > y->count) - (x->count < y->count);
}

/* Keeps the words that occur, rarest first, without those that are common while
 * a rarer one is there; returns how many. */
static size_t keep_rare(struct counted *c, size_t n, size_t common)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (c[i].count)
			c[kept++] = c[i];
	if (kept)
		qsort(c, kept, sizeof *c, rarest_first);
	n = kept;
	for (kept = 0; kept < n && kept < QUERY_WORDS; kept++)
		if (kept && c[kept].count > common)
			break;
	return kept;
}

/* The words to search for, into out; returns how many. */
static int choose_words(struct finding *f, enum store_match match, const struct store_word *words,
                        size_t n, struct store_word out[static QUERY_WORDS], size_t *ret_n,
                        struct err *err)
{
	AUTO(mem_freep) size_t *counts = mem_alloc(n + 1, sizeof *counts);
	AUTO(mem_freep) struct counted *c = mem_alloc(n + 1, sizeof *c);
	size_t all = 0;
	int r = store_passages_count(f->store, match, NULL, 0, 0, counts, &all, err);
	if (r < 0)
		return r;
	size_t common = all / COMMON_SHARE > COMMON_LEAST ? all / COMMON_SHARE : COMMON_LEAST;
	r = store_passages_count(f->store, match, words, n, common + 1, counts, &all, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		c[i] = (struct counted){words[i], counts[i]};
	*ret_n = keep_rare(c, n, common);
	for (size_t i = 0; i < *ret_n; i++)
		out[i] = c[i].word;
	return 0;
}

/* ---- candidates */

static bool find_job(const struct find_request *q, const char *id, size_t *ret)
{
	for (size_t i = 0; i < q->n_jobs; i++)
		if (strcmp(q->jobs[i], id) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static void add_score(struct finding *f, struct store_passage *p, double score)
{
	size_t job;
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].passage.id == p->id) {
			f->items[i].score += score;
			return;
		}
	if (!find_job(f->request, p->job, &job))
		return;
	f->items = mem_room(f->items, f->n, &f->cap, sizeof *f->items);
	struct candidate *c = &f->items[f->n++];
	*c = (struct candidate){.passage = *p, .job = job, .score = score};
	p->job = p->text = NULL;
}

static size_t ranked_most(const struct find_request *q)
{
	size_t n = q->most * RANKED_PER_WINDOW;
	return n < RANKED ? RANKED : n > 5 * RANKED ? 5 * RANKED : n;
}

static int rank(struct finding *f, const struct provider *p, const struct find_query *query,
                const struct terms *terms, struct err *err)
{
	const struct find_request *q = f->request;
	bool pieces = p->match == STORE_MATCH_PIECES;
	struct store_word words[QUERY_WORDS];
	struct store_ranking ranking = {.match = p->match,
	                                .words = words,
	                                .jobs = f->jobs,
	                                .from = q->from,
	                                .to = q->to,
	                                .most = ranked_most(q)};
	struct store_passage *found = NULL;
	size_t n = 0;
	int r = choose_words(f, p->match, pieces ? terms->pieces : terms->words,
	                     pieces ? terms->n_pieces : terms->n, words, &ranking.n, err);
	if (r == 0)
		r = store_passages_rank(f->store, &ranking, &found, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		add_score(f, &found[i], p->weights[query->sense] / (FUSION_K + 1 + (double)i));
	store_passages_free(found, n);
	return 0;
}

static void note_failure(struct finding *f, size_t provider, const struct err *err)
{
	struct find_result *x = &f->result;
	f->failed[provider] = true;
	x->failed = mem_grow(x->failed, x->n_failed + 1, sizeof *x->failed);
	x->failed[x->n_failed++] = mem_printf("%s: %s", providers[provider].name, err->msg);
}

/* A provider that failed is not asked again. */
static int rank_all(struct finding *f, const struct find_query *query, struct err *err)
{
	AUTO(terms_clear) struct terms terms = {0};
	struct err why = {0};
	terms_read(query->text, &terms);
	for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
		if (!f->failed[i] && rank(f, &providers[i], query, &terms, &why) < 0)
			note_failure(f, i, &why);
		if (f->result.n_failed == ARRAY_LEN(providers))
			return err_set(err, why.code, "%s", why.msg);
	}
	return 0;
}

/* ---- what a check contradicts */

/* The first of the candidates from `at` on that are of the same job. */
static int by_job(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	return (x->passage.id > y->passage.id) - (x->passage.id < y->passage.id);
}

/* Judges the doubted ones among the n candidates of one job, whose score
 * becomes 0 if they are withdrawn. */
static int withdraw(struct finding *f, struct candidate *c, size_t n, struct err *err)
{
	AUTO(mem_freep) struct report_statement *of = mem_alloc(n + 1, sizeof *of);
	size_t doubted = 0, k = 0;
	for (size_t i = 0; i < n; i++)
		if (c[i].passage.doubted)
			of[doubted++] =
				(struct report_statement){.chunk = c[i].passage.chunk, .index = c[i].passage.event};
	int r = doubted ? report_verdicts_find(f->store, c->passage.job, of, doubted, err) : 0;
	if (r == -ERR_NOENT) /* removed meanwhile */
		return 0;
	for (size_t i = 0; i < n && r == 0; i++)
		if (c[i].passage.doubted && of[k++].verdict == VERDICT_WITHDRAWN)
			c[i].score = 0;
	return r;
}

static int withdraw_all(struct finding *f, struct err *err)
{
	int r = 0;
	if (f->n)
		qsort(f->items, f->n, sizeof *f->items, by_job);
	for (size_t i = 0, k; i < f->n && r == 0; i = k) {
		for (k = i; k < f->n && f->items[k].job == f->items[i].job; k++)
			;
		r = withdraw(f, &f->items[i], k - i, err);
	}
	return r;
}

/* ---- windows */

static int64_t within(int64_t t, const struct find_request *q)
{
	return t < q->from ? q->from : q->to && t > q->to ? q->to : t;
}

/* The range of which each quarter gets a window. */
static int range_of(struct finding *f, int64_t *ret_from, int64_t *ret_to, struct err *err)
{
	const struct find_request *q = f->request;
	*ret_from = *ret_to = 0;
	int r = q->n_jobs == 1 ? store_run_span(f->store, q->jobs[0], ret_from, ret_to, err) : 0;
	*ret_from = within(*ret_from, q);
	*ret_to = within(*ret_to, q);
	return r;
}

static int make_windows(struct finding *f, struct err *err)
{
	const struct find_request *q = f->request;
	AUTO(mem_freep) struct window_hit *hits = mem_alloc(f->n + 1, sizeof *hits);
	struct find_result *x = &f->result;
	size_t n = 0;
	int64_t from, to;
	int r = range_of(f, &from, &to, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < f->n; i++) {
		const struct store_passage *p = &f->items[i].passage;
		if (f->items[i].score <= 0)
			continue;
		hits[n++] = (struct window_hit){.job = f->items[i].job,
		                                .score = f->items[i].score,
		                                .passage = {.chunk = p->chunk,
		                                            .event = p->event,
		                                            .sample = p->sample,
		                                            .text = p->text,
		                                            .start = within(p->start, q),
		                                            .end = within(p->end, q)}};
	}
	windows_make(hits, n, &x->windows, &x->n);
	x->n = windows_choose(x->windows, x->n, q->n_jobs, from, to, q->most);
	return 0;
}

static char *list_jobs(const struct find_request *q)
{
	json_auto_t *ids = json_array();
	for (size_t i = 0; i < q->n_jobs; i++)
		json_array_append_new(ids, json_string(q->jobs[i]));
	char *text = json_dumps(ids, JSON_COMPACT);
	return text ? text : mem_strdup("[]");
}

int find_windows(struct store *s, const struct find_request *q, struct find_result *ret,
                 struct err *err)
{
	AUTO(finding_clear) struct finding f = {.store = s, .request = q, .jobs = list_jobs(q)};
	int r = 0;
	for (size_t i = 0; i < q->n_queries && r == 0; i++)
		r = rank_all(&f, &q->queries[i], err);
	if (r == 0)
		r = withdraw_all(&f, err);
	if (r == 0)
		r = make_windows(&f, err);
	if (r < 0)
		return r;
	*ret = f.result;
	f.result = (struct find_result){0};
	return 0;
}
