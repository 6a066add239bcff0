/* SPDX-License-Identifier: Apache-2.0 */
#include "store/transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/db.h"

void store_transcript_clear(struct store_transcript *t)
{
	for (size_t i = 0; i < t->n_sources; i++) {
		free(t->sources[i].kind);
		free(t->sources[i].format);
		free(t->sources[i].lang);
		free(t->sources[i].title);
		free(t->sources[i].fault);
		free(t->sources[i].engine);
	}
	for (size_t i = 0; i < t->n_segments; i++) {
		free(t->segments[i].kind);
		free(t->segments[i].text);
		free(t->segments[i].who);
		free(t->segments[i].lang);
		free(t->segments[i].words);
	}
	for (size_t i = 0; i < t->n_dropped; i++) {
		free(t->dropped[i].kind);
		free(t->dropped[i].text);
		free(t->dropped[i].reason);
	}
	free(t->sources);
	free(t->segments);
	free(t->dropped);
	*t = (struct store_transcript){0};
}

/* ---- writing */

static int remove_kind(struct store *s, const char *job, const char *kind, struct err *err)
{
	static const char *const tables[] = {
		"DELETE FROM passage WHERE job = ? AND chunk = -1 AND kind = ?",
		"DELETE FROM text_dropped WHERE job = ? AND kind = ?",
		"DELETE FROM text_source WHERE job = ? AND kind = ?"};
	return db_run_each(s, tables, ARRAY_LEN(tables), err, "ss", job, kind);
}

static int add_sources(struct store *s, const char *job, const struct store_text_source *v,
                       size_t n, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "INSERT INTO text_source SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM job "
	                   "WHERE id = ?1",
	                   &q, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		db_bind(q, "ssissss", job, v[i].kind, (int64_t)v[i].track, v[i].format, v[i].lang,
		        v[i].title, v[i].fault);
		r = db_run(s, q, err);
		if (r == 0 && sqlite3_changes(s->db) != 1)
			r = err_set(err, ERR_NOENT, "job %s was removed", job);
	}
	return r;
}

int db_add_text_sources(struct store *s, const char *job, const char *kind, const char *fault,
                        const struct store_text_source *v, size_t n, struct err *err)
{
	const struct store_text_source all = {.kind = (char *)kind,
	                                      .track = -1,
	                                      .format = "",
	                                      .lang = "",
	                                      .title = "",
	                                      .fault = (char *)fault};
	int r = add_sources(s, job, &all, 1, err);
	return r < 0 ? r : add_sources(s, job, v, n, err);
}

static int add_segments(struct store *s, const char *job, const struct store_segment *v, size_t n,
                        struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, "
	                   "end_us, text, lang, who, track, conf, box, spoken) SELECT source, stream, "
	                   "id, ?2, -1, -1, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, -1.0), ?10, ?11 "
	                   "FROM job WHERE id = ?1",
	                   &q, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_box *b = &v[i].box;
		char box[64] = "";
		if (b->w)
			snprintf(box, sizeof box, "%d %d %d %d", b->x, b->y, b->w, b->h);
		db_bind(q, "ssiisssidss", job, v[i].kind, v[i].start, v[i].end, v[i].text, v[i].lang,
		        v[i].who, (int64_t)v[i].track, v[i].conf < 0 ? -1.0 : v[i].conf, box,
		        v[i].words ? v[i].words : "");
		r = db_run(s, q, err);
	}
	return r;
}

static int add_dropped(struct store *s, const char *job, const struct store_dropped *v, size_t n,
                       struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "INSERT INTO text_dropped VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", &q, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		db_bind(q, "ssiiiss", job, v[i].kind, (int64_t)v[i].track, v[i].start, v[i].end, v[i].text,
		        v[i].reason);
		r = db_run(s, q, err);
	}
	return r;
}

int db_add_texts(struct store *s, const char *job, const struct store_transcript *t,
                 struct err *err)
{
	int r = add_segments(s, job, t->segments, t->n_segments, err);
	return r < 0 ? r : add_dropped(s, job, t->dropped, t->n_dropped, err);
}

int store_transcript_save(struct store *s, const char *job, const char *kind, const char *fault,
                          const struct store_transcript *t, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(locked, "BEGIN IMMEDIATE", err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	r = remove_kind(s, job, kind, err);
	if (r == 0)
		r = db_add_text_sources(s, job, kind, fault, t->sources, t->n_sources, err);
	if (r == 0)
		r = db_add_texts(s, job, t, err);
	r = db_end(s, r, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

/* ---- reading */

int store_transcript_known(struct store *s, const char *job, const char *kind, bool *ret,
                           struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, "SELECT 1 FROM text_source WHERE job = ? AND kind = ? AND track = -1", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ss", job, kind);
	r = db_step(s, q, err);
	*ret = r > 0;
	return r < 0 ? err_wrap(err, "cannot read the journal") : 0;
}

/* Of speech that of the first part of the track: all parts have the same. */
#define ENGINE                                                                              \
	"CASE kind WHEN 'written' THEN format WHEN 'speech' THEN coalesce((SELECT engine FROM " \
	"speech_part WHERE speech_part.job = text_source.job AND speech_part.track = "          \
	"text_source.track AND done ORDER BY idx LIMIT 1), '') ELSE '' END"

static int load_sources(struct store *s, const char *job, struct store_transcript *t,
                        struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t cap = 0;
	int r =
		db_prepare(s,
	               "SELECT kind, track, format, lang, title, fault, " ENGINE " FROM text_source "
	               "WHERE job = ? ORDER BY kind, track",
	               &q, err);
	if (r == 0)
		db_bind(q, "s", job);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		t->sources = mem_room(t->sources, t->n_sources, &cap, sizeof *t->sources);
		t->sources[t->n_sources++] = (struct store_text_source){.kind = db_text(q, 0),
		                                                        .track = sqlite3_column_int(q, 1),
		                                                        .format = db_text(q, 2),
		                                                        .lang = db_text(q, 3),
		                                                        .title = db_text(q, 4),
		                                                        .fault = db_text(q, 5),
		                                                        .engine = db_text(q, 6)};
		r = 0;
	}
	return r;
}

static void count(struct store_transcript *t, const struct store_segment *g)
{
	for (size_t i = 0; i < t->n_sources; i++)
		if (t->sources[i].track == g->track && strcmp(t->sources[i].kind, g->kind) == 0)
			t->sources[i].n++;
}

static struct store_box box_of(const char *text)
{
	struct store_box b;
	bool whole = text && sscanf(text, "%d %d %d %d", &b.x, &b.y, &b.w, &b.h) == 4;
	return whole ? b : (struct store_box){0};
}

static int load_segments(struct store *s, const char *job, struct store_transcript *t,
                         struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t cap = 0;
	int r =
		db_prepare(s,
	               "SELECT start_us, end_us, kind, track, text, who, lang, conf, box, spoken "
	               "FROM passage WHERE job = ? AND chunk = -1 AND track >= 0 ORDER BY start_us, id",
	               &q, err);
	if (r == 0)
		db_bind(q, "s", job);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		t->segments = mem_room(t->segments, t->n_segments, &cap, sizeof *t->segments);
		struct store_segment *g = &t->segments[t->n_segments++];
		*g = (struct store_segment){
			.start = sqlite3_column_int64(q, 0),
			.end = sqlite3_column_int64(q, 1),
			.kind = db_text(q, 2),
			.track = sqlite3_column_int(q, 3),
			.text = db_text(q, 4),
			.who = db_text(q, 5),
			.lang = db_text(q, 6),
			.conf = sqlite3_column_type(q, 7) == SQLITE_NULL ? -1 : sqlite3_column_double(q, 7),
			.box = box_of((const char *)sqlite3_column_text(q, 8)),
			.words = db_text(q, 9),
		};
		count(t, g);
		r = 0;
	}
	return r;
}

static int load_dropped(struct store *s, const char *job, struct store_transcript *t,
                        struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t cap = 0;
	int r = db_prepare(s,
	                   "SELECT start_us, end_us, kind, track, text, reason FROM text_dropped "
	                   "WHERE job = ? ORDER BY start_us, kind, track, rowid",
	                   &q, err);
	if (r == 0)
		db_bind(q, "s", job);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		t->dropped = mem_room(t->dropped, t->n_dropped, &cap, sizeof *t->dropped);
		t->dropped[t->n_dropped++] = (struct store_dropped){.start = sqlite3_column_int64(q, 0),
		                                                    .end = sqlite3_column_int64(q, 1),
		                                                    .kind = db_text(q, 2),
		                                                    .track = sqlite3_column_int(q, 3),
		                                                    .text = db_text(q, 4),
		                                                    .reason = db_text(q, 5)};
		r = 0;
	}
	return r;
}

int store_transcript_load(struct store *s, const char *job, struct store_transcript *ret,
                          struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	int r = load_sources(locked, job, &t, err);
	if (r == 0)
		r = load_segments(locked, job, &t, err);
	if (r == 0)
		r = load_dropped(locked, job, &t, err);
	if (r < 0)
		return err_wrap(err, "cannot read the journal");
	*ret = t;
	t = (struct store_transcript){0};
	return 0;
}
