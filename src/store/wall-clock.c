/* SPDX-License-Identifier: Apache-2.0 */
#include "store/wall-clock.h"

#include "store/db.h"

int store_wall_clock_save(struct store *s, const char *job, const char *json, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, "INSERT OR REPLACE INTO wall_clock SELECT id, ?2 FROM job WHERE id = ?1", &q, err);
	if (r == 0) {
		db_bind(q, "ss", job, json);
		r = db_run(s, q, err);
	}
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	return sqlite3_changes(s->db) == 1 ? 0 : err_set(err, ERR_NOENT, "job %s was removed", job);
}

int store_wall_clock_load(struct store *s, const char *job, char **ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT data FROM wall_clock WHERE job = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", job);
	r = db_step(s, q, err);
	*ret = r > 0 ? db_text(q, 0) : NULL;
	return r < 0 ? err_wrap(err, "cannot read the journal") : 0;
}
