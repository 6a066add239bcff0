/* SPDX-License-Identifier: Apache-2.0 */
#include "store/passage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/match.h"

/* So many jobs are named to the index of words; more are compared with each
 * passage that it finds. */
enum { FEW_JOBS = 64 };
/* So many rows of an index are ranked at once. */
enum { RANKED_ROWS = 5000 };

void store_passages_free(struct store_passage *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(p[i].job);
		free(p[i].text);
	}
	free(p);
}

static bool is_small(const struct store_scope *scope)
{
	return scope->n_jobs <= FEW_JOBS;
}

static bool names_jobs(const struct store_scope *scope, enum store_match match)
{
	return match == STORE_MATCH_WORDS && is_small(scope);
}

/* The jobs as a JSON array; the caller frees. */
static char *list_jobs(const struct store_scope *scope)
{
	json_auto_t *ids = json_array();
	for (size_t i = 0; i < scope->n_jobs; i++)
		json_array_append_new(ids, json_string(scope->jobs[i]));
	char *text = json_dumps(ids, JSON_COMPACT);
	return text ? text : mem_strdup("[]");
}

/* "(…)", any of the words that can occur; *ret_any false: none can. */
static int add_any(struct store *s, enum store_match match, const struct store_word *words,
                   size_t n, struct buf *out, bool *ret_any, struct err *err)
{
	*ret_any = false;
	buf_adds(out, match == STORE_MATCH_WORDS ? "{text who} : (" : "(");
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_free) struct buf one = BUF(MATCH_MAX);
		bool any = false;
		int r = match_add_word(s, match, &words[i], &one, &any, err);
		if (r < 0)
			return r;
		if (any)
			buf_addf(out, "%s%s", *ret_any ? " OR " : "", buf_str(&one));
		*ret_any = *ret_any || any;
	}
	buf_adds(out, ")");
	return buf_check(out, "what is searched for", err);
}

static void add_scope(const struct store_scope *scope, enum store_match match, struct buf *out)
{
	if (!names_jobs(scope, match))
		return;
	buf_adds(out, " AND ");
	match_add_jobs(out, scope->jobs, scope->n_jobs);
}

/* Where in the journal the passages of the scope are. */
struct span {
	int64_t first, last; /* ids, which are rows of the indexes */
	size_t n;            /* how many there are; about, if the scope is large */
};

static int find_span(struct store *s, const struct store_scope *scope, struct span *ret,
                     struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(mem_freep) char *jobs = list_jobs(scope);
	int r =
		db_prepare(s,
	               is_small(scope) ? "SELECT min(id), max(id), count(*) FROM passage WHERE job IN "
	                                 "(SELECT value FROM json_each(?1))"
	                               : "SELECT 0, max(id), max(id) FROM passage WHERE ?1 IS NOT NULL",
	               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", jobs);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret = (struct span){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
	                     (size_t)sqlite3_column_int64(q, 2)};
	return 0;
}

/* ---- how often words occur */

#define COUNTED(index)                                           \
	"SELECT count(*) FROM (SELECT 1 FROM " index " WHERE " index \
	" MATCH ?2 AND rowid BETWEEN ?3 AND ?4 LIMIT ?1)"

static int count_word(struct store *s, const struct store_scope *scope, const struct span *span,
                      enum store_match match, const struct store_word *w, size_t most, size_t *ret,
                      struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(buf_free) struct buf forms = BUF(MATCH_MAX);
	bool any = false;
	int r = add_any(s, match, w, 1, &forms, &any, err);
	*ret = 0;
	if (r < 0 || !any || !scope->n_jobs)
		return r;
	add_scope(scope, match, &forms);
	r = db_prepare(s, match == STORE_MATCH_WORDS ? COUNTED("words") : COUNTED("pieces"), &q, err);
	if (r < 0)
		return r;
	db_bind(q, "isii", (int64_t)most, buf_str(&forms), span->first, span->last);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret = (size_t)sqlite3_column_int64(q, 0);
	return 0;
}

int store_passages_count(struct store *s, const struct store_scope *scope, enum store_match match,
                         const struct store_word *words, size_t n, size_t most, size_t *ret,
                         size_t *ret_all, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	struct span span = {0};
	int r = find_span(locked, scope, &span, err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = count_word(locked, scope, &span, match, &words[i], most, &ret[i], err);
	if (r < 0)
		return err_wrap(err, "cannot search the journal");
	*ret_all = span.n;
	return 0;
}

/* ---- ranking */

/* Of the newest rows of an index in which a query matches, at most ?6, the best
 * ones, with what is known of them. A job has no weight: each passage has one. */
#define SAMPLE                                                                            \
	"CASE kind WHEN 'event' THEN (SELECT json_extract(samples, '$[0]') FROM event WHERE " \
	"event.job = best.job AND event.chunk = best.chunk AND idx = best.event AND "         \
	"json_valid(samples)) ELSE (SELECT min(idx) FROM sample WHERE sample.job = best.job " \
	"AND sample.chunk = best.chunk AND thumb IS NOT NULL) END"
#define DOUBTED                                                                       \
	"EXISTS (SELECT 1 FROM verdict WHERE verdict.job = best.job AND verdict.chunk = " \
	"best.chunk AND (best.event < 0 OR verdict.idx = best.event) AND code = 'B')"
#define RANKED(index, bm25)                                                                    \
	"SELECT best.id, job, chunk, event, " SAMPLE ", text, start_us, end_us, " DOUBTED          \
	", score, kind = 'written' FROM (SELECT id, score FROM (SELECT passage.id, " bm25          \
	" AS score FROM " index " CROSS JOIN passage ON passage.id = " index ".rowid WHERE " index \
	" MATCH ?5 AND " index ".rowid BETWEEN ?7 AND ?8 AND end_us >= ?3 AND start_us <= ?4 AND " \
	"(?2 IS NULL OR passage.job IN (SELECT value FROM json_each(?2))) "                        \
	"ORDER BY " index ".rowid DESC LIMIT ?6) ORDER BY score, id DESC LIMIT ?1) AS first "      \
	"JOIN passage AS best ON best.id = first.id ORDER BY score, best.id DESC"

struct ranked {
	struct store_passage *items;
	double *scores;
	size_t n, cap, cap_scores;
};

static void ranked_clear(struct ranked *x)
{
	store_passages_free(x->items, x->n);
	free(x->scores);
	*x = (struct ranked){0};
}

static int add_rows(struct store *s, sqlite3_stmt *q, struct ranked *x, struct err *err)
{
	int r;
	while ((r = db_step(s, q, err)) > 0) {
		x->items = mem_room(x->items, x->n, &x->cap, sizeof *x->items);
		x->scores = mem_room(x->scores, x->n, &x->cap_scores, sizeof *x->scores);
		x->scores[x->n] = sqlite3_column_double(q, 9);
		x->items[x->n++] = (struct store_passage){
			.id = sqlite3_column_int64(q, 0),
			.job = db_text(q, 1),
			.chunk = sqlite3_column_int64(q, 2),
			.event = sqlite3_column_int64(q, 3),
			.sample = sqlite3_column_type(q, 4) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 4),
			.text = db_text(q, 5),
			.start = sqlite3_column_int64(q, 6),
			.end = sqlite3_column_int64(q, 7),
			.doubted = sqlite3_column_int(q, 8) != 0,
			.written = sqlite3_column_int(q, 10) != 0,
		};
	}
	return r;
}

/* Of those in which the query matches. */
static int rank_match(struct store *s, const struct store_ranking *of, const char *match,
                      struct ranked *x, struct err *err)
{
	const struct store_scope *scope = of->scope;
	struct span span = {0};
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(mem_freep) char *jobs = names_jobs(scope, of->match) ? NULL : list_jobs(scope);
	int r = find_span(s, scope, &span, err);
	if (r == 0)
		r = db_prepare(s,
		               of->match == STORE_MATCH_WORDS ? RANKED("words", "bm25(words, 1, 1, 0)")
		                                              : RANKED("pieces", "bm25(pieces)"),
		               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "isiisiii", (int64_t)of->most, jobs, scope->from, scope->to ? scope->to : INT64_MAX,
	        match, (int64_t)RANKED_ROWS, span.first, span.last);
	return add_rows(s, q, x, err);
}

static bool has_passage(const struct ranked *x, int64_t id)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->items[i].id == id)
			return true;
	return false;
}

/* Adds those of `from` that are new to `x`, in order of their scores. */
static void merge(struct ranked *x, struct ranked *from, size_t most)
{
	struct ranked all = {0};
	size_t i = 0, k = 0;
	while ((i < x->n || k < from->n) && all.n < most) {
		bool first = k == from->n || (i < x->n && x->scores[i] <= from->scores[k]);
		struct ranked *of = first ? x : from;
		size_t *at = first ? &i : &k;
		if (first || !has_passage(x, from->items[k].id)) {
			all.items = mem_room(all.items, all.n, &all.cap, sizeof *all.items);
			all.scores = mem_room(all.scores, all.n, &all.cap_scores, sizeof *all.scores);
			all.scores[all.n] = of->scores[*at];
			all.items[all.n] = of->items[*at];
			all.items[all.n].job = mem_strdup(of->items[*at].job);
			all.items[all.n++].text = mem_strdup(of->items[*at].text);
		}
		++*at;
	}
	ranked_clear(x);
	*x = all;
}

/* Ranks those in which the query matches, and adds them to what is known. */
static int rank_also(struct store *s, const struct store_ranking *of, struct buf *match,
                     struct ranked *ret, struct err *err)
{
	AUTO(ranked_clear) struct ranked found = {0};
	add_scope(of->scope, of->match, match);
	int r = buf_check(match, "what is searched for", err);
	if (r == 0)
		r = rank_match(s, of, buf_str(match), &found, err);
	if (r == 0)
		merge(ret, &found, of->most);
	return r;
}

/* Those in which all words occur. */
static int rank_all(struct store *s, const struct store_ranking *of, struct ranked *ret,
                    struct err *err)
{
	AUTO(buf_free) struct buf all = BUF(8 * MATCH_MAX);
	bool any = true;
	int r = 0;
	for (size_t i = 0; i < of->n + of->n_more && any && r == 0; i++) {
		buf_adds(&all, i ? " AND " : "");
		r = add_any(s, of->match, i < of->n ? &of->words[i] : &of->more[i - of->n], 1, &all, &any,
		            err);
	}
	return r == 0 && any ? rank_also(s, of, &all, ret, err) : r;
}

/* Words that do not occur in a passage add nothing to its score, so it is the
 * same in each step: those with all words, those with one of the rare and one
 * of the frequent ones, those with one of the rare ones. A step looks at the
 * newest rows only: what it leaves out, but has more of the words, the step
 * before has found. */
static int rank(struct store *s, const struct store_ranking *of, struct ranked *ret,
                struct err *err)
{
	AUTO(buf_free) struct buf words = BUF(MATCH_MAX), both = BUF(3 * MATCH_MAX);
	bool any = false, more = false;
	int r = add_any(s, of->match, of->words, of->n, &words, &any, err);
	if (r < 0 || !any)
		return r;
	if (of->n + of->n_more > 1)
		r = rank_all(s, of, ret, err);
	if (r == 0 && of->n_more && ret->n < of->most) {
		buf_addf(&both, "(%s) AND (", buf_str(&words));
		r = add_any(s, of->match, of->more, of->n_more, &both, &more, err);
		buf_adds(&both, ")");
	}
	if (r == 0 && more)
		r = rank_also(s, of, &both, ret, err);
	return r < 0 || ret->n >= of->most ? r : rank_also(s, of, &words, ret, err);
}

int store_passages_rank(struct store *s, const struct store_ranking *q, struct store_passage **ret,
                        size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(ranked_clear) struct ranked x = {0};
	int r = q->n && q->scope->n_jobs ? rank(locked, q, &x, err) : 0;
	if (r < 0)
		return err_wrap(err, "cannot search the journal");
	*ret = x.items;
	*ret_n = x.n;
	x.items = NULL;
	x.n = 0;
	return 0;
}

#define NAMED                                                                         \
	"SELECT best.id, job, chunk, event, " SAMPLE ", text, start_us, end_us, " DOUBTED \
	", 0, kind = 'written' FROM "                                                     \
	"json_each(?1) AS at JOIN passage AS best ON best.id = at.value ORDER BY at.key"

int store_passages_get(struct store *s, const int64_t *ids, size_t n, struct store_passage **ret,
                       size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(ranked_clear) struct ranked x = {0};
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	json_auto_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer(ids[i]));
	AUTO(mem_freep) char *text = json_dumps(list, JSON_COMPACT);
	int r = db_prepare(locked, NAMED, &q, err);
	if (r == 0) {
		db_bind(q, "s", text);
		r = add_rows(locked, q, &x, err);
	}
	if (r < 0)
		return err_wrap(err, "cannot search the journal");
	*ret = x.items;
	*ret_n = x.n;
	x.items = NULL;
	x.n = 0;
	return 0;
}

/* ---- runs and sources */

int store_run_span(struct store *s, const char *job, int64_t *ret_from, int64_t *ret_to,
                   struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r =
		db_prepare(locked, "SELECT min(start_us), max(end_us) FROM chunk WHERE job = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", job);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret_from = sqlite3_column_int64(q, 0);
	*ret_to = sqlite3_column_int64(q, 1);
	return 0;
}

int store_generation(struct store *s, const struct store_source *source, int64_t *ret,
                     struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT n FROM generation WHERE source = ? AND stream = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", source->sha256, (int64_t)(source->has_stream ? source->stream : -1));
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret = r ? sqlite3_column_int64(q, 0) : 0;
	return 0;
}

int store_runs_each(struct store *s, void (*fn)(void *, const struct store_run *), void *ctx,
                    struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "SELECT id, source, stream, source_name, output FROM job "
	                   "WHERE state <> 0 AND source <> '' ORDER BY created DESC, id",
	                   &q, err);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		const struct store_run run = {.id = (const char *)sqlite3_column_text(q, 0),
		                              .sha256 = (const char *)sqlite3_column_text(q, 1),
		                              .stream = sqlite3_column_int(q, 2),
		                              .name = (const char *)sqlite3_column_text(q, 3),
		                              .dir = (const char *)sqlite3_column_text(q, 4)};
		fn(ctx, &run);
		r = 0;
	}
	return r < 0 ? err_wrap(err, "cannot read the journal") : r;
}
