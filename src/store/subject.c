/* SPDX-License-Identifier: Apache-2.0 */
#include "store/subject.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/db.h"

void store_subjects_clear(struct store_subjects *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->subjects[i].description);
		free(x->subjects[i].frames);
	}
	for (size_t i = 0; i < x->n_edits; i++) {
		free(x->edits[i].kind);
		free(x->edits[i].data);
	}
	free(x->subjects);
	free(x->edits);
	*x = (struct store_subjects){0};
}

static int64_t stream_of(const struct store_source *source)
{
	return source->has_stream ? source->stream : -1;
}

static int load_subjects(struct store *s, const char *job, struct store_subjects *ret,
                         struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t cap = 0;
	int r = db_prepare(s,
	                   "SELECT number, edit, description, frames FROM subject WHERE job = ? "
	                   "ORDER BY number",
	                   &q, err);
	if (r == 0)
		db_bind(q, "s", job);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		ret->subjects = mem_room(ret->subjects, ret->n, &cap, sizeof *ret->subjects);
		ret->subjects[ret->n++] = (struct store_subject){.number = sqlite3_column_int64(q, 0),
		                                                 .edit = sqlite3_column_int64(q, 1),
		                                                 .description = db_text(q, 2),
		                                                 .frames = db_text(q, 3)};
		r = 0;
	}
	return r;
}

static int load_edits(struct store *s, const struct store_source *source,
                      struct store_subjects *ret, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t cap = 0;
	int r = db_prepare(s,
	                   "SELECT id, kind, data FROM subject_edit WHERE source = ? AND stream = ? "
	                   "AND undone = 0 ORDER BY id",
	                   &q, err);
	if (r == 0)
		db_bind(q, "si", source->sha256, stream_of(source));
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		ret->edits = mem_room(ret->edits, ret->n_edits, &cap, sizeof *ret->edits);
		ret->edits[ret->n_edits++] = (struct store_subject_edit){
			.id = sqlite3_column_int64(q, 0), .kind = db_text(q, 1), .data = db_text(q, 2)};
		r = 0;
	}
	return r;
}

/* Both what is counted and the highest id only grow. */
static int load_revision(struct store *s, const struct store_source *source, int64_t *ret,
                         struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "SELECT coalesce(max(id), 0) + coalesce(sum(undone <> 0), 0) "
	                   "FROM subject_edit WHERE source = ? AND stream = ?",
	                   &q, err);
	if (r == 0)
		db_bind(q, "si", source->sha256, stream_of(source));
	if (r == 0)
		r = db_step(s, q, err);
	if (r > 0)
		*ret = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

int store_subjects_load(struct store *s, const char *job, const struct store_source *source,
                        struct store_subjects *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(store_subjects_clear) struct store_subjects x = {0};
	int r = db_exec(locked, "BEGIN", err); /* one state of both tables */
	if (r == 0)
		r = load_subjects(s, job, &x, err);
	if (r == 0)
		r = load_edits(s, source, &x, err);
	if (r == 0)
		r = load_revision(s, source, &x.revision, err);
	r = db_end(s, r, err);
	if (r < 0)
		return r;
	*ret = x;
	x = (struct store_subjects){0};
	return 0;
}

/* ERR_CANCELED unless everything is as it was seen. */
static int check_seen(struct store *s, const char *job, const struct store_source *source,
                      const struct store_subjects *seen, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int64_t revision = 0, last = seen->n ? seen->subjects[seen->n - 1].number : 0;
	int r = load_revision(s, source, &revision, err);
	if (r == 0)
		r = db_prepare(s,
		               "SELECT (SELECT coalesce(max(number), 0) FROM subject WHERE job = ?1), "
		               "(SELECT count(*) FROM job WHERE id = ?1)",
		               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", job);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	if (!sqlite3_column_int64(q, 1))
		return err_set(err, ERR_NOENT, "job %s was removed", job);
	if (revision != seen->revision || sqlite3_column_int64(q, 0) != last)
		return err_set(err, ERR_CANCELED,
		               "another process changed the subjects at the same time; try again");
	return 0;
}

static int add_edit(struct store *s, const struct store_source *source,
                    const struct store_subject_edit *edit, int64_t *ret_id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "INSERT INTO subject_edit (source, stream, kind, data, created, undone) "
	                   "VALUES (?, ?, ?, ?, ?, 0)",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sissi", source->sha256, stream_of(source), edit->kind, edit->data, clock_wall());
	r = db_run(s, q, err);
	*ret_id = sqlite3_last_insert_rowid(s->db);
	return r;
}

static int put_subjects(struct store *s, const char *job, const struct store_subject *subjects,
                        size_t n, int64_t edit, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "INSERT OR REPLACE INTO subject (job, number, edit, description, frames) "
	                   "VALUES (?, ?, ?, ?, ?)",
	                   &q, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_subject *x = &subjects[i];
		db_bind(q, "siiss", job, x->number, x->edit == STORE_THIS_EDIT ? edit : x->edit,
		        x->description, x->frames);
		r = db_run(s, q, err);
	}
	return r;
}

int store_subjects_save(struct store *s, const char *job, const struct store_source *source,
                        const struct store_subjects *seen, const struct store_subject *subjects,
                        size_t n, const struct store_subject_edit *edit, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int64_t id = 0;
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = check_seen(s, job, source, seen, err);
	if (r == 0 && edit)
		r = add_edit(s, source, edit, &id, err);
	if (r == 0)
		r = put_subjects(s, job, subjects, n, id, err);
	return db_end(s, r, err);
}

static int find_last(struct store *s, const struct store_source *source, int64_t *ret_id,
                     char **ret_kind, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "SELECT id, kind FROM subject_edit WHERE source = ? AND stream = ? AND "
	                   "undone = 0 ORDER BY id DESC LIMIT 1",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", source->sha256, stream_of(source));
	r = db_step(s, q, err);
	if (r == 0)
		return err_set(err, ERR_NOENT, "there is no edit to undo of the subjects of this video");
	if (r < 0)
		return r;
	*ret_id = sqlite3_column_int64(q, 0);
	*ret_kind = db_text(q, 1);
	return 0;
}

static int mark_undone(struct store *s, int64_t id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "UPDATE subject_edit SET undone = ? WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ii", clock_wall(), id);
	return db_run(s, q, err);
}

int store_subjects_undo(struct store *s, const struct store_source *source, char **ret_kind,
                        struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(mem_freep) char *kind = NULL;
	int64_t id = 0;
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = find_last(s, source, &id, &kind, err);
	if (r == 0)
		r = mark_undone(s, id, err);
	r = db_end(s, r, err);
	if (r == 0)
		*ret_kind = TAKE(kind);
	return r;
}
