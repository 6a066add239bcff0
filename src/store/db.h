/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite helpers of this module. Results: 0, a negative err code, or 1 if there
 * is a row. */
#ifndef VDET_STORE_DB_H
#define VDET_STORE_DB_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { DB_BUSY_WAIT = 10000 /* milliseconds */ };

struct store {
	sqlite3 *db;
	pthread_mutex_t lock;
	void *attached; /* or NULL */
	void (*free_attached)(void *attached);
	char *(*sign)(void *ctx, const char *answer); /* see store_ask_sign_with() */
	void *sign_ctx;
};

struct store *db_lock(struct store *s);
void db_unlockp(struct store **s); /* for AUTO */

int db_fail(struct store *s, int result, struct err *err); /* err from an SQLite result code */
int db_exec(struct store *s, const char *sql, struct err *err);
int db_int(struct store *s, const char *sql, int64_t *ret, struct err *err);
int db_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct err *err);
void db_freep(sqlite3_stmt **q);
/* Binds the parameters 1… after resetting: s = const char *, i = int64_t, d =
 * double, b = const void *, size_t. The values must live until the statement is
 * run. */
void db_bind(sqlite3_stmt *q, const char *types, ...);
int db_step(struct store *s, sqlite3_stmt *q, struct err *err); /* 1 row, 0 end */
int db_run(struct store *s, sqlite3_stmt *q, struct err *err);  /* to its end */
/* Prepares and runs each of n statements, with the same values: see db_bind(). */
int db_run_each(struct store *s, const char *const *statements, size_t n, struct err *err,
                const char *types, ...);
/* COMMIT if r is 0, else ROLLBACK; returns r */
int db_end(struct store *s, int r, struct err *err);
/* Likewise, of a transaction that removed a run: with `erase` its words are not
 * left in the file. That needs space for both indexes: where there is none
 * (ERR_NOSPC), try again without, since removing is how space is made; the next
 * removal erases the words of this one, too. match.c */
int db_end_removal(struct store *s, int r, bool erase, struct err *err);
/* Opens what this connection reads of the full-text indexes. match.c */
int db_open_words(struct store *s, struct err *err);
/* queue.c; with the lock */
struct store_video;
struct store_entry;
struct store_chunk;
int db_add_video(struct store *s, const struct store_video *v, int64_t *ret_id, struct err *err);
int db_add_entry(struct store *s, const struct store_entry *e, int64_t *ret_id, struct err *err);
/* A chunk's result, whole; with the lock, in a transaction. chunk.c */
int db_save_chunk(struct store *s, const char *job, const struct store_chunk *c, struct err *err);
/* Texts of a run; and where those of a kind come from: all of it, with `fault`,
 * then each source. With the lock, in a transaction. transcript.c */
struct store_transcript;
struct store_text_source;
int db_add_texts(struct store *s, const char *job, const struct store_transcript *t,
                 struct err *err);
int db_add_text_sources(struct store *s, const char *job, const char *kind, const char *fault,
                        const struct store_text_source *v, size_t n, struct err *err);
/* The text of the only row; ERR_NOENT with `none` if there is no row. */
int db_one_text(struct store *s, sqlite3_stmt *q, const char *none, char **ret, struct err *err);
char *db_text(sqlite3_stmt *q, int column); /* copied, never NULL */
/* `word` anywhere in a text, for LIKE … ESCAPE '\\'; the caller frees. */
char *db_like(const char *word);

int db_migrate_keys(struct store *s, struct err *err); /* a step of the migration */

#endif
