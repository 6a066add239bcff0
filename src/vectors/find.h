/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what is nearest to a vector in the journal. All vectors of a space are
 * compared: they are read into memory once for each open store, and what
 * changed since then before each search. Blocks for the disk; safe to call from
 * any thread. Times: microseconds of the video. */
#ifndef VDET_VECTORS_FIND_H
#define VDET_VECTORS_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"
#include "store/vector.h"

/* Memory for the vectors of one space. */
#define VECTORS_BYTES_MAX ((size_t)2 << 30)

struct vectors_query {
	const struct store_space *space;
	const float *vector;     /* space->dim numbers */
	const char *const *jobs; /* ids of runs */
	size_t n_jobs;
	int64_t from, to; /* what overlaps this part of the video; to 0 = its end */
	size_t most;
};
struct vectors_hit {
	size_t job;                     /* index into the jobs of the query */
	int64_t chunk, passage, sample; /* as in struct store_vectorless */
	int64_t start, end;
	float cosine;
};
/* Best first; the caller frees *ret. Something is always nearest: where there
 * are many vectors, only those count that are nearer than most. *ret_all: how
 * many were compared; 0 if the jobs have none. */
int vectors_find(struct store *s, const struct vectors_query *q, struct vectors_hit **ret,
                 size_t *ret_n, size_t *ret_all, struct err *err);

#endif
