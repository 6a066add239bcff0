/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/db.h"
#include "store_sql.h"

/* Version n + 1 is reached from n by steps[n]; a new store takes them all. */
static const struct {
	const char *sql;
	int (*run)(struct store *s, struct err *err); /* instead of SQL */
} steps[] = {
	{store_sql_schema_sql, NULL},     {store_sql_migrate_2_sql, NULL},
	{store_sql_migrate_3_sql, NULL},  {store_sql_migrate_4_sql, NULL},
	{store_sql_migrate_5_sql, NULL},  {store_sql_migrate_6_sql, NULL},
	{store_sql_migrate_7_sql, NULL},  {store_sql_migrate_8_sql, NULL},
	{NULL, db_migrate_keys},          {store_sql_migrate_10_sql, NULL},
	{store_sql_migrate_11_sql, NULL}, {store_sql_migrate_12_sql, NULL},
	{store_sql_migrate_13_sql, NULL}, {store_sql_migrate_14_sql, NULL},
	{store_sql_migrate_15_sql, NULL}, {store_sql_migrate_16_sql, NULL},
	{store_sql_migrate_17_sql, NULL}, {store_sql_migrate_18_sql, NULL},
	{store_sql_migrate_19_sql, NULL}, {store_sql_migrate_20_sql, NULL},
	{store_sql_migrate_21_sql, NULL}, {store_sql_migrate_22_sql, NULL},
	{store_sql_migrate_23_sql, NULL}, {store_sql_migrate_24_sql, NULL},
	{store_sql_migrate_25_sql, NULL}, {store_sql_migrate_26_sql, NULL},
	{store_sql_migrate_27_sql, NULL},
};
enum { SCHEMA_VERSION = ARRAY_LEN(steps) };

static int migrate(struct store *s, struct err *err)
{
	int64_t version;
	int r = db_int(s, "PRAGMA user_version", &version, err);
	if (r < 0 || version == SCHEMA_VERSION)
		return r;
	if (version < 0 || version > SCHEMA_VERSION)
		return err_set(err, ERR_UNSUPPORTED,
		               "it was written by a newer vdet (version %d); update vdet", (int)version);
	r = db_exec(s, "BEGIN IMMEDIATE", err);
	/* Another process may have migrated while this one waited for the lock. */
	if (r == 0)
		r = db_int(s, "PRAGMA user_version", &version, err);
	for (; r == 0 && version < SCHEMA_VERSION; version++) {
		char set[40];
		snprintf(set, sizeof set, "PRAGMA user_version = %d", (int)version + 1);
		r = steps[version].run ? steps[version].run(s, err) : db_exec(s, steps[version].sql, err);
		if (r == 0)
			r = db_exec(s, set, err);
	}
	return db_end(s, r, err);
}

/* While another process makes the same new journal, SQLite does not wait by
 * itself. */
static int set_wal(struct store *s, struct err *err)
{
	enum { TRIES = 200, PAUSE = 50 /* milliseconds */ };
	int r = SQLITE_BUSY;
	for (int i = 0; i < TRIES && r == SQLITE_BUSY; i++) {
		if (i)
			sqlite3_sleep(PAUSE);
		r = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	}
	return r == SQLITE_OK ? 0 : db_fail(s, r, err);
}

int store_open(const char *path, struct store **ret, struct err *err)
{
	AUTO(store_freep) struct store *s = mem_alloc(1, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	int r = sqlite3_open_v2(path, &s->db,
	                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (r != SQLITE_OK)
		return db_fail(s, r, err), err_wrap(err, "cannot open the journal %s", path);
	sqlite3_busy_timeout(s->db, DB_BUSY_WAIT);
	r = set_wal(s, err);
	/* FULL: a finished chunk survives a power cut too, not only a kill. MEMORY:
	 * a kill leaves no temporary file. secure_delete: what is deleted is
	 * overwritten. */
	if (r == 0)
		r = db_exec(s,
		            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
		            "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON",
		            err);
	if (r == 0)
		r = migrate(s, err);
	if (r == 0)
		r = db_open_words(s, err);
	if (r < 0)
		return err_wrap(err, "cannot use the journal %s", path);
	*ret = TAKE(s);
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	if (s->attached)
		s->free_attached(s->attached);
	sqlite3_close(s->db);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void *store_attached(struct store *s, void *(*make)(void), void (*free_it)(void *attached))
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	if (!locked->attached)
		locked->attached = make();
	locked->free_attached = free_it;
	return locked->attached;
}

const char *store_job_state_name(enum store_job_state state)
{
	static const char *const names[] = {"running", "complete", "holes"};
	return (size_t)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

void store_job_set_facts(struct store_job *j, const json_t *facts)
{
	free(j->facts);
	j->facts = json_dumps(facts, JSON_COMPACT);
}

void store_job_clear(struct store_job *j)
{
	free(j->id);
	free(j->key);
	free(j->source_name);
	free(j->facts);
	free(j->output);
	free(j->summary);
	free(j->summary_fallback);
	free(j->sentences);
	*j = (struct store_job){0};
}

static int insert_chunks(struct store *s, const char *job, const struct store_chunk *chunks,
                         size_t n, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "INSERT INTO chunk (job, idx, start_us, end_us) VALUES (?, ?, ?, ?)", &q,
	                   err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		db_bind(q, "siii", job, chunks[i].index, chunks[i].start, chunks[i].end);
		r = db_run(s, q, err);
	}
	return r;
}

/* In the transaction that adds the run, so that none is left over where the
 * entry was removed meanwhile, or is removed later. */
static int name_in_entry(struct store *s, int64_t entry, const char *job, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "UPDATE queue SET journal = ? WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", job, entry);
	r = db_run(s, q, err);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		r = err_set(err, ERR_CANCELED, "job %lld was deleted", (long long)entry);
	return r;
}

int store_job_add(struct store *s, const struct store_job *j, const struct store_chunk *chunks,
                  size_t n, int64_t entry, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_exec(s, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = db_prepare(
			s,
			"INSERT INTO job (id, key, source_name, facts, output, state, created, updated) "
			"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			&q, err);
	if (r == 0) {
		int64_t now = clock_wall();
		db_bind(q, "sssssiii", j->id, j->key, j->source_name, j->facts, j->output,
		        (int64_t)j->state, now, now);
		r = db_run(s, q, err);
	}
	if (r == 0)
		r = insert_chunks(s, j->id, chunks, n, err);
	if (r == 0 && entry)
		r = name_in_entry(s, entry, j->id, err);
	return db_end(locked, r, err);
}

/* The facts of a job are replaced, but what store_job_count_twice() counts is
 * kept: it is counted from several threads while others make the facts. The
 * text is bound two times. */
#define NEW_FACTS                                                                        \
	"facts = CASE WHEN CASE WHEN json_valid(facts) THEN json_type(facts, '$.twice') END" \
	" = 'object' THEN json_set(?, '$.twice', json_extract(facts, '$.twice')) ELSE ? END"

static int set_facts(struct store *s, const struct store_job *j, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "UPDATE job SET " NEW_FACTS ", updated = ? WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "ssis", j->facts, j->facts, clock_wall(), j->id);
	return db_run(s, q, err);
}

int store_job_extend(struct store *s, const struct store_job *j, const struct store_chunk *chunks,
                     size_t n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = db_exec(s, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = set_facts(s, j, err);
	if (r == 0)
		r = insert_chunks(s, j->id, chunks, n, err);
	return db_end(locked, r, err);
}

#define JOB_COLUMNS                                                                  \
	"SELECT id, key, source_name, facts, output, state, summary, summary_by_model, " \
	"summary_fallback, "                                                             \
	"created, updated, wall_time, engine_busy, "                                     \
	"(SELECT count(*) FROM chunk WHERE job = id), "                                  \
	"(SELECT count(*) FROM chunk WHERE job = id AND chunk.state = 1), "              \
	"(SELECT count(*) FROM chunk WHERE job = id AND chunk.state = 2), sentences FROM job "

static void read_job(sqlite3_stmt *q, struct store_job *j)
{
	*j = (struct store_job){
		.id = db_text(q, 0),
		.key = db_text(q, 1),
		.source_name = db_text(q, 2),
		.facts = db_text(q, 3),
		.output = db_text(q, 4),
		.state = (enum store_job_state)sqlite3_column_int(q, 5),
		.summary = db_text(q, 6),
		.summary_by_model = sqlite3_column_int(q, 7),
		.summary_fallback = db_text(q, 8),
		.created = sqlite3_column_int64(q, 9),
		.updated = sqlite3_column_int64(q, 10),
		.wall_time = sqlite3_column_int64(q, 11),
		.engine_busy = sqlite3_column_int64(q, 12),
		.chunks = sqlite3_column_int64(q, 13),
		.done = sqlite3_column_int64(q, 14),
		.holes = sqlite3_column_int64(q, 15),
		.sentences = db_text(q, 16),
	};
}

int store_job_find(struct store *s, const char *id, struct store_job *ret, struct err *err)
{
	size_t len = strlen(id);
	if (len < 3 || strspn(id, "0123456789abcdef") != len)
		return err_set(err, ERR_ARG,
		               "\"%s\" is not a job; give at least three digits of its id (see: vdet jobs)",
		               id);

	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, JOB_COLUMNS "WHERE key = ?1 OR substr(id, 1, length(?1)) = ?1 LIMIT 2", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", id);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_NOENT, "job %s not found (see: vdet jobs)", id);

	struct store_job j;
	read_job(q, &j);
	r = db_step(s, q, err);
	if (r != 0) {
		store_job_clear(&j);
		return r < 0 ? r
		             : err_set(err, ERR_ARG, "several jobs begin with %s; give more digits", id);
	}
	*ret = j;
	return 0;
}

int store_jobs_updated(struct store *s, const char *const *ids, size_t n, int64_t *ret,
                       struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = n ? db_prepare(locked, "SELECT updated FROM job WHERE id = ?", &q, err) : 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		db_bind(q, "s", ids[i]);
		r = db_step(s, q, err);
		ret[i] = r > 0 ? sqlite3_column_int64(q, 0) : 0;
		r = r < 0 ? r : 0;
	}
	return r;
}

int store_job_each(struct store *s, int (*fn)(void *, const struct store_job *), void *ctx,
                   struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, JOB_COLUMNS "ORDER BY created DESC, id", &q, err);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		struct store_job j;
		read_job(q, &j);
		r = fn(ctx, &j);
		store_job_clear(&j);
	}
	return r;
}

static int remove_job(struct store *s, const char *id, bool erase, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_exec(s, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = db_prepare(s, "DELETE FROM job WHERE id = ?", &q, err);
	if (r == 0) {
		db_bind(q, "s", id);
		r = db_run(s, q, err);
	}
	return db_end_removal(s, r, erase && r == 0 && sqlite3_changes(s->db) > 0, err);
}

int store_job_remove(struct store *s, const char *id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	int r = remove_job(locked, id, true, err);
	return r == -ERR_NOSPC ? remove_job(locked, id, false, err) : r;
}

int store_job_count_events(struct store *s, const char *id, int64_t events, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "UPDATE job SET facts = json_set(facts, '$.events', ?) WHERE id = ?",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "is", events, id);
	return db_run(s, q, err);
}

int store_job_update(struct store *s, const struct store_job *j, int64_t wall, int64_t busy,
                     struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked,
		"UPDATE job SET state = ?, summary = ?, summary_by_model = ?, summary_fallback = ?, "
		"sentences = ?, source_name = ?, " NEW_FACTS ", output = ?, updated = ?, "
		"wall_time = wall_time + ?, engine_busy = engine_busy + ? WHERE id = ?",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "isissssssiiis", (int64_t)j->state, j->summary, (int64_t)j->summary_by_model,
	        j->summary_fallback, j->sentences ? j->sentences : "", j->source_name, j->facts,
	        j->facts, j->output, clock_wall(), wall, busy, j->id);
	return db_run(s, q, err);
}

int store_job_count_twice(struct store *s, const char *job, bool different, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "UPDATE job SET facts = json_set(facts, '$.twice', json_object("
	                   "'chunks', 1 + coalesce(json_extract(facts, '$.twice.chunks'), 0), "
	                   "'different', ? + coalesce(json_extract(facts, '$.twice.different'), 0)))"
	                   " WHERE id = ?",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "is", (int64_t)different, job);
	return db_run(s, q, err);
}
