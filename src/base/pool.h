/* SPDX-License-Identifier: Apache-2.0 */
/* A few threads for work that would block its caller, in the order of the
 * calls. pool_run() and pool_waiting() may be called from any thread, and do
 * not block; the work runs once, on a thread of the pool, and `ctx` must be
 * valid until it ends. The queue has no limit of its own: see
 * pool_waiting(). */
#ifndef VDET_BASE_POOL_H
#define VDET_BASE_POOL_H

#include <stddef.h>

#include "base/mem.h"

struct pool;

/* Starts up to `threads` threads; aborts if not even one starts. */
struct pool *pool_new(size_t threads);
/* Blocks until everything that waits is done. NULL is fine. */
void pool_free(struct pool *p);
DEFINE_FREEP(struct pool, pool)

void pool_run(struct pool *p, void (*work)(void *ctx), void *ctx);
/* How much work no thread has taken yet; callers refuse more above a limit. */
size_t pool_waiting(struct pool *p);

#endif
