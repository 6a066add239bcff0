/* SPDX-License-Identifier: Apache-2.0 */
#include "store/speech.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/db.h"

void store_speech_parts_free(struct store_speech_part *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(p[i].engine);
		free(p[i].fault);
	}
	free(p);
}

/* ---- writing */

/* What other engines recognized. */
static int remove_others(struct store *s, const char *job, const char *engine, struct err *err)
{
#define OF_OTHERS(table)                                                                    \
	"DELETE FROM " table " WHERE job = ?1 AND kind = 'speech' AND EXISTS (SELECT 1 FROM "   \
	"speech_part AS part WHERE part.job = ?1 AND part.engine <> ?2 AND part.track = " table \
	".track AND " table ".start_us >= part.start_us AND " table ".start_us < part.end_us)"
	static const char *const statements[] = {
		OF_OTHERS("passage"), OF_OTHERS("text_dropped"),
		"DELETE FROM speech_part WHERE job = ?1 AND engine <> ?2"};
	return db_run_each(s, statements, ARRAY_LEN(statements), err, "ss", job, engine);
}

int store_speech_begin(struct store *s, const char *job, const char *engine,
                       const struct store_text_source *sources, size_t n, const char *fault,
                       struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	static const char *const removal[] = {
		"DELETE FROM text_source WHERE job = ? AND kind = 'speech'"};
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	r = db_run_each(s, removal, 1, err, "s", job);
	if (r == 0 && engine)
		r = remove_others(s, job, engine, err);
	if (r == 0)
		r = db_add_text_sources(s, job, STORE_SPEECH, fault, sources, n, err);
	r = db_end(s, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

static int replace_part(struct store *s, const char *job, const struct store_speech_part *p,
                        struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM passage WHERE job = ? AND kind = 'speech' AND track = ? AND start_us >= ? "
		"AND start_us < ?",
		"DELETE FROM text_dropped WHERE job = ? AND kind = 'speech' AND track = ? AND "
		"start_us >= ? AND start_us < ?"};
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_run_each(s, statements, ARRAY_LEN(statements), err, "siii", job, (int64_t)p->track,
	                    p->start, p->end);
	if (r == 0)
		r = db_prepare(s,
		               "INSERT OR REPLACE INTO speech_part SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 "
		               "FROM job WHERE id = ?1",
		               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "siiiisis", job, (int64_t)p->track, p->index, p->start, p->end, p->engine,
	        (int64_t)p->done, p->fault);
	r = db_run(s, q, err);
	return r == 0 && sqlite3_changes(s->db) != 1
	           ? err_set(err, ERR_NOENT, "job %s was removed", job)
	           : r;
}

int store_speech_part_save(struct store *s, const char *job, const struct store_speech_part *part,
                           const struct store_transcript *t, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	r = replace_part(s, job, part, err);
	if (r == 0)
		r = db_add_texts(s, job, t, err);
	r = db_end(s, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

/* ---- reading */

int store_speech_parts_load(struct store *s, const char *job, struct store_speech_part **ret,
                            size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_speech_part *v = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked,
	                   "SELECT track, idx, start_us, end_us, engine, done, fault FROM speech_part "
	                   "WHERE job = ? ORDER BY track, idx",
	                   &q, err);
	if (r == 0)
		db_bind(q, "s", job);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		v = mem_room(v, n, &cap, sizeof *v);
		v[n++] = (struct store_speech_part){.track = sqlite3_column_int(q, 0),
		                                    .index = sqlite3_column_int64(q, 1),
		                                    .start = sqlite3_column_int64(q, 2),
		                                    .end = sqlite3_column_int64(q, 3),
		                                    .engine = db_text(q, 4),
		                                    .done = sqlite3_column_int(q, 5) != 0,
		                                    .fault = db_text(q, 6)};
		r = 0;
	}
	if (r < 0) {
		store_speech_parts_free(v, n);
		return err_wrap(err, "cannot read the journal");
	}
	*ret = v;
	*ret_n = n;
	return 0;
}
