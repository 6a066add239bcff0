/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of passages and of pictures, by which they are found by meaning. As
 * store.h: thread-safe; calls block for the disk. A vector goes with what it
 * was made of. Times: microseconds of the video. */
#ifndef VDET_STORE_VECTOR_H
#define VDET_STORE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/* Vectors that can be compared: made by one model in one way. */
struct store_space {
	const char *model, *hash; /* hash of its files; "" = not known */
	const char *lead;         /* what was put before each text; "" = nothing */
	bool pictures;            /* else of texts */
	size_t dim;               /* numbers in a vector */
};
/* *ret: its id; 0 if there is none. With `add` it is made. */
int store_space_find(struct store *s, const struct store_space *space, bool add, int64_t *ret,
                     struct err *err);

/* A passage or a frame without a vector. */
struct store_vectorless {
	int64_t place;         /* ascending in the order of the list */
	int64_t passage;       /* 0: a frame */
	int64_t chunk, sample; /* sample -1: a passage */
	char *who, *text;      /* of a passage; who: its subject, "" = none */
	void *picture;         /* JPEG of a frame */
	size_t picture_len;
};
/* At most `most` of a run, those after `place` (0 = from the first). To be
 * freed with store_vectorless_free(). */
int store_vectorless_load(struct store *s, const char *job, int64_t space, bool pictures,
                          int64_t place, size_t most, struct store_vectorless **ret, size_t *ret_n,
                          struct err *err);
void store_vectorless_free(struct store_vectorless *v, size_t n); /* NULL is fine */

struct store_vector {
	const struct store_vectorless *of;
	const int8_t *data; /* dim bytes */
	double scale;
};
/* In one transaction. Left out is what was changed or removed meanwhile. */
int store_vectors_add(struct store *s, const char *job, int64_t space, size_t dim,
                      const struct store_vector *v, size_t n, struct err *err);

struct store_vector_row {
	int64_t id;
	const char *job;
	int64_t chunk, passage, sample; /* as in struct store_vectorless */
	int64_t start, end;
	double scale;
	const int8_t *data; /* dim bytes */
};
/* What was read before; zero at first. */
struct store_vectors_seen {
	int64_t last;    /* largest id */
	int64_t removed; /* how many had gone */
};
/* Reads the vectors of a space that are new since *seen, in order of id, and
 * updates it. If others are gone since then, all are read: `forget` is called
 * before. Neither callback may call the store. Rows of another length than
 * `dim` are left out. */
int store_vectors_load(struct store *s, int64_t space, bool pictures, size_t dim,
                       struct store_vectors_seen *seen, void (*forget)(void *ctx),
                       int (*row)(void *ctx, const struct store_vector_row *row, struct err *err),
                       void *ctx, struct err *err);

#endif
