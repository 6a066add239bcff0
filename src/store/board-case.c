/* SPDX-License-Identifier: Apache-2.0 */
#include "store/board-case.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/db.h"

void store_board_cases_free(struct store_board_case *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(all[i].name);
		free(all[i].videos);
		free(all[i].summary.fault);
		free(all[i].summary.text);
		free(all[i].summary.made_of);
		free(all[i].summary.model);
	}
	free(all);
}

static int no_case(int64_t id, struct err *err)
{
	return err_set(err, ERR_NOENT, "there is no case %lld", (long long)id);
}

int store_board_cases_load(struct store *s, int64_t id, struct store_board_case **ret,
                           size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_board_case *all = NULL;
	size_t n = 0, cap = 0, videos = 0;
	int r = db_prepare(locked,
	                   "SELECT c.id, name, created, video, wanted, fault, text, made_of, model, "
	                   "written FROM board_case c LEFT JOIN board_case_video v ON v.board_case = "
	                   "c.id LEFT JOIN board_case_summary s ON s.board_case = c.id "
	                   "WHERE ?1 IN (-1, c.id) ORDER BY c.id, video",
	                   &q, err);
	if (r == 0)
		db_bind(q, "i", id);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		int64_t at = sqlite3_column_int64(q, 0);
		if (!n || all[n - 1].id != at) {
			all = mem_room(all, n, &cap, sizeof *all);
			all[n++] =
				(struct store_board_case){.id = at,
			                              .name = db_text(q, 1),
			                              .created = sqlite3_column_int64(q, 2),
			                              .summary = {.wanted = sqlite3_column_int64(q, 4),
			                                          .fault = db_text(q, 5),
			                                          .text = db_text(q, 6),
			                                          .made_of = db_text(q, 7),
			                                          .model = db_text(q, 8),
			                                          .written = sqlite3_column_int64(q, 9)}};
			videos = 0;
		}
		struct store_board_case *c = &all[n - 1];
		r = 0;
		if (sqlite3_column_type(q, 3) == SQLITE_NULL)
			continue;
		c->videos = mem_room(c->videos, c->n, &videos, sizeof *c->videos);
		c->videos[c->n++] = sqlite3_column_int64(q, 3);
	}
	if (r == 0 && id != STORE_ALL_CASES && !n)
		r = no_case(id, err);
	if (r < 0) {
		store_board_cases_free(all, n);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- changes; with the lock */

/* Runs a statement with the case and each of the videos. `need`: a video that
 * does not exist is an error. */
static int change_each(struct store *s, const char *sql, int64_t id, const int64_t *videos,
                       size_t n, bool need, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = n ? db_prepare(s, sql, &q, err) : 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		db_bind(q, "ii", id, videos[i]);
		r = db_run(s, q, err);
		if (r == 0 && need && !sqlite3_changes(s->db))
			r = err_set(err, ERR_NOENT, "there is no video %lld", (long long)videos[i]);
	}
	return r;
}

static int need_case(struct store *s, int64_t id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "SELECT 1 FROM board_case WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", id);
	r = db_step(s, q, err);
	return r > 0 ? 0 : r < 0 ? r : no_case(id, err);
}

static int save_name(struct store *s, const char *name, int64_t *id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *other = NULL;
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "SELECT id FROM board_case WHERE name = ? AND id <> ?", &other, err);
	if (r < 0)
		return r;
	db_bind(other, "si", name, *id);
	r = db_step(s, other, err);
	if (r != 0)
		return r < 0 ? r
		             : err_set(err, ERR_BUSY, "case %lld already has the name %s",
		                       (long long)sqlite3_column_int64(other, 0), name);
	r = db_prepare(s,
	               *id ? "UPDATE board_case SET name = ?1 WHERE id = ?2"
	                   : "INSERT INTO board_case (name, created) VALUES (?1, ?2)",
	               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", name, *id ? *id : clock_wall());
	r = db_run(s, q, err);
	if (r == 0 && !*id)
		*id = sqlite3_last_insert_rowid(s->db);
	return r < 0 || sqlite3_changes(s->db) ? r : no_case(*id, err);
}

static int save(struct store *s, const struct store_board_case_change *c, int64_t *id,
                struct err *err)
{
	int r = c->name ? save_name(s, c->name, id, err) : need_case(s, *id, err);
	if (r == 0)
		r = change_each(s,
		                "INSERT OR REPLACE INTO board_case_video (board_case, video) "
		                "SELECT ?1, id FROM video WHERE id = ?2",
		                *id, c->add, c->n_add, true, err);
	if (r == 0)
		r = change_each(s, "DELETE FROM board_case_video WHERE board_case = ?1 AND video = ?2", *id,
		                c->remove, c->n_remove, false, err);
	return r;
}

int store_board_case_save(struct store *s, const struct store_board_case_change *c, int64_t *id,
                          struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = save(s, c, id, err);
	return db_end(s, r, err);
}

int store_board_case_remove(struct store *s, int64_t id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "DELETE FROM board_case WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", id);
	r = db_run(s, q, err);
	return r < 0 || sqlite3_changes(s->db) ? r : no_case(id, err);
}

int store_board_cases_with(struct store *s, int64_t video, int64_t **ret, size_t *ret_n,
                           struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	AUTO(mem_freep) int64_t *ids = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked, "SELECT board_case FROM board_case_video WHERE video = ? ORDER BY 1",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", video);
	while ((r = db_step(s, q, err)) > 0) {
		ids = mem_room(ids, n, &cap, sizeof *ids);
		ids[n++] = sqlite3_column_int64(q, 0);
	}
	if (r < 0)
		return r;
	*ret = TAKE(ids);
	*ret_n = n;
	return 0;
}

/* ---- summaries */

int store_board_summary_save(struct store *s, int64_t id, const struct store_board_summary *summary,
                             struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "INSERT OR REPLACE INTO board_case_summary (board_case, wanted, fault, "
	                   "text, made_of, model, written) "
	                   "SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM board_case WHERE id = ?1",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "iissssi", id, summary->wanted, summary->fault, summary->text, summary->made_of,
	        summary->model, summary->written);
	r = db_run(s, q, err);
	return r < 0 || sqlite3_changes(s->db) ? r : no_case(id, err);
}

int store_board_answer_find(struct store *s, int64_t id, const char *key, char **ret,
                            struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT text FROM board_case_step WHERE board_case = ? AND key = ?",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "is", id, key);
	return db_one_text(s, q, "this was not asked yet", ret, err);
}

int store_board_answer_add(struct store *s, int64_t id, const char *key, const char *text,
                           struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "INSERT OR REPLACE INTO board_case_step (board_case, key, text, created) "
	                   "SELECT id, ?2, ?3, ?4 FROM board_case WHERE id = ?1",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "issi", id, key, text, clock_wall());
	r = db_run(s, q, err);
	return r < 0 || sqlite3_changes(s->db) ? r : no_case(id, err);
}
