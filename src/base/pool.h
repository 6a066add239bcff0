/* SPDX-License-Identifier: Apache-2.0 */
/* A few threads that do what would block somebody else: first come, first
 * served. pool_run() may be called from any thread; the work runs on a thread
 * of the pool, once. */
#ifndef VDET_BASE_POOL_H
#define VDET_BASE_POOL_H

#include <stddef.h>

#include "base/mem.h"

struct pool;

struct pool *pool_new(size_t threads); /* at least one thread is there, or it aborts */
void pool_free(struct pool *p);        /* first everything that waits is done */
DEFINE_FREEP(struct pool, pool)

void pool_run(struct pool *p, void (*work)(void *ctx), void *ctx);
/* work that no thread has taken yet: a measure to refuse more */
size_t pool_waiting(struct pool *p);

#endif
