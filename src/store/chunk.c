/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks in the journal: their results, the samples that the model saw, the
 * events that it described. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/db.h"
#include "store/store.h"

void store_chunk_forget(struct store_chunk *c)
{
	for (size_t i = 0; i < c->n_samples; i++) {
		free(c->samples[i].decode_path);
		free(c->samples[i].fault);
		free(c->samples[i].thumb);
		free(c->samples[i].planes);
	}
	free(TAKE(c->samples));
	c->n_samples = 0;
}

void store_chunk_clear(struct store_chunk *c)
{
	store_chunk_forget(c);
	for (size_t i = 0; i < c->n_events; i++) {
		free(c->events[i].subject);
		free(c->events[i].what);
		free(c->events[i].quote);
		free(c->events[i].samples);
	}
	free(c->events);
	free(c->summary);
	free(c->reason);
	free(c->option);
	free(c->endpoint);
	*c = (struct store_chunk){0};
}

static int save_row(struct store *s, const char *job, const struct store_chunk *c, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s,
		"UPDATE chunk SET state = ?, summary = ?, reason = ?, attempts = ?, decode_time = ?, "
		"engine_time = ?, prompt_tokens = ?, cached_tokens = ?, output_tokens = ?, "
		"prefill_rate = ?, decode_rate = ?, endpoint = ?, code = ?, option = ? "
		"WHERE job = ? AND idx = ?",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "issiiiiiiddssssi", (int64_t)c->state, c->summary, c->reason, c->attempts,
	        c->decode_time, c->engine_time, c->prompt_tokens, c->cached_tokens, c->output_tokens,
	        c->prefill_rate, c->decode_rate, c->endpoint ? c->endpoint : "",
	        hole_code_name(c->code), c->option ? c->option : "", job, c->index);
	r = db_run(s, q, err);
	if (r == 0 && sqlite3_changes(s->db) != 1)
		return err_set(err, ERR_NOENT, "job %s no longer has chunk %lld", job, (long long)c->index);
	return r;
}

static int clear_detail(struct store *s, const char *sql, const char *job, int64_t chunk,
                        struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, sql, &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", job, chunk);
	return db_run(s, q, err);
}

static int save_samples(struct store *s, const char *job, const struct store_chunk *c,
                        struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = clear_detail(s, "DELETE FROM sample WHERE job = ? AND chunk = ?", job, c->index, err);
	if (r == 0)
		r = db_prepare(s, "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &q, err);
	for (size_t i = 0; r == 0 && i < c->n_samples; i++) {
		const struct store_sample *p = &c->samples[i];
		db_bind(q, "siiiissiib", job, c->index, (int64_t)i, p->time, p->pts, p->decode_path,
		        p->fault, (int64_t)p->width, (int64_t)p->height, p->thumb, p->thumb_len);
		r = db_run(s, q, err);
	}
	return r;
}

static char *pack_indices(const size_t *v, size_t n)
{
	json_auto_t *a = json_sizes(v, n);
	return json_dumps(a, JSON_COMPACT);
}

static int save_events(struct store *s, const char *job, const struct store_chunk *c,
                       struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = clear_detail(s, "DELETE FROM event WHERE job = ? AND chunk = ?", job, c->index, err);
	if (r == 0)
		r = db_prepare(s,
		               "INSERT INTO event (job, chunk, idx, subject, what, samples, quote) "
		               "VALUES (?, ?, ?, ?, ?, ?, ?)",
		               &q, err);
	for (size_t i = 0; r == 0 && i < c->n_events; i++) {
		AUTO(mem_freep) char *samples = pack_indices(c->events[i].samples, c->events[i].n_samples);
		const struct store_event *e = &c->events[i];
		db_bind(q, "siissss", job, c->index, (int64_t)i, e->subject ? e->subject : "", e->what,
		        samples, e->quote ? e->quote : "");
		r = db_run(s, q, err);
	}
	return r;
}

int db_save_chunk(struct store *s, const char *job, const struct store_chunk *c, struct err *err)
{
	int r = save_row(s, job, c, err);
	if (r == 0)
		r = save_samples(s, job, c, err);
	return r < 0 ? r : save_events(s, job, c, err);
}

int store_chunk_save(struct store *s, const char *job, const struct store_chunk *c, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(s, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = db_save_chunk(s, job, c, err);
	r = db_end(locked, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_chunks_reset(struct store *s, const char *job, const int64_t *chunks, size_t n,
                       struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_chunk empty = {.index = chunks[i], .summary = "", .reason = ""};
		r = db_save_chunk(s, job, &empty, err);
	}
	r = db_end(s, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

static int load_rows(struct store *s, const char *job, struct store_chunk **chunks, size_t *n,
                     struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s,
		"SELECT idx, start_us, end_us, state, summary, reason, attempts, decode_time, engine_time, "
		"prompt_tokens, cached_tokens, output_tokens, prefill_rate, decode_rate, endpoint, "
		"code, option "
		"FROM chunk WHERE job = ? ORDER BY idx",
		&q, err);
	if (r < 0)
		return r;

	db_bind(q, "s", job);
	size_t cap = 0;
	while ((r = db_step(s, q, err)) > 0) {
		*chunks = mem_room(*chunks, *n, &cap, sizeof **chunks);
		(*chunks)[(*n)++] = (struct store_chunk){
			.index = sqlite3_column_int64(q, 0),
			.start = sqlite3_column_int64(q, 1),
			.end = sqlite3_column_int64(q, 2),
			.state = (enum chunk_state)sqlite3_column_int(q, 3),
			.summary = db_text(q, 4),
			.reason = db_text(q, 5),
			.attempts = sqlite3_column_int64(q, 6),
			.decode_time = sqlite3_column_int64(q, 7),
			.engine_time = sqlite3_column_int64(q, 8),
			.prompt_tokens = sqlite3_column_int64(q, 9),
			.cached_tokens = sqlite3_column_int64(q, 10),
			.output_tokens = sqlite3_column_int64(q, 11),
			.prefill_rate = sqlite3_column_double(q, 12),
			.decode_rate = sqlite3_column_double(q, 13),
			.endpoint = db_text(q, 14),
			.code = hole_code_of_name((const char *)sqlite3_column_text(q, 15)),
			.option = db_text(q, 16),
		};
	}
	return r;
}

/* The chunk with this index: the array is in order of index, usually index ==
 * position. */
static struct store_chunk *chunk_at(struct store_chunk *chunks, size_t n, int64_t index)
{
	if (index >= 0 && (size_t)index < n && chunks[index].index == index)
		return &chunks[index];
	for (size_t i = 0; i < n; i++)
		if (chunks[i].index == index)
			return &chunks[i];
	return NULL;
}

static int load_samples(struct store *s, const char *job, enum store_detail detail,
                        struct store_chunk *chunks, size_t n, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "SELECT chunk, time_us, pts_us, rung, fault, width, height, length(thumb), "
	                   "CASE WHEN ?2 THEN thumb END FROM sample WHERE job = ?1 ORDER BY chunk, idx",
	                   &q, err);
	if (r < 0)
		return r;

	db_bind(q, "si", job, (int64_t)(detail == STORE_ALL));
	while ((r = db_step(s, q, err)) > 0) {
		struct store_chunk *c = chunk_at(chunks, n, sqlite3_column_int64(q, 0));
		if (!c)
			continue;
		c->samples = mem_grow(c->samples, c->n_samples + 1, sizeof *c->samples);
		struct store_sample *p = &c->samples[c->n_samples++];
		*p = (struct store_sample){
			.time = sqlite3_column_int64(q, 1),
			.pts = sqlite3_column_int64(q, 2),
			.decode_path = db_text(q, 3),
			.fault = db_text(q, 4),
			.width = sqlite3_column_int(q, 5),
			.height = sqlite3_column_int(q, 6),
			.thumb_len = (size_t)sqlite3_column_int64(q, 7),
		};
		if (p->thumb_len && detail == STORE_ALL) {
			p->thumb = mem_alloc(p->thumb_len, 1);
			memcpy(p->thumb, sqlite3_column_blob(q, 8), p->thumb_len);
		}
	}
	return r;
}

static void unpack_indices(const char *text, struct store_event *e)
{
	json_t *a = json_loads(text, 0, NULL), *v;
	size_t i;
	e->samples = mem_alloc(json_array_size(a), sizeof *e->samples);
	json_array_foreach (a, i, v)
		e->samples[e->n_samples++] = (size_t)json_integer_value(v);
	json_decref(a);
}

static int load_events(struct store *s, const char *job, struct store_chunk *chunks, size_t n,
                       struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s,
		"SELECT chunk, subject, what, samples, quote FROM event WHERE job = ? ORDER BY chunk, idx",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", job);
	while ((r = db_step(s, q, err)) > 0) {
		struct store_chunk *c = chunk_at(chunks, n, sqlite3_column_int64(q, 0));
		if (!c)
			continue;
		c->events = mem_grow(c->events, c->n_events + 1, sizeof *c->events);
		struct store_event *e = &c->events[c->n_events++];
		*e = (struct store_event){
			.subject = db_text(q, 1), .what = db_text(q, 2), .quote = db_text(q, 4)};
		unpack_indices((const char *)sqlite3_column_text(q, 3), e);
	}
	return r;
}

int store_chunks_load(struct store *s, const char *job, enum store_detail detail,
                      struct store_chunk **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	struct store_chunk *chunks = NULL;
	size_t n = 0;
	int r = load_rows(locked, job, &chunks, &n, err);
	if (r == 0 && detail)
		r = load_samples(s, job, detail, chunks, n, err);
	if (r == 0 && detail)
		r = load_events(s, job, chunks, n, err);
	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			store_chunk_clear(&chunks[i]);
		free(chunks);
		return err_wrap(err, "cannot read the journal");
	}
	*ret = chunks;
	*ret_n = n;
	return 0;
}
