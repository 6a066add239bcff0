/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of standing questions: which videos were asked, and what was
 * found. As store.h: thread-safe, data is on disk when a call returns, returned
 * strings are freed by the _clear functions. Times: Unix time in
 * microseconds. */
#ifndef VDET_STORE_WATCH_H
#define VDET_STORE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct store_watch {
	int64_t id;    /* positive, never reused */
	char *key;     /* SHA-256 of what is asked of which videos */
	char *request; /* JSON object */
	char *who;     /* "" = not known */
	bool board;    /* of the server */
	int64_t created;
	int64_t asked, hits; /* how many videos; read only */
};
void store_watch_clear(struct store_watch *w);
void store_watches_free(struct store_watch *all, size_t n);

/* The one with this key, which is added if it is new. */
int store_watch_open(struct store *s, const struct store_watch *w, struct store_watch *ret,
                     struct err *err);
int store_watch_find(struct store *s, int64_t id, struct store_watch *ret, struct err *err);
/* Those of the server, oldest first; the caller frees with
 * store_watches_free(). */
int store_watches_list(struct store *s, struct store_watch **ret, size_t *ret_n, struct err *err);
/* With what is known of its videos. ERR_NOENT. */
int store_watch_remove(struct store *s, int64_t id, struct err *err);

/* How a hit is delivered. */
enum store_way { STORE_WAY_PRINT = 1, STORE_WAY_PROGRAM = 2, STORE_WAY_WEBHOOK = 4 };

/* A video that was asked. */
struct store_watched {
	int64_t id, watch;
	char *source; /* SHA-256 of the file */
	char *answer; /* id; "" = it cannot be asked, for the reason `fault` */
	char *fault;
	int64_t asked, tokens;
	char *message;    /* of a hit: JSON object; "" = it is none */
	int64_t released; /* of a hit: since when it may be sent; 0 = not yet */
	unsigned ways;    /* of a hit: enum store_way, by which it was delivered, or need not be */
	char *undelivered;
	char *request; /* of the standing question; read only */
};
void store_watched_clear(struct store_watched *w);
void store_watched_free(struct store_watched *all, size_t n);

/* Unless this video was asked before: *ret_new. */
int store_watched_add(struct store *s, const struct store_watched *w, bool *ret_new,
                      struct err *err);
int store_watched_has(struct store *s, int64_t watch, const char *source, bool *ret,
                      struct err *err);
/* Tokens of the answers since then. */
int store_watch_tokens(struct store *s, int64_t watch, int64_t since, int64_t *ret,
                       struct err *err);
/* Lets hits be sent, oldest first, so that there are at most `limit` (0 = no
 * limit) since `since`; *ret_held: how many may not yet. Of one standing
 * question, or with `watch` 0 of each of the server. */
int store_hits_release(struct store *s, int64_t watch, int64_t since, int64_t limit,
                       int64_t *ret_held, struct err *err);
/* Hits that were not delivered in this way, oldest first; `released`: only
 * those that may be sent. The caller frees with store_watched_free(). */
int store_hits_open(struct store *s, int64_t watch, enum store_way way, bool released,
                    struct store_watched **ret, size_t *ret_n, struct err *err);
/* The newest hits, newest first, before this id (0 = all); likewise. */
int store_hits_list(struct store *s, int64_t watch, int64_t before, size_t limit,
                    struct store_watched **ret, size_t *ret_n, struct err *err);
/* It was delivered in this way, or with `fault` given up. */
int store_hit_mark(struct store *s, int64_t id, enum store_way way, const char *fault,
                   struct err *err);

#endif
