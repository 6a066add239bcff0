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
	                   "SELECT id, name, created, video FROM board_case LEFT JOIN board_case_video "
	                   "ON board_case = id WHERE ?1 IN (-1, id) ORDER BY id, video",
	                   &q, err);
	if (r == 0)
		db_bind(q, "i", id);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		int64_t at = sqlite3_column_int64(q, 0);
		if (!n || all[n - 1].id != at) {
			all = mem_room(all, n, &cap, sizeof *all);
			all[n++] = (struct store_board_case){
				.id = at, .name = db_text(q, 1), .created = sqlite3_column_int64(q, 2)};
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

/* Runs a statement with two parameters; *ret_changed: rows. */
static int change(struct store *s, const char *sql, int64_t a, int64_t b, int *ret_changed,
                  struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ii", a, b);
	r = db_run(s, q, err);
	*ret_changed = sqlite3_changes(s->db);
	return r;
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
	int changed, r = c->name ? save_name(s, c->name, id, err) : 0;
	for (size_t i = 0; r == 0 && i < c->n_add; i++) {
		r = change(s,
		           "INSERT OR REPLACE INTO board_case_video (board_case, video) SELECT "
		           "board_case.id, video.id FROM board_case, video "
		           "WHERE board_case.id = ?1 AND video.id = ?2",
		           *id, c->add[i], &changed, err);
		if (r == 0 && !changed)
			r = err_set(err, ERR_NOENT, "there is no video %lld", (long long)c->add[i]);
	}
	for (size_t i = 0; r == 0 && i < c->n_remove; i++)
		r = change(s, "DELETE FROM board_case_video WHERE board_case = ?1 AND video = ?2", *id,
		           c->remove[i], &changed, err);
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
