/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "store/db.h"
#include "store/queue.h"

#define COLUMNS "SELECT id, name, video, job, completed FROM upload "

void store_upload_clear(struct store_upload *u)
{
	free(u->id);
	free(u->name);
	*u = (struct store_upload){0};
}

static struct store_upload read_row(sqlite3_stmt *q)
{
	return (struct store_upload){
		.id = db_text(q, 0),
		.name = db_text(q, 1),
		.video = sqlite3_column_int64(q, 2),
		.job = sqlite3_column_int64(q, 3),
		.completed = sqlite3_column_int64(q, 4),
	};
}

static int insert(struct store *s, const struct store_upload *u, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s, "INSERT INTO upload (id, name, video, job, completed) VALUES (?, ?, ?, ?, ?)", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssiii", u->id, u->name, u->video, u->job, u->completed);
	return db_run(s, q, err);
}

/* Begins a transaction; both may be NULL. */
static int begin_with(struct store *s, const struct store_video *v, int64_t *video,
                      struct store_entry *e, int64_t *job, struct err *err)
{
	int r = db_exec(s, "BEGIN IMMEDIATE", err);
	if (r == 0 && v)
		r = db_add_video(s, v, video, err);
	if (r == 0 && e) {
		e->video = *video;
		r = db_add_entry(s, e, job, err);
	}
	return r;
}

int store_upload_add(struct store *s, struct store_upload *u, const struct store_video *v,
                     struct store_entry *e, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = begin_with(locked, v, &u->video, e, &u->job, err);
	if (r == 0)
		r = insert(s, u, err);
	return db_end(s, r, err);
}

int store_upload_find(struct store *s, const char *id, struct store_upload *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, COLUMNS "WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", id);
	r = db_step(s, q, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, ERR_NOENT, "upload %s is not complete", id);
	*ret = read_row(q);
	return 0;
}

int store_uploads_load(struct store *s, struct store_upload **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_upload *all = NULL;
	size_t n = 0;
	int r = db_prepare(locked, COLUMNS "ORDER BY completed, rowid", &q, err);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		all = mem_grow(all, n + 1, sizeof *all);
		all[n++] = read_row(q);
		r = 0;
	}
	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			store_upload_clear(&all[i]);
		free(all);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- files of watched folders */

static int insert_found(struct store *s, const char *source, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r =
		db_prepare(s, "INSERT OR IGNORE INTO found_file (source, created) VALUES (?, ?)", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", source, clock_wall());
	return db_run(s, q, err);
}

int store_found_add(struct store *s, const char *source, int64_t *video,
                    const struct store_video *v, struct store_entry *e, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = begin_with(locked, v, video, e, e ? &e->id : NULL, err);
	if (r == 0)
		r = insert_found(s, source, err);
	return db_end(s, r, err);
}

int store_found_has(struct store *s, const char *source, bool *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT 1 FROM found_file WHERE source = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", source);
	r = db_step(s, q, err);
	*ret = r > 0;
	return r < 0 ? r : 0;
}
