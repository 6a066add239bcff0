/* SPDX-License-Identifier: Apache-2.0 */
#include "store/case.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/db.h"

void store_case_clear(struct store_case *c)
{
	free(c->id);
	free(c->name);
	free(c->output);
	*c = (struct store_case){0};
}

void store_member_clear(struct store_member *m)
{
	free(m->path);
	free(m->name);
	free(m->stamp);
	free(m->source);
	free(m->job);
	free(m->settings);
	free(m->fault);
	*m = (struct store_member){0};
}

static int add_case(struct store *s, const char *id, const char *name, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int64_t now = clock_wall();
	int r = db_prepare(s,
	                   "INSERT INTO case_record (id, name, output, created, updated) "
	                   "VALUES (?, ?, '', ?, ?) ON CONFLICT (name) DO NOTHING",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssii", id, name, now, now);
	return db_run(s, q, err);
}

int store_case_open(struct store *s, const char *id, const char *name, struct store_case *ret,
                    struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = add_case(locked, id, name, err);
	if (r == 0)
		r = db_prepare(s,
		               "SELECT id, name, output, created, updated FROM case_record WHERE name = ?",
		               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", name);
	r = db_step(s, q, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, ERR_NOENT, "the case %s was removed", id);
	*ret = (struct store_case){.id = db_text(q, 0),
	                           .name = db_text(q, 1),
	                           .output = db_text(q, 2),
	                           .created = sqlite3_column_int64(q, 3),
	                           .updated = sqlite3_column_int64(q, 4)};
	return 0;
}

int store_case_set_output(struct store *s, const char *id, const char *output, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r =
		db_prepare(locked, "UPDATE case_record SET output = ?, updated = ? WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sis", output, clock_wall(), id);
	return db_run(s, q, err);
}

int store_member_save(struct store *s, const char *case_id, const struct store_member *m,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "INSERT OR REPLACE INTO case_member (case_id, path, stream, name, kind, "
	                   "stamp, source, job, settings, fault, start, clock, duration_us) "
	                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssisisssssiii", case_id, m->path, m->stream, m->name, (int64_t)m->kind, m->stamp,
	        m->source, m->job, m->settings, m->fault, m->start, (int64_t)m->clock, m->duration);
	return db_run(s, q, err);
}

int store_member_remove(struct store *s, const char *case_id, const char *path, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "DELETE FROM case_member WHERE case_id = ? AND path = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ss", case_id, path);
	return db_run(s, q, err);
}

int store_members_load(struct store *s, const char *case_id, struct store_member **ret,
                       size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_member *all = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked,
	                   "SELECT path, stream, name, kind, stamp, source, job, settings, fault, "
	                   "start, clock, duration_us FROM case_member WHERE case_id = ? "
	                   "ORDER BY path, stream",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", case_id);
	while ((r = db_step(s, q, err)) > 0) {
		all = mem_room(all, n, &cap, sizeof *all);
		all[n++] = (struct store_member){
			.path = db_text(q, 0),
			.stream = sqlite3_column_int64(q, 1),
			.name = db_text(q, 2),
			.kind = (enum store_member_kind)sqlite3_column_int(q, 3),
			.stamp = db_text(q, 4),
			.source = db_text(q, 5),
			.job = db_text(q, 6),
			.settings = db_text(q, 7),
			.fault = db_text(q, 8),
			.start = sqlite3_column_int64(q, 9),
			.clock = (enum store_clock)sqlite3_column_int(q, 10),
			.duration = sqlite3_column_int64(q, 11),
		};
	}
	if (r < 0) {
		while (n)
			store_member_clear(&all[--n]);
		free(all);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int store_case_step_load(struct store *s, const char *case_id, const char *key, char **ret,
                         struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT text FROM case_step WHERE case_id = ? AND key = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ss", case_id, key);
	return db_one_text(s, q, "this step was not done yet", ret, err);
}

int store_case_step_save(struct store *s, const char *case_id, const char *key, const char *kind,
                         const char *runs, const char *text, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "INSERT OR REPLACE INTO case_step (case_id, key, kind, runs, text, created) "
	                   "VALUES (?, ?, ?, ?, ?, ?)",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sssssi", case_id, key, kind, runs, text, clock_wall());
	return db_run(s, q, err);
}

/* A root is a step without runs and text, whose key is its path. */
#define ROOT "root"

int store_case_root_add(struct store *s, const char *case_id, const char *path, struct err *err)
{
	return store_case_step_save(s, case_id, path, ROOT, "[]", "", err);
}

int store_case_root_above(struct store *s, const char *case_id, const char *path, char **ret,
                          struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, "SELECT key FROM case_step WHERE case_id = ? AND kind = '" ROOT "' ORDER BY key",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", case_id);
	while ((r = db_step(s, q, err)) > 0) {
		AUTO(mem_freep) char *root = db_text(q, 0);
		if (strcmp(path, root) == 0 || file_is_below(path, root)) {
			*ret = TAKE(root);
			return 0;
		}
	}
	return r < 0 ? r : err_set(err, ERR_NOENT, "no folder of the case is above");
}
