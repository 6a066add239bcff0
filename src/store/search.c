/* SPDX-License-Identifier: Apache-2.0 */
/* Reads parts of the journal: the summary of a job, one picture, search. */
#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/queue.h"

enum { WORDS_MAX = 16 };

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

/* The times of frames are in the rows of the samples; the list of their numbers
 * is a JSON array in order. */
#define EVENT_TIME(which)                                                                  \
	"coalesce((SELECT pts_us FROM sample WHERE sample.job = event.job AND sample.chunk = " \
	"event.chunk AND "                                                                     \
	"sample.idx = json_extract(event.samples, '" which "')), start_us)"

/* The parameters of all searches; the texts of one have numbers from these on. */
enum { LIMIT = 1, JOBS, FOUND, FROM, TO, TEXTS };

/* Adds what the statement finds. */
static int run_search(struct store *s, const char *sql, const struct store_query *query,
                      char *const *texts, size_t n, struct store_hit **hits, size_t *found,
                      struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t cap = 0;
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "isiii", (int64_t)query->limit, query->jobs, (int64_t)query->found, query->from,
	        query->to ? query->to : INT64_MAX);
	for (size_t i = 0; i < n; i++)
		sqlite3_bind_text(q, (int)i + TEXTS, texts[i], -1, SQLITE_STATIC);
	while ((r = db_step(s, q, err)) > 0) {
		*hits = mem_room(*hits, *found, &cap, sizeof **hits);
		(*hits)[(*found)++] = (struct store_hit){
			.job = db_text(q, 0),
			.chunk = sqlite3_column_int64(q, 1),
			.event = sqlite3_column_int64(q, 2),
			.text = db_text(q, 3),
			.start = sqlite3_column_int64(q, 4),
			.end = sqlite3_column_int64(q, 5),
			.sample = sqlite3_column_type(q, 6) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 6),
		};
	}
	return r;
}

#define FIRST_FRAME EVENT_TIME("$[0]")
#define LAST_FRAME EVENT_TIME("$[#-1]")

/* The columns of a hit, for both kinds of search; `found` is the condition. */
#define HITS(found)                                                                         \
	"SELECT * FROM (SELECT told.job, told.chunk, told.event, "                              \
	"coalesce(event.what, chunk.summary), "                                                 \
	"CASE WHEN told.event < 0 THEN chunk.start_us ELSE " FIRST_FRAME " END AS at, "         \
	"CASE WHEN told.event < 0 THEN chunk.end_us ELSE " LAST_FRAME " END AS until, "         \
	"CASE WHEN told.event < 0 THEN (SELECT min(idx) FROM sample WHERE sample.job = "        \
	"told.job AND sample.chunk = told.chunk AND sample.thumb IS NOT NULL) "                 \
	"ELSE json_extract(event.samples, '$[0]') END, job.created "                            \
	"FROM words JOIN told ON told.id = words.rowid JOIN job ON job.id = told.job "          \
	"JOIN chunk ON chunk.job = told.job AND chunk.idx = told.chunk "                        \
	"LEFT JOIN event ON event.job = told.job AND event.chunk = told.chunk AND event.idx = " \
	"told.event WHERE " found " AND "                                                       \
	"CASE WHEN ?2 IS NULL THEN told.job IN (SELECT journal FROM queue) "                    \
	"ELSE told.job IN (SELECT value FROM json_each(?2)) END "                               \
	"AND (?3 = 0 OR (?3 = 1) = (told.event >= 0))) "                                        \
	"WHERE until >= ?4 AND at <= ?5 ORDER BY created DESC, job, at LIMIT ?1"

static void add_quoted(struct buf *match, const char *word, size_t len, const char *end)
{
	buf_adds(match, "\"");
	for (size_t i = 0; i < len; i++)
		buf_addf(match, word[i] == '"' ? "\"%c" : "%c", word[i]);
	buf_addf(match, "%s\"*", end);
}

/* The word as a prefix; of what may be a plural the singular, too: cars, boxes,
 * bodies. A prefix of it finds both. */
static void add_word(struct buf *match, const char *word)
{
	size_t n = strlen(word);
	bool plural = n > 3 && word[n - 1] == 's' && word[n - 2] != 's';
	buf_adds(match, "(");
	add_quoted(match, word, n, "");
	if (plural) {
		buf_adds(match, " OR ");
		add_quoted(match, word, n - 1, "");
	}
	if (plural && word[n - 2] == 'e') {
		bool y = word[n - 3] == 'i';
		buf_adds(match, " OR ");
		add_quoted(match, word, n - 2 - y, y ? "y" : "");
	}
	buf_adds(match, ")");
}

/* Words with these prefixes: each quoted and followed by a star
 * (sqlite.org/fts5.html, section 3). */
static int search_words(struct store *s, const struct store_query *q, struct store_hit **hits,
                        size_t *found, struct err *err)
{
	AUTO(buf_free) struct buf match = BUF(65536);
	for (size_t i = 0; i < q->n; i++) {
		buf_adds(&match, i ? " AND " : "");
		add_word(&match, q->words[i]);
	}
	char *texts[] = {match.data};
	int r = buf_check(&match, "what is searched for", err);
	return r < 0 ? r : run_search(s, HITS("words MATCH ?6"), q, texts, 1, hits, found, err);
}

/* Letters anywhere: inside words, and in languages without spaces between
 * words. */
static int search_letters(struct store *s, const struct store_query *q, struct store_hit **hits,
                          size_t *found, struct err *err)
{
	AUTO(buf_free) struct buf sql = BUF(16384);
	char *likes[WORDS_MAX] = {0};
	buf_adds(&sql, "1");
	for (size_t i = 0; i < q->n; i++) {
		likes[i] = db_like(q->words[i]);
		buf_addf(&sql, " AND text LIKE ?%zu ESCAPE '\\'", i + TEXTS);
	}
	AUTO(mem_freep) char *whole = mem_printf(HITS("%s"), buf_str(&sql));
	int r = run_search(s, whole, q, likes, q->n, hits, found, err);
	for (size_t i = 0; i < q->n; i++)
		free(likes[i]);
	return r;
}

int store_search(struct store *s, const struct store_query *q, struct store_hit **ret,
                 size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	struct store_hit *hits = NULL;
	size_t found = 0;
	if (q->n < 1 || q->n > WORDS_MAX)
		return err_set(err, ERR_ARG, "search for 1 to %d words", WORDS_MAX);
	int r = search_words(locked, q, &hits, &found, err);
	if (r == 0 && !found)
		r = search_letters(locked, q, &hits, &found, err);
	if (r < 0) {
		store_hits_free(hits, found);
		return err_wrap(err, "cannot search the journal");
	}
	*ret = hits;
	*ret_n = found;
	return 0;
}

void store_ids_free(char **ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
}

#define NAME "CASE WHEN json_valid(data) THEN json_extract(data, '$.text') END"
/* Edits come first: where none has the word, no facts are parsed. */
#define NAMED                                                                              \
	"SELECT job.id FROM subject_edit CROSS JOIN job "                                      \
	"WHERE CASE WHEN ?2 IS NULL THEN job.id IN (SELECT journal FROM queue) "               \
	"ELSE job.id IN (SELECT value FROM json_each(?2)) END "                                \
	"AND kind = 'rename' AND undone = 0 AND (%s) AND subject_edit.source = "               \
	"CASE WHEN json_valid(job.facts) THEN json_extract(job.facts, '$.source.sha256') END " \
	"GROUP BY job.id ORDER BY job.created DESC, job.id LIMIT ?1"

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
		buf_addf(&found, " OR " NAME " LIKE ?%zu ESCAPE '\\'", i + 3);
	AUTO(mem_freep) char *sql = mem_printf(NAMED, buf_str(&found));
	int r = db_prepare(locked, sql, &q, err);
	if (r == 0)
		db_bind(q, "is", (int64_t)STORE_NAMED_MAX, query->jobs);
	for (size_t i = 0; r == 0 && i < query->n; i++) {
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
