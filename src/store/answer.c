/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a model about a whole job, kept so that none is asked for twice. */
#include "store/db.h"
#include "store/store.h"

int store_answer_find(struct store *s, const char *job, const char *request, char **ret,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT text FROM answer WHERE job = ? AND request = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ss", job, request);
	return db_one_text(s, q, "this was not asked yet", ret, err);
}

int store_answer_add(struct store *s, const char *job, const char *request, const char *text,
                     struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, "INSERT OR REPLACE INTO answer (job, request, text) VALUES (?, ?, ?)", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sss", job, request, text);
	return db_run(s, q, err);
}
