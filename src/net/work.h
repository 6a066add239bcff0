/* Threads that do what may wait. Any thread may add; order of the beginning is that of adding. */
#ifndef VDET_NET_WORK_H
#define VDET_NET_WORK_H

#include <stddef.h>

#include "base/mem.h"

struct work;

struct work *work_new(size_t threads);
void work_free(struct work *w); /* does what was added, then ends */
DEFINE_FREEP(struct work, work)

void work_add(struct work *w, void (*fn)(void *ctx), void *ctx);
size_t work_waiting(struct work *w); /* added and not yet begun */

#endif
