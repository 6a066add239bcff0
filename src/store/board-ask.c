/* SPDX-License-Identifier: Apache-2.0 */
#include "store/board-ask.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/db.h"

void store_board_ask_clear(struct store_board_ask *a)
{
	free(a->request);
	free(a->who);
	free(a->answer);
	free(a->fault);
	free(a->result);
	free(a->text);
	free(a->spent);
	*a = (struct store_board_ask){0};
}

void store_board_asks_free(struct store_board_ask *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store_board_ask_clear(&all[i]);
	free(all);
}

static int no_question(int64_t id, struct err *err)
{
	return err_set(err, ERR_NOENT, "there is no question %lld", (long long)id);
}

/* ---- reading */

/* A part of the answer; empty where it is not JSON. */
#define PART(path) "CASE WHEN json_valid(a.answer) THEN json_extract(a.answer, '" path "') END"
#define SELECT                                                                             \
	"SELECT b.id, request, who, b.answer, fault, b.created, started, ended, state, " PART( \
		"$.state") ", " PART("$.text") ", " PART("$.spent") " FROM board_ask b "           \
															"LEFT JOIN ask a ON a.id = b.answer "

static void read_row(sqlite3_stmt *q, struct store_board_ask *ret)
{
	*ret = (struct store_board_ask){.id = sqlite3_column_int64(q, 0),
	                                .request = db_text(q, 1),
	                                .who = db_text(q, 2),
	                                .answer = db_text(q, 3),
	                                .fault = db_text(q, 4),
	                                .created = sqlite3_column_int64(q, 5),
	                                .started = sqlite3_column_int64(q, 6),
	                                .ended = sqlite3_column_int64(q, 7),
	                                .state = (enum store_board_ask_state)sqlite3_column_int64(q, 8),
	                                .result = db_text(q, 9),
	                                .text = db_text(q, 10),
	                                .spent = db_text(q, 11)};
}

int store_board_ask_find(struct store *s, int64_t id, struct store_board_ask *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, SELECT "WHERE b.id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", id);
	r = db_step(s, q, err);
	if (r > 0)
		read_row(q, ret);
	return r > 0 ? 0 : r < 0 ? r : no_question(id, err);
}

/* The rows of a prepared query. */
static int read_all(struct store *s, sqlite3_stmt *q, struct store_board_ask **ret, size_t *ret_n,
                    struct err *err)
{
	struct store_board_ask *all = NULL;
	size_t n = 0, cap = 0;
	int r;
	while ((r = db_step(s, q, err)) > 0) {
		all = mem_room(all, n, &cap, sizeof *all);
		read_row(q, &all[n++]);
	}
	if (r < 0) {
		store_board_asks_free(all, n);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int store_board_asks_list(struct store *s, const struct store_board_asks_query *query,
                          struct store_board_ask **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   SELECT "WHERE (?1 = 0 OR b.id < ?1) AND "
	                          "(?2 = '' OR CASE WHEN json_valid(request) THEN "
	                          "json_extract(request, '$.case') END = ?2) "
	                          "ORDER BY b.id DESC LIMIT ?3",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "isi", query->before, query->case_name ? query->case_name : "",
	        (int64_t)query->limit);
	return read_all(locked, q, ret, ret_n, err);
}

int store_board_asks_open(struct store *s, struct store_board_ask **ret, size_t *ret_n,
                          struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, SELECT "WHERE state = 0 ORDER BY b.id", &q, err);
	return r < 0 ? r : read_all(locked, q, ret, ret_n, err);
}

/* ---- changes */

int store_board_ask_add(struct store *s, const struct store_board_ask *a, int64_t *ret_id,
                        struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "INSERT INTO board_ask (request, who, state, answer, fault, created, "
	                   "started, ended) VALUES (?, ?, 0, '', '', ?, 0, 0)",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssi", a->request, a->who, clock_wall());
	r = db_run(s, q, err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	*ret_id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

int store_board_ask_update(struct store *s, const struct store_board_ask *a, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "UPDATE board_ask SET state = ?, answer = ?, fault = ?, started = ?, "
	                   "ended = ? WHERE id = ?",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "issiii", (int64_t)a->state, a->answer, a->fault, a->started, a->ended, a->id);
	r = db_run(s, q, err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	return sqlite3_changes(s->db) ? 0 : no_question(a->id, err);
}

static int run_with_id(struct store *s, const char *sql, int64_t id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", id);
	return db_run(s, q, err);
}

static int remove_both(struct store *s, int64_t id, struct err *err)
{
	int r = run_with_id(s,
	                    "DELETE FROM ask WHERE id = (SELECT answer FROM board_ask WHERE id = ?1) "
	                    "AND NOT EXISTS (SELECT 1 FROM board_ask b WHERE b.answer = ask.id "
	                    "AND b.id <> ?1)",
	                    id, err);
	if (r == 0)
		r = run_with_id(s, "DELETE FROM board_ask WHERE id = ?", id, err);
	return r == 0 && sqlite3_changes(s->db) == 0 ? no_question(id, err) : r;
}

int store_board_ask_remove(struct store *s, int64_t id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = remove_both(locked, id, err);
	return db_end(locked, r, err);
}

void store_board_ask_forget(struct store *s, const char *answer)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "DELETE FROM ask WHERE id = ? AND answer = '' AND NOT EXISTS "
	                   "(SELECT 1 FROM board_ask b WHERE b.answer = ask.id)",
	                   &q, NULL);
	if (r < 0)
		return;
	db_bind(q, "s", answer);
	db_run(s, q, NULL);
}
