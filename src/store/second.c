/* SPDX-License-Identifier: Apache-2.0 */
#include "store/second.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"
#include "store/db.h"

void store_seconds_free(struct store_second *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++) {
		free(v[i].context);
		free(v[i].times);
		free(v[i].earlier);
		free(v[i].reason);
	}
	free(v);
}

static int insert(struct store *s, const char *job, const struct store_second *v, size_t n,
                  struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "INSERT OR IGNORE INTO second_pass VALUES (?, ?, ?, ?, '', '')", &q, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		AUTO(mem_freep) char *times = json_times_text(v[i].times, v[i].n_times);
		db_bind(q, "siss", job, v[i].chunk, v[i].context, times);
		r = db_run(s, q, err);
	}
	return r;
}

int store_seconds_add(struct store *s, const char *job, const struct store_second *v, size_t n,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = insert(s, job, v, n, err);
	r = db_end(s, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_seconds_load(struct store *s, const char *job, struct store_second **ret, size_t *ret_n,
                       struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_second *v = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked,
	                   "SELECT chunk, context, times, earlier, reason FROM second_pass "
	                   "WHERE job = ? ORDER BY chunk",
	                   &q, err);
	if (r == 0)
		db_bind(q, "s", job);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		v = mem_room(v, n, &cap, sizeof *v);
		v[n] = (struct store_second){.chunk = sqlite3_column_int64(q, 0),
		                             .context = db_text(q, 1),
		                             .earlier = db_text(q, 3),
		                             .reason = db_text(q, 4)};
		v[n].times = json_times_read((const char *)sqlite3_column_text(q, 2), &v[n].n_times);
		n++;
		r = 0;
	}
	if (r < 0) {
		store_seconds_free(v, n);
		return err_wrap(err, "cannot read the journal");
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

static int keep_earlier(struct store *s, const char *job, int64_t chunk, const char *earlier,
                        const char *reason, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s, "UPDATE second_pass SET earlier = ?, reason = ? WHERE job = ? AND chunk = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sssi", earlier, reason, job, chunk);
	r = db_run(s, q, err);
	return r < 0 || sqlite3_changes(s->db) == 1
	           ? r
	           : err_set(err, ERR_NOENT, "job %s no longer has chunk %lld", job, (long long)chunk);
}

int store_second_save(struct store *s, const char *job, const struct store_chunk *c,
                      const char *earlier, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = keep_earlier(s, job, c->index, earlier, "", err);
	if (r == 0)
		r = db_save_chunk(s, job, c, err);
	r = db_end(s, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_second_fail(struct store *s, const char *job, int64_t chunk, const char *reason,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = keep_earlier(locked, job, chunk, "", reason, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}
