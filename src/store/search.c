/* SPDX-License-Identifier: Apache-2.0 */
/* Reads parts of the journal: the summary of a job, one picture, search. */
#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/match.h"
#include "store/queue.h"
#include "store/transcript.h"

enum { WORDS_MAX = 16, NEWEST_JOBS = 32 };

int store_summary(struct store *s, const char *job, struct store_summary *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked,
		"SELECT (SELECT group_concat(letter, '') FROM (SELECT substr('.dh', state + 1, 1) AS "
		"letter "
		"FROM chunk WHERE job = ?1 ORDER BY idx)), "
		"(SELECT json_extract(facts, '$.events') FROM job WHERE id = ?1), "
		"(SELECT count(*) FROM event WHERE job = ?1)",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", job);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	bool joined = sqlite3_column_type(q, 1) != SQLITE_NULL;
	*ret = (struct store_summary){.states = db_text(q, 0),
	                              .statements = sqlite3_column_int64(q, 2),
	                              .events = sqlite3_column_int64(q, joined ? 1 : 2)};
	return 0;
}

int store_thumb(struct store *s, const char *job, int64_t chunk, int64_t sample, struct buf *out,
                struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT thumb FROM sample WHERE job = ? AND chunk = ? AND idx = ?",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sii", job, chunk, sample);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	if (r == 0 || sqlite3_column_bytes(q, 0) == 0)
		return err_set(err, ERR_NOENT, "this sample has no picture");
	buf_add(out, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
	return buf_check(out, "the picture", err);
}

void store_hits_free(struct store_hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(hits[i].job);
		free(hits[i].text);
	}
	free(hits);
}

/* Where a search looks, in the order of its results: newest jobs first. All of
 * it is in an index. */
#define SCOPE                                                                              \
	"WITH scope AS MATERIALIZED (SELECT id, created FROM job WHERE CASE WHEN ?2 IS NULL "  \
	"THEN id IN (SELECT journal FROM queue) ELSE id IN (SELECT value FROM json_each(?2)) " \
	"END) "
/* The parameters of all searches; the texts of one have numbers from these on. */
enum { LIMIT = 1, JOBS, FOUND, FROM, TO, TEXTS };

/* The picture of a hit. */
#define SAMPLE                                                                            \
	"CASE kind WHEN 'event' THEN (SELECT json_extract(samples, '$[0]') FROM event WHERE " \
	"event.job = hit.job AND event.chunk = hit.chunk AND idx = hit.event AND "            \
	"json_valid(samples)) ELSE (SELECT min(idx) FROM sample WHERE sample.job = hit.job "  \
	"AND sample.chunk = hit.chunk AND thumb IS NOT NULL) END"

/* What is said or written is of no chunk: the one in which it begins. */
#define CHUNK                                                                               \
	"CASE WHEN track < 0 THEN chunk ELSE coalesce((SELECT max(idx) FROM chunk AS at WHERE " \
	"at.job = hit.job AND at.start_us <= hit.start_us), 0) END"

/* As enum store_found. */
#define KIND "CASE kind WHEN 'event' THEN 1 WHEN 'summary' THEN 2 WHEN 'written' THEN 4 ELSE 3 END"

/* The columns of a hit, of rows that `from` finds. */
#define HITS(from)                                                                                 \
	SCOPE "SELECT job, " CHUNK ", event, text, start_us, end_us, created, "                        \
		  "id, " SAMPLE ", kind FROM (SELECT passage.*, created FROM " from                        \
		  " AND kind IN ('event', 'summary', 'subtitle', 'speech', 'written') AND ?3 IN (0, " KIND \
		  ") AND end_us >= ?4 AND start_us <= ?5 ORDER BY created "                                \
		  "DESC, passage.job, start_us, passage.id LIMIT ?1) AS hit "                              \
		  "ORDER BY created DESC, job, start_us, hit.id"

/* Rows of an index in which a text of it matches. */
#define MATCHING(index)                                \
	index " CROSS JOIN passage ON passage.id = " index \
		  ".rowid CROSS JOIN scope ON scope.id = passage.job WHERE " index " MATCH ?6"

/* A hit, and what its place in the order depends on. */
struct row {
	struct store_hit hit;
	int64_t created, id;
};

struct found {
	struct row *items;
	size_t n, cap;
};

static void found_clear(struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].hit.job);
		free(f->items[i].hit.text);
	}
	free(f->items);
	*f = (struct found){0};
}

static enum store_found found_of(const char *kind)
{
	static const struct {
		const char *kind;
		enum store_found found;
	} kinds[] = {{"event", STORE_FOUND_EVENTS},
	             {"summary", STORE_FOUND_SUMMARIES},
	             {STORE_WRITTEN, STORE_FOUND_WRITTEN}};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kind, kinds[i].kind) == 0)
			return kinds[i].found;
	return STORE_FOUND_SAID;
}

static int run_search(struct store *s, const char *sql, const struct store_query *query,
                      char *const *texts, size_t n, struct found *found, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "isiii", (int64_t)query->limit, query->jobs, (int64_t)query->found, query->from,
	        query->to ? query->to : INT64_MAX);
	for (size_t i = 0; i < n; i++)
		sqlite3_bind_text(q, (int)i + TEXTS, texts[i], -1, SQLITE_STATIC);
	while ((r = db_step(s, q, err)) > 0) {
		found->items = mem_room(found->items, found->n, &found->cap, sizeof *found->items);
		bool has_sample = sqlite3_column_type(q, 8) != SQLITE_NULL;
		struct row *row = &found->items[found->n++];
		AUTO(mem_freep) char *kind = db_text(q, 9);
		row->created = sqlite3_column_int64(q, 6);
		row->id = sqlite3_column_int64(q, 7);
		row->hit = (struct store_hit){
			.job = db_text(q, 0),
			.chunk = sqlite3_column_int64(q, 1),
			.event = sqlite3_column_int64(q, 2),
			.text = db_text(q, 3),
			.start = sqlite3_column_int64(q, 4),
			.end = sqlite3_column_int64(q, 5),
			.sample = has_sample ? sqlite3_column_int64(q, 8) : -1,
			.found = found_of(kind),
			.speech = strcmp(kind, STORE_SPEECH) == 0,
		};
	}
	return r;
}

static void add_prefix(struct buf *match, const char *word, size_t len, const char *end)
{
	AUTO(mem_freep) char *text = mem_printf("%.*s%s", (int)len, word, end);
	match_add_quoted(match, text, strlen(text));
	buf_adds(match, "*");
}

/* The word as a prefix; of what may be a plural the singular, too: cars, boxes,
 * bodies. A prefix of it finds both. */
static void add_word(struct buf *match, const char *word)
{
	size_t n = strlen(word);
	bool plural = n > 3 && word[n - 1] == 's' && word[n - 2] != 's';
	bool es = plural && word[n - 2] == 'e', ies = es && word[n - 3] == 'i';
	buf_adds(match, "(");
	add_prefix(match, word, ies || !es ? n - plural : n - 2, "");
	if (ies) {
		buf_adds(match, " OR ");
		add_prefix(match, word, n - 3, "y");
	}
	buf_adds(match, ")");
}

/* The newest jobs of the scope; the caller frees with store_ids_free(). */
static int find_newest(struct store *s, const struct store_query *query, char ***ret, size_t *ret_n,
                       struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t cap = 0;
	int r = db_prepare(s, SCOPE "SELECT id FROM scope ORDER BY created DESC, id LIMIT ?1", &q, err);
	if (r == 0)
		db_bind(q, "is", (int64_t)NEWEST_JOBS, query->jobs);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		*ret = mem_room(*ret, *ret_n, &cap, sizeof **ret);
		(*ret)[(*ret_n)++] = db_text(q, 0);
		r = 0;
	}
	return r;
}

/* Common words are found in the newest jobs already. */
static int search_words_in(struct store *s, const struct store_query *q, const char *match,
                           char *const *jobs, size_t n, struct found *found, struct err *err)
{
	AUTO(buf_free) struct buf newest = BUF(MATCH_MAX);
	buf_addf(&newest, "%s AND ", match);
	match_add_jobs(&newest, (const char *const *)jobs, n);
	char *texts[] = {newest.data}, *all[] = {(char *)match};
	int r = buf_check(&newest, "what is searched for", err);
	if (r == 0 && n)
		r = run_search(s, HITS(MATCHING("words")), q, texts, 1, found, err);
	if (r < 0 || n < NEWEST_JOBS || found->n == q->limit)
		return r;
	found_clear(found);
	return run_search(s, HITS(MATCHING("words")), q, all, 1, found, err);
}

static int search_words(struct store *s, const struct store_query *q, struct found *found,
                        struct err *err)
{
	AUTO(buf_free) struct buf match = BUF(MATCH_MAX);
	char **jobs = NULL;
	size_t n = 0;
	buf_adds(&match, "{text who} : (");
	for (size_t i = 0; i < q->n; i++) {
		buf_adds(&match, i ? " AND " : "");
		add_word(&match, q->words[i]);
	}
	buf_adds(&match, ")");
	int r = buf_check(&match, "what is searched for", err);
	if (r == 0)
		r = find_newest(s, q, &jobs, &n, err);
	if (r == 0)
		r = search_words_in(s, q, buf_str(&match), jobs, n, found, err);
	store_ids_free(jobs, n);
	return r;
}

/* The words as letters anywhere: of two and more by their index, into `match`,
 * single ones by comparing texts, into `sql` and `likes`. *ret_none: one of
 * them occurs nowhere. */
static int split_letters(struct store *s, const struct store_query *q, struct buf *match,
                         struct buf *sql, char **likes, size_t *n_likes, bool *ret_none,
                         struct err *err)
{
	for (size_t i = 0; i < q->n; i++) {
		AUTO(buf_free) struct buf one = BUF(MATCH_MAX);
		bool any = false;
		if (match_length(q->words[i]) < 2) {
			likes[*n_likes] = db_like(q->words[i]);
			buf_addf(sql, " AND passage.who || ' ' || passage.text LIKE ?%zu ESCAPE '\\'",
			         ++*n_likes + TEXTS);
			continue;
		}
		int r = match_add_piece(s, q->words[i], &one, &any, err);
		if (r < 0)
			return r;
		*ret_none = *ret_none || !any;
		buf_addf(match, "%s(%s)", match->len ? " AND " : "", buf_str(&one));
	}
	return buf_check(match, "what is searched for", err);
}

/* Letters anywhere: inside words, and in languages without spaces between
 * words. */
static int search_letters(struct store *s, const struct store_query *q, struct found *found,
                          struct err *err)
{
	AUTO(buf_free) struct buf match = BUF(WORDS_MAX * MATCH_MAX), sql = BUF(16384);
	char *texts[WORDS_MAX + 1] = {0}; /* the first one for MATCH */
	size_t n = 0;
	bool none = false;
	int r = split_letters(s, q, &match, &sql, texts + 1, &n, &none, err);
	texts[0] = match.data;
	AUTO(mem_freep)
	char *whole = match.len ? mem_printf(HITS(MATCHING("pieces") "%s"), buf_str(&sql))
	                        : mem_printf(HITS("passage CROSS JOIN scope ON scope.id = passage.job "
	                                          "WHERE ?6 IS NULL%s"),
	                                     buf_str(&sql));
	if (r == 0 && !none)
		r = run_search(s, whole, q, texts, n + 1, found, err);
	for (size_t i = 1; i <= n; i++)
		free(texts[i]);
	return r;
}

/* Adds what is found for one alternative. */
static int search_one(struct store *s, const struct store_query *q, struct found *all,
                      struct err *err)
{
	AUTO(found_clear) struct found found = {0};
	int r = search_words(s, q, &found, err);
	if (r == 0 && !found.n)
		r = search_letters(s, q, &found, err);
	for (size_t i = 0; r == 0 && i < found.n; i++) {
		all->items = mem_room(all->items, all->n, &all->cap, sizeof *all->items);
		all->items[all->n++] = found.items[i];
	}
	if (r == 0)
		found.n = 0; /* its texts went with them */
	return r;
}

static int in_order(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int jobs = strcmp(a->hit.job, b->hit.job);
	if (a->created != b->created)
		return a->created > b->created ? -1 : 1;
	if (jobs)
		return jobs;
	if (a->hit.start != b->hit.start)
		return a->hit.start < b->hit.start ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* Each hit once, in the order of one search, of which these are the first. */
static void merge(struct found *f, size_t most)
{
	size_t n = 0;
	if (f->n)
		qsort(f->items, f->n, sizeof *f->items, in_order);
	for (size_t i = 0; i < f->n; i++) {
		if (n < most && (!n || f->items[n - 1].id != f->items[i].id)) {
			f->items[n++] = f->items[i];
		} else {
			free(f->items[i].hit.job);
			free(f->items[i].hit.text);
		}
	}
	f->n = n;
}

static size_t count_words(const struct store_query *q)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n; i++)
		n += q->words[i] != NULL;
	return n;
}

int store_search(struct store *s, const struct store_query *q, struct store_hit **ret,
                 size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(found_clear) struct found found = {0};
	size_t words = count_words(q);
	int r = 0;
	if (words < 1 || words > WORDS_MAX)
		return err_set(err, ERR_ARG, "search for 1 to %d words", WORDS_MAX);
	for (size_t i = 0, k; r == 0 && i < q->n; i = k + 1) {
		struct store_query one = *q;
		for (k = i; k < q->n && q->words[k];)
			k++;
		one.words = q->words + i;
		one.n = k - i;
		if (one.n)
			r = search_one(locked, &one, &found, err);
	}
	if (r < 0)
		return err_wrap(err, "cannot search the journal");
	merge(&found, q->limit);
	*ret = found.n ? mem_alloc(found.n, sizeof **ret) : NULL;
	for (*ret_n = 0; *ret_n < found.n; ++*ret_n)
		(*ret)[*ret_n] = found.items[*ret_n].hit;
	found.n = 0;
	return 0;
}

void store_ids_free(char **ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
}

#define NAME "CASE WHEN json_valid(data) THEN json_extract(data, '$.text') END"
#define NAMED                                                                                \
	SCOPE "SELECT job.id FROM subject_edit CROSS JOIN job ON job.source = "                  \
		  "subject_edit.source AND job.stream = subject_edit.stream CROSS JOIN scope ON "    \
		  "scope.id = job.id WHERE kind = 'rename' AND undone = 0 AND (%s) GROUP BY job.id " \
		  "ORDER BY job.created DESC, job.id LIMIT ?1"

int store_search_names(struct store *s, const struct store_query *query, char ***ret, size_t *ret_n,
                       struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(buf_free) struct buf found = BUF(16384);
	char **ids = NULL;
	size_t n_ids = 0;
	buf_adds(&found, "0");
	for (size_t i = 0; i < query->n; i++)
		if (query->words[i])
			buf_addf(&found, " OR " NAME " LIKE ?%zu ESCAPE '\\'", i + 3);
	AUTO(mem_freep) char *sql = mem_printf(NAMED, buf_str(&found));
	int r = db_prepare(locked, sql, &q, err);
	if (r == 0)
		db_bind(q, "is", (int64_t)STORE_NAMED_MAX, query->jobs);
	for (size_t i = 0; r == 0 && i < query->n; i++) {
		if (!query->words[i])
			continue;
		AUTO(mem_freep) char *text = db_like(query->words[i]);
		sqlite3_bind_text(q, (int)i + 3, text, -1, SQLITE_TRANSIENT);
	}
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		ids = mem_grow(ids, n_ids + 1, sizeof *ids);
		ids[n_ids++] = db_text(q, 0);
		r = 0;
	}
	if (r < 0) {
		store_ids_free(ids, n_ids);
		return err_wrap(err, "cannot search the journal");
	}
	*ret = ids;
	*ret_n = n_ids;
	return 0;
}
