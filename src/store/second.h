/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of second passes: chunks that are described again. As store.h:
 * thread-safe, data is on disk when a call returns. */
#ifndef VDET_STORE_SECOND_H
#define VDET_STORE_SECOND_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct store_second {
	int64_t chunk;
	char *context;  /* what the request says of the parts before and after */
	int64_t *times; /* of its frames, ascending, microseconds; at least one */
	size_t n_times;
	char *earlier; /* JSON: what the first pass said; "" = it was not described again yet */
	char *reason;  /* why that failed; "" = it did not */
};
void store_seconds_free(struct store_second *v, size_t n); /* NULL is fine */

/* Adds chunks that are to be described again, in one transaction; what is known
 * of a chunk stays. */
int store_seconds_add(struct store *s, const char *job, const struct store_second *v, size_t n,
                      struct err *err);
/* In order of their chunks. */
int store_seconds_load(struct store *s, const char *job, struct store_second **ret, size_t *ret_n,
                       struct err *err);
/* Replaces the result of the chunk, and keeps what it was: in one transaction.
 * ERR_NOENT if the job was removed. */
int store_second_save(struct store *s, const char *job, const struct store_chunk *c,
                      const char *earlier, struct err *err);
/* The first result stays. */
int store_second_fail(struct store *s, const char *job, int64_t chunk, const char *reason,
                      struct err *err);

#endif
