/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/db.h"

enum { PREFIX_MIN = 3 };

void store_ask_clear(struct store_ask *a)
{
	free(a->id);
	free(a->key);
	free(a->asked);
	free(a->question);
	free(a->scope);
	free(a->answer);
	*a = (struct store_ask){0};
}

#define COLUMNS "id, key, asked, question, scope, answer, created, updated"

static void read_row(sqlite3_stmt *q, struct store_ask *ret)
{
	*ret = (struct store_ask){.id = db_text(q, 0),
	                          .key = db_text(q, 1),
	                          .asked = db_text(q, 2),
	                          .question = db_text(q, 3),
	                          .scope = db_text(q, 4),
	                          .answer = db_text(q, 5),
	                          .created = sqlite3_column_int64(q, 6),
	                          .updated = sqlite3_column_int64(q, 7)};
}

static int insert(struct store *s, const struct store_ask *a, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int64_t now = clock_wall();
	int r = db_prepare(s, "INSERT OR IGNORE INTO ask VALUES (?, ?, ?, ?, ?, '', ?, ?)", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sssssii", a->id, a->key, a->asked, a->question, a->scope, now, now);
	return db_run(s, q, err);
}

static int find_key(struct store *s, const char *key, struct store_ask *ret, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "SELECT " COLUMNS " FROM ask WHERE key = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", key);
	r = db_step(s, q, err);
	if (r == 0)
		return err_set(err, ERR_INTERNAL, "the question was not kept");
	if (r > 0)
		read_row(q, ret);
	return r < 0 ? r : 0;
}

int store_ask_open(struct store *s, const struct store_ask *a, struct store_ask *ret,
                   struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = insert(locked, a, err);
	if (r == 0)
		r = find_key(locked, a->key, ret, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_ask_find(struct store *s, const char *id, struct store_ask *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	if (strlen(id) < PREFIX_MIN || strspn(id, "0123456789abcdef") != strlen(id))
		return err_set(err, ERR_ARG, "%.40s is not the id of an answer", id);
	int r = db_prepare(locked,
	                   "SELECT " COLUMNS " FROM ask WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", id);
	r = db_step(s, q, err);
	if (r == 0)
		return err_set(err, ERR_NOENT, "there is no answer %.40s", id);
	if (r < 0)
		return r;
	read_row(q, ret);
	r = db_step(s, q, err);
	if (r == 0)
		return 0;
	store_ask_clear(ret);
	return r < 0 ? r : err_set(err, ERR_ARG, "several answers begin with %.40s", id);
}

int store_ask_last(struct store *s, const char *asked, struct store_ask *ret, int64_t *ret_n,
                   struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL, *count = NULL;
	*ret_n = 0;
	int r = db_prepare(locked, "SELECT count(*) FROM ask WHERE asked = ? AND answer <> ''", &count,
	                   err);
	if (r < 0)
		return r;
	db_bind(count, "s", asked);
	r = db_step(s, count, err);
	if (r < 0)
		return r;
	*ret_n = sqlite3_column_int64(count, 0);

	r = db_prepare(locked,
	               "SELECT " COLUMNS " FROM ask WHERE asked = ? AND answer <> '' "
	               "ORDER BY created DESC, rowid DESC LIMIT 1",
	               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", asked);
	r = db_step(s, q, err);
	if (r > 0)
		read_row(q, ret);
	return r == 0 ? err_set(err, ERR_NOENT, "this was not asked before") : r < 0 ? r : 0;
}

int store_ask_each(struct store *s, int (*fn)(void *ctx, const struct store_ask *a), void *ctx,
                   struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT " COLUMNS " FROM ask ORDER BY created DESC, rowid DESC", &q,
	                   err);
	if (r < 0)
		return r;
	while ((r = db_step(s, q, err)) > 0) {
		AUTO(store_ask_clear) struct store_ask a;
		read_row(q, &a);
		r = fn(ctx, &a);
		if (r != 0)
			break;
	}
	return r;
}

int store_ask_remove(struct store *s, const char *id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "DELETE FROM ask WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", id);
	return db_run(s, q, err);
}

/* ---- the answer */

static int set_answer(struct store *s, const char *id, const char *answer, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "UPDATE ask SET answer = ?, updated = ? WHERE id = ? AND answer = ''", &q,
	                   err);
	if (r < 0)
		return r;
	db_bind(q, "sis", answer, clock_wall(), id);
	r = db_run(s, q, err);
	return r == 0 && sqlite3_changes(s->db) == 0
	           ? err_set(err, ERR_NOENT, "the question was removed, or answered by another process")
	           : r;
}

static int set_pictures(struct store *s, const char *id, const struct store_ask_picture *pictures,
                        size_t n, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "INSERT OR REPLACE INTO ask_picture VALUES (?, ?, ?, ?, ?)", &q, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_ask_picture *p = &pictures[i];
		db_bind(q, "siisb", id, (int64_t)p->cite, (int64_t)p->index, p->source, p->jpeg, p->len);
		r = db_run(s, q, err);
	}
	return r;
}

void store_ask_sign_with(struct store *s, store_sign_fn *sign, void *ctx)
{
	s->sign = sign;
	s->sign_ctx = ctx;
}

int store_ask_finish(struct store *s, const char *id, const char *answer,
                     const struct store_ask_picture *pictures, size_t n, struct err *err)
{
	AUTO(mem_freep) char *with_signature = s->sign ? s->sign(s->sign_ctx, answer) : NULL;
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = set_answer(locked, id, with_signature ? with_signature : answer, err);
	if (r == 0)
		r = set_pictures(locked, id, pictures, n, err);
	r = db_end(locked, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_ask_pictures(struct store *s, const char *id,
                       void (*fn)(void *ctx, const struct store_ask_picture *p), void *ctx,
                       struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, "SELECT cite, idx, source, jpeg FROM ask_picture WHERE ask = ? ORDER BY cite, idx",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", id);
	while ((r = db_step(s, q, err)) > 0) {
		const struct store_ask_picture p = {.cite = (size_t)sqlite3_column_int64(q, 0),
		                                    .index = (size_t)sqlite3_column_int64(q, 1),
		                                    .source = (const char *)sqlite3_column_text(q, 2),
		                                    .jpeg = sqlite3_column_blob(q, 3),
		                                    .len = (size_t)sqlite3_column_bytes(q, 3)};
		fn(ctx, &p);
	}
	return r;
}

int store_ask_picture(struct store *s, const char *id, int64_t cite, int64_t index, struct buf *out,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, "SELECT jpeg FROM ask_picture WHERE ask = ? AND cite = ? AND idx = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sii", id, cite, index);
	r = db_step(s, q, err);
	if (r == 0)
		return err_set(err, ERR_NOENT, "the answer has no picture there");
	if (r < 0)
		return r;
	buf_add(out, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
	return 0;
}

/* ---- replies and looks */

static int find_text(struct store *s, const char *sql, const char *types, const char *first,
                     const char *second, const char *none, char **ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, types, first, second);
	return db_one_text(s, q, none, ret, err);
}

static int add_text(struct store *s, const char *sql, const char *first, const char *second,
                    const char *third, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sss", first, second, third);
	r = db_run(s, q, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_ask_reply_find(struct store *s, const char *id, const char *request, char **ret,
                         struct err *err)
{
	return find_text(s, "SELECT text FROM ask_reply WHERE ask = ? AND request = ?", "ss", id,
	                 request, "this was not asked yet", ret, err);
}

int store_ask_reply_add(struct store *s, const char *id, const char *request, const char *text,
                        struct err *err)
{
	return add_text(s, "INSERT OR REPLACE INTO ask_reply VALUES (?, ?, ?)", id, request, text, err);
}

int store_look_find(struct store *s, const char *key, char **ret, struct err *err)
{
	return find_text(s, "SELECT result FROM look WHERE key = ?", "s", key, NULL,
	                 "these frames were not looked at yet", ret, err);
}

int store_look_add(struct store *s, const char *key, const char *source, const char *result,
                   struct err *err)
{
	return add_text(s,
	                "INSERT OR REPLACE INTO look SELECT ?1, ?2, ?3 "
	                "WHERE EXISTS (SELECT 1 FROM job WHERE source = ?2)",
	                key, source, result, err);
}

/* ---- places */

int store_place_set(struct store *s, const char *path, const char *stamp, const char *source,
                    struct err *err)
{
	return add_text(s, "INSERT OR REPLACE INTO place VALUES (?, ?, ?)", path, stamp, source, err);
}

int store_place_find(struct store *s, const char *path, const char *stamp, char **ret,
                     struct err *err)
{
	return find_text(s, "SELECT source FROM place WHERE path = ? AND stamp = ?", "ss", path, stamp,
	                 "this file was not seen yet", ret, err);
}

int store_place_of(struct store *s, const char *source, char ***ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	char **paths = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked, "SELECT path FROM place WHERE source = ? ORDER BY path", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", source);
	while ((r = db_step(s, q, err)) > 0) {
		paths = mem_room(paths, n, &cap, sizeof *paths);
		paths[n++] = db_text(q, 0);
	}
	if (r < 0) {
		store_paths_free(paths, n);
		return r;
	}
	*ret = paths;
	*ret_n = n;
	return 0;
}

void store_paths_free(char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}
