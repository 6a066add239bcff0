/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of questions about videos. As store.h: thread-safe, data is on
 * disk when a call returns, returned strings are freed by the _clear
 * functions. */
#ifndef VDET_STORE_ASK_H
#define VDET_STORE_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

struct store_ask {
	char *id;  /* 12 hexadecimal digits */
	char *key; /* SHA-256 of everything that the answer depends on */
	/* The same without what may change of the videos: the same question asked
	 * again has it, too. */
	char *asked;
	char *question;
	char *scope;  /* JSON array, see ask/ask.h */
	char *answer; /* JSON, vdet-answer/1; "" until it is finished */
	int64_t created, updated;
};
void store_ask_clear(struct store_ask *a);

/* The question with this key, which is added if it is new. */
int store_ask_open(struct store *s, const struct store_ask *a, struct store_ask *ret,
                   struct err *err);
/* By id, or a prefix of it (at least 3 digits). ERR_NOENT if there is none,
 * ERR_ARG if several have this prefix. */
int store_ask_find(struct store *s, const char *id, struct store_ask *ret, struct err *err);
/* The newest finished one that was asked so; ERR_NOENT. *ret_n: how many
 * finished ones there are. */
int store_ask_last(struct store *s, const char *asked, struct store_ask *ret, int64_t *ret_n,
                   struct err *err);
/* Calls fn for each, newest first; fn must not call the store. A result other
 * than 0 ends it, and is returned. */
int store_ask_each(struct store *s, int (*fn)(void *ctx, const struct store_ask *a), void *ctx,
                   struct err *err);
/* With replies and pictures. It is not an error if there is none. */
int store_ask_remove(struct store *s, const char *id, struct err *err);

/* A small picture of a cited frame. */
struct store_ask_picture {
	size_t cite, index; /* of the answer; of the frames of the cite */
	const char *source; /* SHA-256 of the file */
	const void *jpeg;   /* borrowed */
	size_t len;         /* bytes */
};
/* Signs an answer, JSON; NULL if it cannot be. The caller frees the result. Any
 * thread, several at once. */
typedef char *store_sign_fn(void *ctx, const char *answer);
/* From now on each answer is signed when it is finished, and kept so: nothing
 * that was changed later has a signature that holds. Before other threads use
 * the store; `ctx` is borrowed until store_free(). */
void store_ask_sign_with(struct store *s, store_sign_fn *sign, void *ctx);

/* The answer, signed, with its pictures, in one transaction. ERR_NOENT if the
 * question was removed, or has an answer already, which stays. */
int store_ask_finish(struct store *s, const char *id, const char *answer,
                     const struct store_ask_picture *pictures, size_t n, struct err *err);
/* Calls fn for each picture; what it points to is valid during the call; fn
 * must not call the store. */
int store_ask_pictures(struct store *s, const char *id,
                       void (*fn)(void *ctx, const struct store_ask_picture *p), void *ctx,
                       struct err *err);
/* Appends one of them; ERR_NOENT. */
int store_ask_picture(struct store *s, const char *id, int64_t cite, int64_t index, struct buf *out,
                      struct err *err);

/* The reply to a request of a question; ERR_NOENT. Adding replaces. The caller
 * frees *ret. */
int store_ask_reply_find(struct store *s, const char *id, const char *request, char **ret,
                         struct err *err);
int store_ask_reply_add(struct store *s, const char *id, const char *request, const char *text,
                        struct err *err);

/* A look at frames for a question, see ask/sight.h; as replies. `source`:
 * SHA-256 of the file; nothing is kept of one that has no job any more. */
int store_look_find(struct store *s, const char *key, char **ret, struct err *err);
int store_look_add(struct store *s, const char *key, const char *source, const char *result,
                   struct err *err);

/* ---- where files were seen */

/* The file at `path` with this stamp (file_stamp_all()) has this SHA-256. */
int store_place_set(struct store *s, const char *path, const char *stamp, const char *source,
                    struct err *err);
/* The SHA-256; ERR_NOENT if this file was not seen, or has another stamp now.
 * The caller frees *ret. */
int store_place_find(struct store *s, const char *path, const char *stamp, char **ret,
                     struct err *err);
/* The paths where files with this SHA-256 were seen, in order of the alphabet.
 * The caller frees with store_paths_free(). */
int store_place_of(struct store *s, const char *source, char ***ret, size_t *ret_n,
                   struct err *err);
void store_paths_free(char **paths, size_t n); /* NULL is fine */

#endif
