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

/* `word` anywhere, for LIKE … ESCAPE '\'. */
static char *like(const char *word)
{
	struct buf b = BUF(4096);
	buf_adds(&b, "%");
	for (; *word; word++)
		buf_addf(&b, "%s%c", strchr("%_\\", *word) ? "\\" : "", *word);
	buf_adds(&b, "%");
	return buf_take(&b);
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

/* Adds what the statement finds; `texts` are its parameters from 2 on. */
static int run_search(struct store *s, const char *sql, char *const *texts, size_t n, size_t limit,
                      struct store_hit **hits, size_t *found, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", (int64_t)limit);
	for (size_t i = 0; i < n; i++)
		sqlite3_bind_text(q, (int)i + 2, texts[i], -1, SQLITE_STATIC);
	while ((r = db_step(s, q, err)) > 0) {
		*hits = mem_grow(*hits, *found + 1, sizeof **hits);
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
	"SELECT told.job, told.chunk, told.event, coalesce(event.what, chunk.summary), "        \
	"CASE WHEN told.event < 0 THEN chunk.start_us ELSE " FIRST_FRAME " END AS at, "         \
	"CASE WHEN told.event < 0 THEN chunk.end_us ELSE " LAST_FRAME " END, "                  \
	"CASE WHEN told.event < 0 THEN (SELECT min(idx) FROM sample WHERE sample.job = "        \
	"told.job AND sample.chunk = told.chunk AND sample.thumb IS NOT NULL) "                 \
	"ELSE json_extract(event.samples, '$[0]') END "                                         \
	"FROM words JOIN told ON told.id = words.rowid JOIN job ON job.id = told.job "          \
	"JOIN chunk ON chunk.job = told.job AND chunk.idx = told.chunk "                        \
	"LEFT JOIN event ON event.job = told.job AND event.chunk = told.chunk AND event.idx = " \
	"told.event "                                                                           \
	"WHERE told.job IN (SELECT journal FROM queue) AND " found                              \
	" ORDER BY job.created DESC, told.job, at LIMIT ?1"

/* Words with these prefixes: each quoted and followed by a star
 * (sqlite.org/fts5.html, section 3). */
static int search_words(struct store *s, const char *const *words, size_t n, size_t limit,
                        struct store_hit **hits, size_t *found, struct err *err)
{
	AUTO(buf_free) struct buf match = BUF(65536);
	for (size_t i = 0; i < n; i++) {
		buf_adds(&match, i ? " \"" : "\"");
		for (const char *c = words[i]; *c; c++)
			buf_addf(&match, *c == '"' ? "\"%c" : "%c", *c);
		buf_adds(&match, "\"*");
	}
	char *texts[] = {match.data};
	int r = buf_check(&match, "what is searched for", err);
	return r < 0 ? r : run_search(s, HITS("words MATCH ?2"), texts, 1, limit, hits, found, err);
}

/* Letters anywhere: inside words, and in languages without spaces between
 * words. */
static int search_letters(struct store *s, const char *const *words, size_t n, size_t limit,
                          struct store_hit **hits, size_t *found, struct err *err)
{
	AUTO(buf_free) struct buf sql = BUF(16384);
	char *likes[WORDS_MAX] = {0};
	buf_adds(&sql, "1");
	for (size_t i = 0; i < n; i++) {
		likes[i] = like(words[i]);
		buf_addf(&sql, " AND text LIKE ?%zu ESCAPE '\\'", i + 2);
	}
	AUTO(mem_freep) char *whole = mem_printf(HITS("%s"), buf_str(&sql));
	int r = run_search(s, whole, likes, n, limit, hits, found, err);
	for (size_t i = 0; i < n; i++)
		free(likes[i]);
	return r;
}

int store_search(struct store *s, const char *const *words, size_t n, size_t limit,
                 struct store_hit **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	struct store_hit *hits = NULL;
	size_t found = 0;
	if (n < 1 || n > WORDS_MAX)
		return err_set(err, ERR_ARG, "search for 1 to %d words", WORDS_MAX);
	int r = search_words(locked, words, n, limit, &hits, &found, err);
	if (r == 0 && !found)
		r = search_letters(locked, words, n, limit, &hits, &found, err);
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

/* Edits come first: where none has the word, no facts are parsed. */
#define NAMED                                                                              \
	"SELECT job.id FROM subject_edit CROSS JOIN queue JOIN job ON job.id = queue.journal " \
	"WHERE kind = 'rename' AND undone = 0 AND (%s) "                                       \
	"AND subject_edit.source = json_extract(job.facts, '$.source.sha256') "                \
	"GROUP BY job.id ORDER BY job.created DESC, job.id LIMIT ?1"

int store_search_names(struct store *s, const char *const *words, size_t n, char ***ret,
                       size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(buf_free) struct buf found = BUF(16384);
	char **ids = NULL;
	size_t n_ids = 0;
	buf_adds(&found, "0");
	for (size_t i = 0; i < n; i++)
		buf_addf(&found, " OR json_extract(data, '$.text') LIKE ?%zu ESCAPE '\\'", i + 2);
	AUTO(mem_freep) char *sql = mem_printf(NAMED, buf_str(&found));
	int r = db_prepare(locked, sql, &q, err);
	if (r == 0)
		sqlite3_bind_int64(q, 1, STORE_NAMED_MAX);
	for (size_t i = 0; r == 0 && i < n; i++) {
		AUTO(mem_freep) char *text = like(words[i]);
		sqlite3_bind_text(q, (int)i + 2, text, -1, SQLITE_TRANSIENT);
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
