/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"

static const char *kind_of(bool pictures)
{
	return pictures ? "picture" : "text";
}

int store_space_find(struct store *s, const struct store_space *space, bool add, int64_t *ret,
                     struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *insert = NULL, *q = NULL;
	int r = 0;
	*ret = 0;
	if (add)
		r = db_prepare(locked,
		               "INSERT OR IGNORE INTO space (model, hash, kind, lead, dim) "
		               "VALUES (?, ?, ?, ?, ?)",
		               &insert, err);
	if (r == 0 && add) {
		db_bind(insert, "ssssi", space->model, space->hash, kind_of(space->pictures), space->lead,
		        (int64_t)space->dim);
		r = db_run(locked, insert, err);
	}
	if (r == 0)
		r = db_prepare(locked,
		               "SELECT id FROM space WHERE model = ? AND hash = ? AND kind = ? AND "
		               "lead = ? AND dim = ?",
		               &q, err);
	if (r < 0)
		return err_wrap(err, "cannot use the vectors of the journal");
	db_bind(q, "ssssi", space->model, space->hash, kind_of(space->pictures), space->lead,
	        (int64_t)space->dim);
	r = db_step(locked, q, err);
	if (r < 0)
		return err_wrap(err, "cannot use the vectors of the journal");
	*ret = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	return 0;
}

/* ---- what has none */

#define HAS_NONE(passage, sample)                                                         \
	"NOT EXISTS (SELECT 1 FROM vector WHERE vector.job = ?1 AND vector.chunk = it.chunk " \
	"AND vector.passage = " passage " AND vector.sample = " sample " AND vector.space = ?2)"
#define TEXTS                                                                                  \
	"SELECT id, id, chunk, -1, who, text, NULL FROM passage AS it WHERE job = ?1 AND id > ?3 " \
	"AND " HAS_NONE("it.id", "-1") " ORDER BY id LIMIT ?4"
#define PICTURES                                                                                  \
	"SELECT rowid, 0, chunk, idx, '', '', thumb FROM sample AS it WHERE job = ?1 AND rowid > ?3 " \
	"AND length(thumb) > 0 AND " HAS_NONE("0", "it.idx") " ORDER BY rowid LIMIT ?4"

void store_vectorless_free(struct store_vectorless *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].who);
		free(v[i].text);
		free(v[i].picture);
	}
	free(v);
}

static void *copy_blob(sqlite3_stmt *q, int column, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(q, column);
	*ret_len = data ? (size_t)sqlite3_column_bytes(q, column) : 0;
	if (!*ret_len)
		return NULL;
	void *copy = mem_alloc(*ret_len, 1);
	memcpy(copy, data, *ret_len);
	return copy;
}

int store_vectorless_load(struct store *s, const char *job, int64_t space, bool pictures,
                          int64_t place, size_t most, struct store_vectorless **ret, size_t *ret_n,
                          struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_vectorless *items = mem_alloc(most + 1, sizeof *items);
	size_t n = 0;
	int r = db_prepare(locked, pictures ? PICTURES : TEXTS, &q, err);
	if (r == 0)
		db_bind(q, "siii", job, space, place, (int64_t)most);
	while (r == 0 && n < most && (r = db_step(locked, q, err)) > 0) {
		struct store_vectorless *v = &items[n++];
		v->place = sqlite3_column_int64(q, 0);
		v->passage = sqlite3_column_int64(q, 1);
		v->chunk = sqlite3_column_int64(q, 2);
		v->sample = sqlite3_column_int64(q, 3);
		v->who = db_text(q, 4);
		v->text = db_text(q, 5);
		v->picture = copy_blob(q, 6, &v->picture_len);
		r = 0;
	}
	if (r < 0) {
		store_vectorless_free(items, n);
		return err_wrap(err, "cannot read job %s from the journal", job);
	}
	*ret = items;
	*ret_n = n;
	return 0;
}

/* ---- adding */

/* A passage or frame that was replaced meanwhile may have the same id. */
#define ADD_TEXT                                                                                  \
	"INSERT OR IGNORE INTO vector (space, job, chunk, passage, sample, scale, data) "             \
	"SELECT ?1, job, chunk, id, -1, ?2, ?3 FROM passage WHERE id = ?4 AND job = ?5 AND who = ?6 " \
	"AND text = ?7"
#define ADD_PICTURE                                                                        \
	"INSERT OR IGNORE INTO vector (space, job, chunk, passage, sample, scale, data) "      \
	"SELECT ?1, job, chunk, 0, idx, ?2, ?3 FROM sample WHERE job = ?4 AND chunk = ?5 AND " \
	"idx = ?6 AND thumb = ?7"

static void bind_vector(sqlite3_stmt *q, const char *job, int64_t space, size_t dim,
                        const struct store_vector *v)
{
	const struct store_vectorless *of = v->of;
	const void *data = v->data, *picture = of->picture;
	if (of->picture)
		db_bind(q, "idbsiib", space, v->scale, data, dim, job, of->chunk, of->sample, picture,
		        of->picture_len);
	else
		db_bind(q, "idbisss", space, v->scale, data, dim, of->passage, job, of->who, of->text);
}

int store_vectors_add(struct store *s, const char *job, int64_t space, size_t dim,
                      const struct store_vector *v, size_t n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *text = NULL, *picture = NULL;
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return err_wrap(err, "cannot write vectors to the journal");
	r = db_prepare(locked, ADD_TEXT, &text, err);
	if (r == 0)
		r = db_prepare(locked, ADD_PICTURE, &picture, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		sqlite3_stmt *q = v[i].of->picture ? picture : text;
		bind_vector(q, job, space, dim, &v[i]);
		r = db_run(locked, q, err);
	}
	/* Their values may be freed once this returns. */
	sqlite3_reset(text);
	sqlite3_reset(picture);
	r = db_end(locked, r, err);
	return r < 0 ? err_wrap(err, "cannot write vectors to the journal") : 0;
}

/* ---- reading */

#define ROWS "SELECT vector.id, vector.job, vector.chunk, passage, sample, "
#define OF " FROM vector JOIN "
#define SINCE " WHERE vector.space = ?1 AND vector.id > ?2 ORDER BY vector.id"
#define TEXT_ROWS \
	ROWS "start_us, end_us, scale, data" OF "passage AS of ON of.id = vector.passage" SINCE
#define PICTURE_ROWS                                                                            \
	ROWS "pts_us, pts_us, scale, data" OF "sample AS of ON of.job = vector.job AND of.chunk = " \
		 "vector.chunk AND of.idx = vector.sample" SINCE

static int read_rows(struct store *s, sqlite3_stmt *q, size_t dim, struct store_vectors_seen *seen,
                     int (*row)(void *ctx, const struct store_vector_row *row, struct err *err),
                     void *ctx, struct err *err)
{
	int r;
	while ((r = db_step(s, q, err)) > 0) {
		const struct store_vector_row x = {
			.id = sqlite3_column_int64(q, 0),
			.job = (const char *)sqlite3_column_text(q, 1),
			.chunk = sqlite3_column_int64(q, 2),
			.passage = sqlite3_column_int64(q, 3),
			.sample = sqlite3_column_int64(q, 4),
			.start = sqlite3_column_int64(q, 5),
			.end = sqlite3_column_int64(q, 6),
			.scale = sqlite3_column_double(q, 7),
			.data = sqlite3_column_blob(q, 8),
		};
		bool usable = x.job && (size_t)sqlite3_column_bytes(q, 8) == dim;
		r = usable ? row(ctx, &x, err) : 0;
		if (r < 0)
			return r;
		seen->last = x.id;
	}
	return r;
}

static int load(struct store *s, int64_t space, bool pictures, size_t dim,
                struct store_vectors_seen *seen, void (*forget)(void *ctx),
                int (*row)(void *ctx, const struct store_vector_row *row, struct err *err),
                void *ctx, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *state = NULL, *q = NULL;
	int r = db_prepare(s, "SELECT removed FROM space WHERE id = ?", &state, err);
	if (r < 0)
		return r;
	db_bind(state, "i", space);
	r = db_step(s, state, err);
	if (r < 0)
		return r;
	int64_t removed = r > 0 ? sqlite3_column_int64(state, 0) : 0;
	sqlite3_reset(state);
	if (removed != seen->removed) {
		forget(ctx);
		*seen = (struct store_vectors_seen){.removed = removed};
	}
	r = db_prepare(s, pictures ? PICTURE_ROWS : TEXT_ROWS, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ii", space, seen->last);
	return read_rows(s, q, dim, seen, row, ctx, err);
}

int store_vectors_load(struct store *s, int64_t space, bool pictures, size_t dim,
                       struct store_vectors_seen *seen, void (*forget)(void *ctx),
                       int (*row)(void *ctx, const struct store_vector_row *row, struct err *err),
                       void *ctx, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	/* In one transaction: what another process does meanwhile is not seen. */
	int r = db_exec(locked, "BEGIN", err);
	if (r == 0)
		r = db_end(locked, load(locked, space, pictures, dim, seen, forget, row, ctx, err), err);
	return r < 0 ? err_wrap(err, "cannot read vectors from the journal") : 0;
}
