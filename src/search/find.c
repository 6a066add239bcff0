/* SPDX-License-Identifier: Apache-2.0 */
#include "search/find.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/checks.h"
#include "search/named.h"
#include "search/near.h"
#include "search/terms.h"
#include "search/window.h"
#include "store/passage.h"

/* A word that occurs in more than one of COMMON_SHARE passages says little, and
 * costs much, unless there are only few passages. */
enum { QUERY_WORDS = 8, COMMON_SHARE = 20, COMMON_LEAST = 1000 };
/* So many passages are ranked for one query, of words that are not the only
 * one; more frequent words only add to the score of these. */
enum { WORK = 5000 };
enum { BURSTS_SHARE = 6 };
/* Passages that a provider finds for one query. */
enum { RANKED = 200, RANKED_PER_WINDOW = 20, RANKED_MAX = 1000 };

/* Reciprocal rank fusion: G. V. Cormack, C. L. A. Clarke, S. Buettcher,
 * "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning
 * Methods", SIGIR 2009, pp. 758-759. */
#define FUSION_K 60.0

static const struct provider {
	enum store_match match;
	double weights[3]; /* by enum find_sense */
} providers[] = {
	{STORE_MATCH_WORDS, {1, 1, 0.7}},
	{STORE_MATCH_PIECES, {0.4, 0.4, 1}},
};
/* Names of subjects come after these; of so many runs that have such names. */
enum { NAMES = ARRAY_LEN(providers), VECTORS, PROVIDERS, NAMED_RUNS = 24 };
#define NAMED_WEIGHT 1.0
/* What is nearest to a query: of passages, and of pictures, which show what is
 * to be seen. So many of each for a window. */
static const double near_weights[][3] = {{0.8, 0.8, 0.3}, {0.5, 0, 0.2}}; /* by enum find_sense */
enum { NEAR_PER_WINDOW = 3 };

/* What is said need not be to be seen, and the reverse: by what the passage is
 * (what a model said, what is said, what was read), and enum find_sense. */
static const double sense_weights[][3] = {{1, 0.5, 1}, {0.6, 1, 0.6}, {0.8, 0.5, 1.2}};

struct candidate {
	struct store_passage passage;
	size_t job;
	double score;
};

struct job_place {
	const char *id;
	size_t index;
};

struct finding {
	struct store *store;
	const struct find_request *request;
	struct store_scope scope;
	struct job_place *jobs; /* in order of id */
	struct candidate *items;
	size_t n, cap;
	bool failed[PROVIDERS];
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

/* What a provider searches for. */
struct choice {
	struct store_word words[QUERY_WORDS]; /* borrowed, rarest first */
	size_t n;
	size_t n_more; /* after these: frequent ones */
};

static int rarest_first(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	return (x->count > y->count) - (x->count < y->count);
}

/* The words that occur, rarest first, without those that are common unless all
 * are. */
static struct choice choose(struct counted *c, size_t n, size_t common)
{
	struct choice choice = {0};
	size_t occur = 0, work = 0;
	for (size_t i = 0; i < n; i++)
		if (c[i].count)
			c[occur++] = c[i];
	if (occur)
		qsort(c, occur, sizeof *c, rarest_first);
	for (size_t i = 0; i < occur && i < QUERY_WORDS; i++) {
		if (c[0].count <= common && c[i].count > common)
			break;
		work += c[i].count;
		choice.words[i] = c[i].word;
		if (i && work > WORK)
			choice.n_more++;
		else
			choice.n++;
	}
	return choice;
}

/* Counts the words, up to what is common. */
static int count_words(struct finding *f, enum store_match match, const struct store_word *words,
                       size_t n, struct counted *ret, size_t *ret_common, struct err *err)
{
	AUTO(mem_freep) size_t *counts = mem_alloc(n + 1, sizeof *counts);
	size_t all = 0;
	int r = store_passages_count(f->store, &f->scope, match, NULL, 0, 0, counts, &all, err);
	if (r < 0)
		return r;
	*ret_common = all / COMMON_SHARE > COMMON_LEAST ? all / COMMON_SHARE : COMMON_LEAST;
	r = store_passages_count(f->store, &f->scope, match, words, n, *ret_common + 1, counts, &all,
	                         err);
	for (size_t i = 0; i < n && r == 0; i++)
		ret[i] = (struct counted){words[i], counts[i]};
	return r;
}

/* A word that is found as a whole is not searched inside others, too, unless it
 * may be part of a name or number that was read. */
static size_t keep_pieces(const struct terms *t, enum find_sense sense, struct store_word *out)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_pieces; i++) {
		const char *text = t->pieces[i].forms[0];
		bool found = false;
		for (size_t k = 0; k < t->n; k++)
			found |= t->occurs[k] && strcmp(t->words[k].forms[0], text) == 0;
		if (!found || sense == FIND_WRITTEN || strpbrk(text, "0123456789"))
			out[n++] = t->pieces[i];
	}
	return n;
}

/* Words come first: which of them occur decides about the pieces. */
static int choose_words(struct finding *f, enum store_match match, enum find_sense sense,
                        struct terms *t, struct choice *ret, struct err *err)
{
	bool pieces = match == STORE_MATCH_PIECES;
	struct store_word kept[TERMS_MAX];
	struct counted counted[TERMS_MAX];
	size_t n = pieces ? keep_pieces(t, sense, kept) : t->n, common = 0;
	int r = count_words(f, match, pieces ? kept : t->words, n, counted, &common, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && !pieces; i++)
		t->occurs[i] = counted[i].count > 0;
	*ret = choose(counted, n, common);
	return 0;
}

/* ---- candidates */

static int by_id(const void *a, const void *b)
{
	const struct job_place *x = a, *y = b;
	return strcmp(x->id, y->id);
}

static void add_candidate(struct finding *f, struct store_passage *p, double score)
{
	const struct job_place key = {.id = p->job};
	const struct job_place *job =
		bsearch(&key, f->jobs, f->request->n_jobs, sizeof *f->jobs, by_id);
	if (!job)
		return;
	f->items = mem_room(f->items, f->n, &f->cap, sizeof *f->items);
	f->items[f->n++] = (struct candidate){.passage = *p, .job = job->index, .score = score};
	p->job = p->text = NULL;
}

static double sense_weight(const struct store_passage *p, enum find_sense sense)
{
	bool segment = p->chunk < 0 && p->event == -1;
	return sense_weights[segment + (segment && p->written)][sense];
}

static size_t ranked_most(const struct find_request *q)
{
	size_t n = q->most * RANKED_PER_WINDOW;
	return n < RANKED ? RANKED : n > RANKED_MAX ? RANKED_MAX : n;
}

static int rank(struct finding *f, const struct provider *p, const struct find_query *query,
                struct terms *terms, struct err *err)
{
	struct choice choice = {0};
	struct store_passage *found = NULL;
	size_t n = 0;
	int r = choose_words(f, p->match, query->sense, terms, &choice, err);
	const struct store_ranking ranking = {.scope = &f->scope,
	                                      .match = p->match,
	                                      .words = choice.words,
	                                      .n = choice.n,
	                                      .more = choice.words + choice.n,
	                                      .n_more = choice.n_more,
	                                      .most = ranked_most(f->request)};
	if (r == 0)
		r = store_passages_rank(f->store, &ranking, &found, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		double weight = p->weights[query->sense] * sense_weight(&found[i], query->sense);
		add_candidate(f, &found[i], weight / (FUSION_K + 1 + (double)i));
	}
	store_passages_free(found, n);
	return 0;
}

/* ---- names of subjects */

struct naming {
	struct finding *finding;
	const struct terms *terms;
	size_t n; /* found */
};

static bool is_word_end(char c)
{
	return (unsigned char)c < 0x80 && !isalnum((unsigned char)c);
}

/* As a whole word, in any case. */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = text; (at = strcasestr(at, word)); at++)
		if ((at == text || is_word_end(at[-1])) && (!at[n] || is_word_end(at[n])))
			return true;
	return false;
}

/* All of them are as good: their order is that of time. */
static bool add_named(void *ctx, const char *job, const struct report_event *e, const char *text)
{
	struct naming *n = ctx;
	const struct report_part *first = &e->parts[0];
	bool named = false;
	for (size_t i = 0; i < n->terms->n && !named; i++)
		named = has_word(e->subject->name, n->terms->words[i].forms[0]);
	if (!named)
		return true;
	struct store_passage p = {.job = mem_strdup(job),
	                          .chunk = (int64_t)first->chunk,
	                          .event = (int64_t)first->index,
	                          .sample = (int64_t)first->samples[0],
	                          .text = mem_strdup(text),
	                          .start = e->start,
	                          .end = e->end};
	add_candidate(n->finding, &p, NAMED_WEIGHT / (FUSION_K + 1 + (double)n->n));
	free(p.job);
	free(p.text);
	return ++n->n < ranked_most(n->finding->request);
}

static int rank_names(struct finding *f, const struct terms *t, struct err *err)
{
	const char *words[TERMS_MAX];
	struct naming naming = {.finding = f, .terms = t};
	bool cut = false;
	json_auto_t *jobs = json_array();
	for (size_t i = 0; i < f->request->n_jobs; i++)
		json_array_append_new(jobs, json_string(f->request->jobs[i]));
	for (size_t i = 0; i < t->n; i++)
		words[i] = t->words[i].forms[0];
	AUTO(mem_freep) char *ids = json_dumps(jobs, JSON_COMPACT);
	const struct store_query q = {
		.words = words, .n = t->n, .jobs = ids, .from = f->request->from, .to = f->request->to};
	return t->n ? named_each(f->store, &q, NAMED_RUNS, add_named, &naming, &cut, err) : 0;
}

/* ---- vectors */

struct nearing {
	struct finding *finding;
	enum find_sense sense;
};

static void add_near(void *ctx, struct store_passage *p, bool picture, size_t rank)
{
	struct nearing *n = ctx;
	double weight = near_weights[picture][n->sense] * sense_weight(p, n->sense);
	if (weight > 0)
		add_candidate(n->finding, p, weight / (FUSION_K + 1 + (double)rank));
}

static int rank_near(struct finding *f, size_t query, struct err *err)
{
	const struct find_request *q = f->request;
	struct nearing n = {.finding = f, .sense = q->queries[query].sense};
	if (!q->vectors)
		return 0;
	if (q->vectors->fault)
		return err_set(err, ERR_ENGINE, "%s", q->vectors->fault);
	return near_each(f->store, q, query, q->most * NEAR_PER_WINDOW, add_near, &n, err);
}

/* ---- all providers */

/* A provider that failed is not asked again. */
static void note_failure(struct finding *f, size_t provider, const struct err *err)
{
	static const char *const names[] = {"words", "pieces", "names", "vectors"};
	struct find_result *x = &f->result;
	f->failed[provider] = true;
	x->failed = mem_grow(x->failed, x->n_failed + 1, sizeof *x->failed);
	x->failed[x->n_failed++] = mem_printf("%s: %s", names[provider], err->msg);
}

static int rank_all(struct finding *f, size_t i_query, struct err *err)
{
	const struct find_query *query = &f->request->queries[i_query];
	AUTO(terms_clear) struct terms terms = {0};
	struct err why = {0};
	terms_read(query->text, &terms);
	for (size_t i = 0; i < ARRAY_LEN(providers); i++)
		if (!f->failed[i] && rank(f, &providers[i], query, &terms, &why) < 0)
			note_failure(f, i, &why);
	if (!f->failed[NAMES] && rank_names(f, &terms, &why) < 0)
		note_failure(f, NAMES, &why);
	size_t asked = f->request->vectors ? PROVIDERS : VECTORS;
	if (!f->failed[VECTORS] && rank_near(f, i_query, &why) < 0)
		note_failure(f, VECTORS, &why);
	return f->result.n_failed < asked ? 0 : err_set(err, why.code, "%s", why.msg);
}

/* ---- fusion */

static int order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_passage(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int r = order((int64_t)x->job, (int64_t)y->job);
	r = r ? r : order(x->passage.chunk, y->passage.chunk);
	r = r ? r : order(x->passage.event, y->passage.event);
	return r ? r : order(y->passage.id, x->passage.id);
}

/* An event that is found by a name has no id; the id of a picture is that of
 * its sample in the chunk. */
static bool is_same(const struct candidate *x, const struct candidate *y)
{
	const struct store_passage *p = &x->passage, *q = &y->passage;
	return x->job == y->job && p->chunk == q->chunk && p->event == q->event &&
	       (p->id == q->id || (p->chunk >= 0 && p->event != FIND_PICTURE));
}

/* Each passage once, with the sum of its scores; those of one job follow each
 * other. */
static void fuse(struct finding *f)
{
	size_t n = 0;
	if (f->n)
		qsort(f->items, f->n, sizeof *f->items, by_passage);
	for (size_t i = 0; i < f->n; i++) {
		struct candidate *last = n ? &f->items[n - 1] : NULL;
		if (!last || !is_same(last, &f->items[i])) {
			f->items[n++] = f->items[i];
			continue;
		}
		last->score += f->items[i].score;
		free(f->items[i].passage.job);
		free(f->items[i].passage.text);
	}
	f->n = n;
}

/* ---- what a check contradicts */

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

static int longest_first(const void *a, const void *b)
{
	const struct report_stretch *x = a, *y = b;
	int64_t n = y->end - y->start, m = x->end - x->start;
	return n != m ? (n > m) - (n < m) : (x->start > y->start) - (x->start < y->start);
}

static bool is_looked_at(const struct find_result *x, const struct report_stretch *b)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->windows[i].start < b->end && b->start < x->windows[i].end)
			return true;
	return false;
}

/* At most `most` more windows, of the longest bursts that are in no window. */
static int add_bursts(struct finding *f, size_t most, struct err *err)
{
	struct find_result *x = &f->result;
	AUTO(mem_freep) struct report_stretch *bursts = NULL;
	size_t n = 0;
	int r = report_missed_find(f->store, f->request->jobs[0], &bursts, &n, err);
	if (r == -ERR_NOENT) /* removed meanwhile */
		return 0;
	if (r == 0 && n)
		qsort(bursts, n, sizeof *bursts, longest_first);
	for (size_t i = 0; i < n && r == 0 && most; i++) {
		struct report_stretch b = {within(bursts[i].start, f->request),
		                           within(bursts[i].end, f->request)};
		b.end = b.end - b.start > FIND_WINDOW_MAX ? b.start + FIND_WINDOW_MAX : b.end;
		if (b.end <= b.start || is_looked_at(x, &b))
			continue;
		x->windows = mem_grow(x->windows, x->n + 1, sizeof *x->windows);
		x->windows[x->n++] = (struct find_window){.start = b.start, .end = b.end};
		most--;
	}
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
		                                            .written = p->written,
		                                            .text = p->text,
		                                            .start = within(p->start, q),
		                                            .end = within(p->end, q)}};
	}
	windows_make(hits, n, &x->windows, &x->n);
	size_t bursts = q->bursts && q->n_jobs == 1 ? q->most / BURSTS_SHARE : 0;
	x->n = windows_choose(x->windows, x->n, q->n_jobs, from, to, q->most - bursts);
	return bursts ? add_bursts(f, bursts, err) : 0;
}

/* The jobs in order of id, to find their places. */
static struct job_place *place_jobs(const struct find_request *q)
{
	struct job_place *places = mem_alloc(q->n_jobs + 1, sizeof *places);
	for (size_t i = 0; i < q->n_jobs; i++)
		places[i] = (struct job_place){q->jobs[i], i};
	if (q->n_jobs)
		qsort(places, q->n_jobs, sizeof *places, by_id);
	return places;
}

int find_windows(struct store *s, const struct find_request *q, struct find_result *ret,
                 struct err *err)
{
	AUTO(finding_clear)
	struct finding f = {.store = s,
	                    .request = q,
	                    .scope = {q->jobs, q->n_jobs, q->from, q->to},
	                    .jobs = place_jobs(q)};
	int r = 0;
	for (size_t i = 0; i < q->n_queries && r == 0; i++)
		r = rank_all(&f, i, err);
	fuse(&f);
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
