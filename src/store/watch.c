/* SPDX-License-Identifier: Apache-2.0 */
#include "store/watch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/db.h"

void store_watch_clear(struct store_watch *w)
{
	free(w->key);
	free(w->request);
	free(w->who);
	*w = (struct store_watch){0};
}

void store_watches_free(struct store_watch *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store_watch_clear(&all[i]);
	free(all);
}

void store_watched_clear(struct store_watched *w)
{
	free(w->source);
	free(w->answer);
	free(w->fault);
	free(w->message);
	free(w->undelivered);
	free(w->request);
	*w = (struct store_watched){0};
}

void store_watched_free(struct store_watched *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store_watched_clear(&all[i]);
	free(all);
}

/* ---- standing questions */

#define WATCH                                                 \
	"SELECT id, key, request, who, board, created, "          \
	"(SELECT count(*) FROM watched WHERE watch = watch.id), " \
	"(SELECT count(*) FROM watched WHERE watch = watch.id AND message <> '') FROM watch "

static void read_watch(sqlite3_stmt *q, struct store_watch *ret)
{
	*ret = (struct store_watch){.id = sqlite3_column_int64(q, 0),
	                            .key = db_text(q, 1),
	                            .request = db_text(q, 2),
	                            .who = db_text(q, 3),
	                            .board = sqlite3_column_int64(q, 4) != 0,
	                            .created = sqlite3_column_int64(q, 5),
	                            .asked = sqlite3_column_int64(q, 6),
	                            .hits = sqlite3_column_int64(q, 7)};
}

static int no_watch(int64_t id, struct err *err)
{
	return err_set(err, ERR_NOENT, "there is no standing question %lld", (long long)id);
}

int store_watch_open(struct store *s, const struct store_watch *w, struct store_watch *ret,
                     struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *add = NULL, *q = NULL;
	int r = db_prepare(locked,
	                   "INSERT INTO watch (key, board, request, who, created) "
	                   "VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
	                   &add, err);
	if (r == 0)
		r = db_prepare(s, WATCH "WHERE key = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(add, "sissi", w->key, (int64_t)w->board, w->request, w->who, clock_wall());
	r = db_run(s, add, err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	db_bind(q, "s", w->key);
	r = db_step(s, q, err);
	if (r > 0)
		read_watch(q, ret);
	return r > 0 ? 0 : r < 0 ? r : err_set(err, ERR_INTERNAL, "the standing question is gone");
}

int store_watch_find(struct store *s, int64_t id, struct store_watch *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, WATCH "WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", id);
	r = db_step(s, q, err);
	if (r > 0)
		read_watch(q, ret);
	return r > 0 ? 0 : r < 0 ? r : no_watch(id, err);
}

int store_watches_list(struct store *s, struct store_watch **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	struct store_watch *all = NULL;
	size_t n = 0, cap = 0;
	int r = db_prepare(locked, WATCH "WHERE board = 1 ORDER BY id", &q, err);
	while (r >= 0 && (r = db_step(s, q, err)) > 0) {
		all = mem_room(all, n, &cap, sizeof *all);
		read_watch(q, &all[n++]);
	}
	if (r < 0) {
		store_watches_free(all, n);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int store_watch_remove(struct store *s, int64_t id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "DELETE FROM watch WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", id);
	r = db_run(s, q, err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	return sqlite3_changes(s->db) ? 0 : no_watch(id, err);
}

/* ---- videos that were asked */

int store_watched_add(struct store *s, const struct store_watched *w, bool *ret_new,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "INSERT INTO watched (watch, source, answer, fault, asked, tokens, "
	                   "message, released, ways, undelivered) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, "
	                   "'') ON CONFLICT (watch, source) DO NOTHING",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "isssiisi", w->watch, w->source, w->answer, w->fault, clock_wall(), w->tokens,
	        w->message, (int64_t)w->ways);
	r = db_run(s, q, err);
	if (r < 0)
		return err_wrap(err, "cannot write the journal");
	*ret_new = sqlite3_changes(s->db) != 0;
	return 0;
}

int store_watched_has(struct store *s, int64_t watch, const char *source, bool *ret,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT 1 FROM watched WHERE watch = ? AND source = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "is", watch, source);
	r = db_step(s, q, err);
	*ret = r > 0;
	return r < 0 ? r : 0;
}

int store_watch_tokens(struct store *s, int64_t watch, int64_t since, int64_t *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		locked, "SELECT coalesce(sum(tokens), 0) FROM watched WHERE watch = ? AND asked >= ?", &q,
		err);
	if (r < 0)
		return r;
	db_bind(q, "ii", watch, since);
	r = db_step(s, q, err);
	if (r > 0)
		*ret = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

/* ---- hits */

/* The standing questions of a call: this one, or with 0 those of the server. */
#define OF_WATCH "(watch = ?1 OR (?1 = 0 AND watch IN (SELECT id FROM watch WHERE board = 1)))"

static int release(struct store *s, int64_t watch, int64_t since, int64_t limit, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	/* The n-th hit of its question that waits needs n free places. */
	int r = db_prepare(
		s,
		"UPDATE watched SET released = ?4 WHERE id IN (SELECT id FROM (SELECT id, "
		"row_number() OVER (PARTITION BY watch ORDER BY id) AS nth, (SELECT count(*) FROM "
		"watched w WHERE w.watch = watched.watch AND w.released >= ?2) AS used FROM watched "
		"WHERE message <> '' AND released = 0 AND " OF_WATCH ") WHERE ?3 = 0 OR nth + used <= "
		"?3)",
		&q, err);
	if (r < 0)
		return r;
	db_bind(q, "iiii", watch, since, limit, clock_wall());
	return db_run(s, q, err);
}

static int count_held(struct store *s, int64_t watch, int64_t *ret, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(
		s, "SELECT count(*) FROM watched WHERE message <> '' AND released = 0 AND " OF_WATCH, &q,
		err);
	if (r < 0)
		return r;
	db_bind(q, "i", watch);
	r = db_step(s, q, err);
	if (r > 0)
		*ret = sqlite3_column_int64(q, 0);
	return r < 0 ? r : 0;
}

int store_hits_release(struct store *s, int64_t watch, int64_t since, int64_t limit,
                       int64_t *ret_held, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	/* Nothing is written where nothing waits. */
	int r = count_held(locked, watch, ret_held, err);
	if (r == 0 && *ret_held)
		r = release(s, watch, since, limit, err);
	if (r == 0 && *ret_held)
		r = count_held(s, watch, ret_held, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

#define HIT                                                                               \
	"SELECT watched.id, watch, source, answer, fault, asked, tokens, message, released, " \
	"ways, undelivered, (SELECT request FROM watch w WHERE w.id = watched.watch) "        \
	"FROM watched WHERE message <> '' AND "

static void read_hit(sqlite3_stmt *q, struct store_watched *ret)
{
	*ret = (struct store_watched){.id = sqlite3_column_int64(q, 0),
	                              .watch = sqlite3_column_int64(q, 1),
	                              .source = db_text(q, 2),
	                              .answer = db_text(q, 3),
	                              .fault = db_text(q, 4),
	                              .asked = sqlite3_column_int64(q, 5),
	                              .tokens = sqlite3_column_int64(q, 6),
	                              .message = db_text(q, 7),
	                              .released = sqlite3_column_int64(q, 8),
	                              .ways = (unsigned)sqlite3_column_int64(q, 9),
	                              .undelivered = db_text(q, 10),
	                              .request = db_text(q, 11)};
}

static int read_hits(struct store *s, sqlite3_stmt *q, struct store_watched **ret, size_t *ret_n,
                     struct err *err)
{
	struct store_watched *all = NULL;
	size_t n = 0, cap = 0;
	int r;
	while ((r = db_step(s, q, err)) > 0) {
		all = mem_room(all, n, &cap, sizeof *all);
		read_hit(q, &all[n++]);
	}
	if (r < 0) {
		store_watched_free(all, n);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int store_hits_open(struct store *s, int64_t watch, enum store_way way, bool released,
                    struct store_watched **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   HIT OF_WATCH " AND (ways & ?2) = 0 AND (?3 = 0 OR released <> 0) "
	                                "ORDER BY watched.id",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "iii", watch, (int64_t)way, (int64_t)released);
	return read_hits(s, q, ret, ret_n, err);
}

int store_hits_list(struct store *s, int64_t watch, int64_t before, size_t limit,
                    struct store_watched **ret, size_t *ret_n, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   HIT OF_WATCH " AND (?2 = 0 OR watched.id < ?2) "
	                                "ORDER BY watched.id DESC LIMIT ?3",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "iii", watch, before, (int64_t)limit);
	return read_hits(s, q, ret, ret_n, err);
}

int store_hit_mark(struct store *s, int64_t id, enum store_way way, const char *fault,
                   struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked,
	                   "UPDATE watched SET ways = ways | ?2, undelivered = CASE WHEN ?3 = '' THEN "
	                   "undelivered ELSE ?3 END WHERE id = ?1",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "iis", id, (int64_t)way, fault ? fault : "");
	r = db_run(s, q, err);
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}
