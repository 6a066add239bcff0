/* SPDX-License-Identifier: Apache-2.0 */
#include "store/passage.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"

enum { TEXT_MAX = 1 << 16 };

void store_passages_free(struct store_passage *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(p[i].job);
		free(p[i].text);
	}
	free(p);
}

/* Quoted, nothing in it is a command: sqlite.org/fts5.html, section 3. */
static void add_forms(struct buf *match, const struct store_word *w)
{
	for (size_t i = 0; i < w->n; i++) {
		buf_adds(match, i ? " OR \"" : "\"");
		for (const char *c = w->forms[i]; *c; c++)
			buf_addf(match, *c == '"' ? "\"%c" : "%c", *c);
		buf_adds(match, "\"");
	}
}

/* The forms of a word anywhere in a text, as a condition of SQL: parameters
 * from *next on. */
static void add_likes(struct buf *sql, const struct store_word *w, size_t *next)
{
	buf_adds(sql, "(");
	for (size_t i = 0; i < w->n; i++)
		buf_addf(sql, "%stext LIKE ?%zu ESCAPE '\\'", i ? " OR " : "", (*next)++);
	buf_adds(sql, ")");
}

static void bind_likes(sqlite3_stmt *q, const struct store_word *w, size_t *next)
{
	for (size_t i = 0; i < w->n; i++) {
		AUTO(mem_freep) char *text = db_like(w->forms[i]);
		sqlite3_bind_text(q, (int)(*next)++, text, -1, SQLITE_TRANSIENT);
	}
}

/* ---- how often words occur */

static int count_word(struct store *s, enum store_match match, const struct store_word *w,
                      size_t most, size_t *ret, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(buf_free) struct buf sql = BUF(TEXT_MAX), forms = BUF(TEXT_MAX);
	size_t next = 2, at = 2;
	buf_adds(&sql, "SELECT count(*) FROM (SELECT 1 FROM words WHERE ");
	if (match == STORE_MATCH_WORDS)
		buf_adds(&sql, "words MATCH ?2");
	else
		add_likes(&sql, w, &next);
	buf_adds(&sql, " LIMIT ?1)");
	add_forms(&forms, w);
	int r = buf_check(&forms, "what is searched for", err);
	if (r == 0)
		r = db_prepare(s, buf_str(&sql), &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", (int64_t)most);
	if (match == STORE_MATCH_WORDS)
		sqlite3_bind_text(q, 2, buf_str(&forms), -1, SQLITE_STATIC);
	else
		bind_likes(q, w, &at);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret = (size_t)sqlite3_column_int64(q, 0);
	return 0;
}

int store_passages_count(struct store *s, enum store_match match, const struct store_word *words,
                         size_t n, size_t most, size_t *ret, size_t *ret_all, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int64_t all = 0;
	int r = db_int(locked, "SELECT coalesce(max(id), 0) FROM told", &all, err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = count_word(s, match, &words[i], most, &ret[i], err);
	if (r < 0)
		return err_wrap(err, "cannot search the journal");
	*ret_all = (size_t)all;
	return 0;
}

/* ---- ranking */

#define EVENT_TIME(which)                                                                  \
	"coalesce((SELECT pts_us FROM sample WHERE sample.job = event.job AND sample.chunk = " \
	"event.chunk AND sample.idx = json_extract(event.samples, '" which "')), start_us)"

/* The columns of a passage, of rows whose place among the others is `score`
 * (least first) and for which `found` holds. */
#define PASSAGES(score, found)                                                          \
	"SELECT * FROM (SELECT told.id, told.job, told.chunk, told.event, "                 \
	"CASE WHEN told.event < 0 THEN (SELECT min(idx) FROM sample WHERE sample.job = "    \
	"told.job AND sample.chunk = told.chunk AND sample.thumb IS NOT NULL) "             \
	"ELSE json_extract(event.samples, '$[0]') END, "                                    \
	"coalesce(event.what, chunk.summary), "                                             \
	"CASE WHEN told.event < 0 THEN chunk.start_us ELSE " EVENT_TIME(                    \
		"$[0]") " END AS at, "                                                          \
				"CASE WHEN told.event < 0 THEN chunk.end_us ELSE " EVENT_TIME(          \
					"$[#-1]") " END AS until, "                                         \
							  "EXISTS (SELECT 1 FROM verdict WHERE verdict.job = "      \
							  "told.job AND verdict.chunk = told.chunk AND "            \
							  "(told.event < 0 OR verdict.idx = told.event) AND "       \
							  "code = 'B'), " score " AS score FROM words "             \
							  "JOIN told ON told.id = words.rowid "                     \
							  "JOIN chunk ON chunk.job = told.job AND chunk.idx = "     \
							  "told.chunk LEFT JOIN event ON event.job = told.job AND " \
							  "event.chunk = told.chunk AND event.idx = told.event "    \
							  "WHERE " found " AND told.job IN "                        \
							  "(SELECT value FROM json_each(?2))) "                     \
							  "WHERE until >= ?3 AND at <= ?4 "                         \
							  "ORDER BY score, id DESC LIMIT ?1"
enum { TEXTS = 5 /* parameters from here on */ };

static int add_rows(struct store *s, sqlite3_stmt *q, struct store_passage **p, size_t *n,
                    struct err *err)
{
	size_t cap = 0;
	int r;
	while ((r = db_step(s, q, err)) > 0) {
		*p = mem_room(*p, *n, &cap, sizeof **p);
		(*p)[(*n)++] = (struct store_passage){
			.id = sqlite3_column_int64(q, 0),
			.job = db_text(q, 1),
			.chunk = sqlite3_column_int64(q, 2),
			.event = sqlite3_column_int64(q, 3),
			.sample = sqlite3_column_type(q, 4) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 4),
			.text = db_text(q, 5),
			.start = sqlite3_column_int64(q, 6),
			.end = sqlite3_column_int64(q, 7),
			.doubted = sqlite3_column_int(q, 8) != 0,
		};
	}
	return r;
}

static void bind_ranking(sqlite3_stmt *q, const struct store_ranking *of)
{
	db_bind(q, "isii", (int64_t)of->most, of->jobs, of->from, of->to ? of->to : INT64_MAX);
}

static int rank_words(struct store *s, const struct store_ranking *of, struct store_passage **ret,
                      size_t *ret_n, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(buf_free) struct buf match = BUF(TEXT_MAX);
	for (size_t i = 0; i < of->n; i++) {
		buf_adds(&match, i ? " OR " : "");
		add_forms(&match, &of->words[i]);
	}
	int r = buf_check(&match, "what is searched for", err);
	if (r == 0)
		r = db_prepare(s, PASSAGES("bm25(words)", "words MATCH ?5"), &q, err);
	if (r < 0)
		return r;
	bind_ranking(q, of);
	sqlite3_bind_text(q, TEXTS, buf_str(&match), -1, SQLITE_STATIC);
	return add_rows(s, q, ret, ret_n, err);
}

static int rank_pieces(struct store *s, const struct store_ranking *of, struct store_passage **ret,
                       size_t *ret_n, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(buf_free) struct buf score = BUF(TEXT_MAX), found = BUF(TEXT_MAX);
	size_t next = TEXTS, at = TEXTS;
	buf_adds(&score, "0");
	buf_adds(&found, "(0");
	for (size_t i = 0; i < of->n; i++) {
		size_t again = next;
		buf_adds(&score, " - ");
		add_likes(&score, &of->words[i], &again);
		buf_adds(&found, " OR ");
		add_likes(&found, &of->words[i], &next);
	}
	buf_adds(&found, ")");
	AUTO(mem_freep) char *sql = mem_printf(PASSAGES("%s", "%s"), buf_str(&score), buf_str(&found));
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	bind_ranking(q, of);
	for (size_t i = 0; i < of->n; i++)
		bind_likes(q, &of->words[i], &at);
	return add_rows(s, q, ret, ret_n, err);
}

int store_passages_rank(struct store *s, const struct store_ranking *q, struct store_passage **ret,
                        size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	struct store_passage *found = NULL;
	size_t n = 0;
	int r = 0;
	if (q->n)
		r = q->match == STORE_MATCH_WORDS ? rank_words(locked, q, &found, &n, err)
		                                  : rank_pieces(locked, q, &found, &n, err);
	if (r < 0) {
		store_passages_free(found, n);
		return err_wrap(err, "cannot search the journal");
	}
	*ret = found;
	*ret_n = n;
	return 0;
}

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
