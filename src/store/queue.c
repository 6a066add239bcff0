/* SPDX-License-Identifier: Apache-2.0 */
#include "store/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/db.h"

void store_video_clear(struct store_video *v)
{
	char *strings[] = {v->name,  v->origin, v->source, v->path, v->sha256,
	                   v->stamp, v->facts,  v->fault,  v->tags};
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	*v = (struct store_video){0};
}

void store_entry_clear(struct store_entry *e)
{
	free(e->options);
	free(e->journal);
	free(e->fault);
	*e = (struct store_entry){0};
}

static int run_for(struct store *s, const char *sql, int64_t id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", id);
	return db_run(s, q, err);
}

static int try_both(struct store *s, const char *journals, const char *row, int64_t id, bool erase,
                    struct err *err)
{
	int r = db_exec(s, "BEGIN IMMEDIATE", err);
	bool removed = false;
	if (r == 0)
		r = run_for(s, journals, id, err);
	if (r == 0) {
		removed = sqlite3_changes(s->db) > 0;
		r = run_for(s, row, id, err);
	}
	return db_end_removal(s, r, erase && removed, err);
}

/* Both statements in one transaction. */
static int remove_both(struct store *s, const char *journals, const char *row, int64_t id,
                       struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = try_both(locked, journals, row, id, true, err);
	return r == -ERR_NOSPC ? try_both(locked, journals, row, id, false, err) : r;
}

/* ---- videos */

static int64_t stream_of(const struct store_video *v)
{
	return v->has_stream ? v->stream : -1;
}

static const char *tags_of(const struct store_video *v)
{
	return v->tags ? v->tags : "[]";
}

int db_add_video(struct store *s, const struct store_video *v, int64_t *ret_id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s,
		"INSERT INTO video (name, origin, source, path, size, sha256, stamp, facts, state, fault, "
		"created, stream, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssssisssisiis", v->name, v->origin, v->source, v->path, v->size, v->sha256,
	        v->stamp, v->facts, (int64_t)v->state, v->fault, v->created, stream_of(v), tags_of(v));
	r = db_run(s, q, err);
	if (r == 0)
		*ret_id = sqlite3_last_insert_rowid(s->db);
	return r;
}

int store_video_add(struct store *s, const struct store_video *v, int64_t *ret_id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	return db_add_video(locked, v, ret_id, err);
}

int store_video_update(struct store *s, const struct store_video *v, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked,
		"UPDATE video SET name = ?, origin = ?, source = ?, path = ?, size = ?, sha256 = ?, "
		"stamp = ?, facts = ?, state = ?, fault = ?, stream = ?, tags = ? WHERE id = ?",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssssisssisisi", v->name, v->origin, v->source, v->path, v->size, v->sha256,
	        v->stamp, v->facts, (int64_t)v->state, v->fault, stream_of(v), tags_of(v), v->id);
	return db_run(s, q, err);
}

int store_video_remove(struct store *s, int64_t id, struct err *err)
{
	return remove_both(
		s,
		"DELETE FROM job WHERE id IN (SELECT journal FROM queue WHERE video = ?1) AND "
		"id NOT IN (SELECT journal FROM queue WHERE video <> ?1)",
		"DELETE FROM video WHERE id = ?", id, err);
}

int store_videos_load(struct store *s, struct store_video **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_video *all = NULL;
	size_t n = 0;
	int r = db_prepare(
		locked,
		"SELECT id, name, origin, source, path, size, sha256, stamp, facts, state, fault, created, "
		"stream, tags "
		"FROM video ORDER BY id",
		&q, err);

	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		all = mem_grow(all, n + 1, sizeof *all);
		all[n++] = (struct store_video){
			.id = sqlite3_column_int64(q, 0),
			.name = db_text(q, 1),
			.origin = db_text(q, 2),
			.source = db_text(q, 3),
			.path = db_text(q, 4),
			.size = sqlite3_column_int64(q, 5),
			.sha256 = db_text(q, 6),
			.stamp = db_text(q, 7),
			.facts = db_text(q, 8),
			.state = (enum store_video_state)sqlite3_column_int(q, 9),
			.fault = db_text(q, 10),
			.created = sqlite3_column_int64(q, 11),
			.has_stream = sqlite3_column_int(q, 12) >= 0,
			.stream = sqlite3_column_int(q, 12) >= 0 ? sqlite3_column_int(q, 12) : 0,
			.tags = db_text(q, 13),
		};
		r = 0;
	}

	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			store_video_clear(&all[i]);
		free(all);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- the queue */

int db_add_entry(struct store *s, const struct store_entry *e, int64_t *ret_id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s,
		"INSERT INTO queue (video, state, priority, place, served, options, journal, fault, "
		"created, "
		"started, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "iiidisssiii", e->video, (int64_t)e->state, e->priority, e->place, e->served,
	        e->options, e->journal, e->fault, e->created, e->started, e->ended);
	r = db_run(s, q, err);
	if (r == 0)
		*ret_id = sqlite3_last_insert_rowid(s->db);
	return r;
}

int store_entry_add(struct store *s, const struct store_entry *e, int64_t *ret_id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	return db_add_entry(locked, e, ret_id, err);
}

int store_entry_update(struct store *s, const struct store_entry *e, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r =
		db_prepare(locked,
	               "UPDATE queue SET state = ?, priority = ?, place = ?, served = ?, options = ?, "
	               "journal = CASE WHEN ?6 = '' THEN journal ELSE ?6 END, "
	               "fault = ?, started = ?, ended = ? WHERE id = ?",
	               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "iidisssiii", (int64_t)e->state, e->priority, e->place, e->served, e->options,
	        e->journal, e->fault, e->started, e->ended, e->id);
	return db_run(s, q, err);
}

int store_entry_remove(struct store *s, int64_t id, struct err *err)
{
	return remove_both(s,
	                   "DELETE FROM job WHERE id = (SELECT journal FROM queue WHERE id = ?1) AND "
	                   "id NOT IN (SELECT journal FROM queue WHERE id <> ?1)",
	                   "DELETE FROM queue WHERE id = ?", id, err);
}

int store_entries_load(struct store *s, struct store_entry **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_entry *all = NULL;
	size_t n = 0;
	int r = db_prepare(
		locked,
		"SELECT id, video, state, priority, place, served, options, journal, fault, created, "
		"started, "
		"ended FROM queue ORDER BY id",
		&q, err);

	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		all = mem_grow(all, n + 1, sizeof *all);
		all[n++] = (struct store_entry){
			.id = sqlite3_column_int64(q, 0),
			.video = sqlite3_column_int64(q, 1),
			.state = (enum store_entry_state)sqlite3_column_int(q, 2),
			.priority = sqlite3_column_int64(q, 3),
			.place = sqlite3_column_double(q, 4),
			.served = sqlite3_column_int64(q, 5),
			.options = db_text(q, 6),
			.journal = db_text(q, 7),
			.fault = db_text(q, 8),
			.created = sqlite3_column_int64(q, 9),
			.started = sqlite3_column_int64(q, 10),
			.ended = sqlite3_column_int64(q, 11),
		};
		r = 0;
	}

	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			store_entry_clear(&all[i]);
		free(all);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int store_ids_used(struct store *s, int64_t *ret_video, int64_t *ret_entry, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'video'), "
	                   "(SELECT seq FROM sqlite_sequence WHERE name = 'queue')",
	                   &q, err);
	if (r == 0)
		r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret_video = sqlite3_column_int64(q, 0);
	*ret_entry = sqlite3_column_int64(q, 1);
	return 0;
}
