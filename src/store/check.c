/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of statements: what was answered, and how a model did where the answer
 * is known. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "store/db.h"
#include "store/store.h"

static bool has_p(const struct store_answer *a)
{
	return a->p[0] + a->p[1] + a->p[2] > 0;
}

/* The columns code, p_a, p_b, p_c, from parameter `first` on. */
static void bind_answer(sqlite3_stmt *q, int first, const struct store_answer *a)
{
	for (int i = 0; i < 3; i++)
		if (has_p(a))
			sqlite3_bind_double(q, first + 1 + i, a->p[i]);
		else
			sqlite3_bind_null(q, first + 1 + i);
	sqlite3_bind_text(q, first, &a->letter, a->letter ? 1 : 0, SQLITE_STATIC);
}

static char letter_at(sqlite3_stmt *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q, column);
	return text ? (char)*text : '\0';
}

static struct store_answer read_answer(sqlite3_stmt *q, int first)
{
	return (struct store_answer){.letter = letter_at(q, first),
	                             .p = {sqlite3_column_double(q, first + 1),
	                                   sqlite3_column_double(q, first + 2),
	                                   sqlite3_column_double(q, first + 3)}};
}

static int insert_verdicts(struct store *s, const char *job, const struct store_verdict *v,
                           size_t n, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s,
		"INSERT OR REPLACE INTO verdict (job, chunk, idx, frames, reason, model, prompt, code, "
		"p_a, p_b, p_c) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&q, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		AUTO(mem_freep) char *frames = json_times_text(v[i].frames, v[i].n_frames);
		db_bind(q, "siissss", job, v[i].chunk, v[i].index, frames, v[i].reason ? v[i].reason : "",
		        v[i].model, v[i].prompt);
		bind_answer(q, 8, &v[i].answer);
		r = db_run(s, q, err);
	}
	return r;
}

int store_verdicts_save(struct store *s, const char *job, const struct store_verdict *v, size_t n,
                        struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(s, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = insert_verdicts(s, job, v, n, err);
	r = db_end(locked, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_verdicts_load(struct store *s, const char *job, struct store_verdict **ret, size_t *ret_n,
                        struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_verdict *all = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked,
	                   "SELECT chunk, idx, code, p_a, p_b, p_c, frames, reason, model, prompt "
	                   "FROM verdict WHERE job = ? ORDER BY chunk, idx",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", job);
	while ((r = db_step(s, q, err)) > 0) {
		all = mem_room(all, n, &cap, sizeof *all);
		struct store_verdict *v = &all[n++];
		*v = (struct store_verdict){.chunk = sqlite3_column_int64(q, 0),
		                            .index = sqlite3_column_int64(q, 1),
		                            .answer = read_answer(q, 2),
		                            .reason = db_text(q, 7),
		                            .model = db_text(q, 8),
		                            .prompt = db_text(q, 9)};
		v->frames = json_times_read((const char *)sqlite3_column_text(q, 6), &v->n_frames);
	}
	if (r < 0) {
		store_verdicts_free(all, n);
		return err_wrap(err, "cannot read the journal");
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

void store_verdicts_free(struct store_verdict *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].frames);
		free(v[i].reason);
		free(v[i].model);
		free(v[i].prompt);
	}
	free(v);
}

int store_control_save(struct store *s, const struct store_control *c, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	const char expected[] = {c->expected, '\0'};
	int r =
		db_prepare(locked,
	               "INSERT OR REPLACE INTO control (model, prompt, kind, job, chunk, idx, what, "
	               "expected, created, code, p_a, p_b, p_c) "
	               "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssssiissi", c->model, c->prompt, c->kind, c->job, c->chunk, c->index, c->what,
	        expected, clock_wall());
	bind_answer(q, 10, &c->answer);
	r = db_run(s, q, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_controls_load(struct store *s, const char *job, const char *model, const char *prompt,
                        struct store_control **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_control *all = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked,
	                   "SELECT kind, chunk, idx, what, expected, code FROM control "
	                   "WHERE job = ? AND model = ? AND prompt = ? ORDER BY chunk, idx, kind, what",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sss", job, model, prompt);
	while ((r = db_step(s, q, err)) > 0) {
		all = mem_room(all, n, &cap, sizeof *all);
		all[n++] = (struct store_control){.model = mem_strdup(model),
		                                  .prompt = mem_strdup(prompt),
		                                  .kind = db_text(q, 0),
		                                  .job = mem_strdup(job),
		                                  .chunk = sqlite3_column_int64(q, 1),
		                                  .index = sqlite3_column_int64(q, 2),
		                                  .what = db_text(q, 3),
		                                  .expected = letter_at(q, 4),
		                                  .answer.letter = letter_at(q, 5)};
	}
	if (r < 0) {
		store_controls_free(all, n);
		return err_wrap(err, "cannot read the journal");
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

void store_controls_free(struct store_control *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(c[i].model);
		free(c[i].prompt);
		free(c[i].kind);
		free(c[i].job);
		free(c[i].what);
	}
	free(c);
}

int store_controls_count(struct store *s, const char *model, const char *prompt, double least_a,
                         double least_b, struct store_controls *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked,
		"SELECT count(*) FILTER (WHERE expected = 'B'), "
		"count(*) FILTER (WHERE expected = 'B' AND code = 'A' AND coalesce(p_a >= ?3, 1)), "
		"count(*) FILTER (WHERE expected = 'A'), "
		"count(*) FILTER (WHERE expected = 'A' AND code = 'B' AND coalesce(p_b >= ?4, 1)), "
		"count(*) FILTER (WHERE code = '-') "
		"FROM control WHERE model = ?1 AND prompt = ?2",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssdd", model, prompt, least_a, least_b);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret = (struct store_controls){.no = sqlite3_column_int64(q, 0),
	                               .false_yes = sqlite3_column_int64(q, 1),
	                               .yes = sqlite3_column_int64(q, 2),
	                               .false_no = sqlite3_column_int64(q, 3),
	                               .silent = sqlite3_column_int64(q, 4)};
	return 0;
}
