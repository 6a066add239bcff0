/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that look at frames: one more than the engine has slots, so that
 * frames are decoded while the engine works on others. Internal to src/ask/. */
#ifndef VDET_ASK_LANES_H
#define VDET_ASK_LANES_H

#include "ask/asking.h"

/* Calls work() for each of the n items of `size` bytes, whose first member is
 * the size_t index of its source. `w` has the decoder of that source, and is
 * that of one lane. Returns when all are done, or when asking_goes_on() says no
 * for `share`; the rest is left out. *ret_done: items that were worked on. */
void lanes_run(struct asking *a, double share,
               void (*work)(struct asking *a, struct describe_worker *w, void *item), void *items,
               size_t n, size_t size, size_t *ret_done);

/* Whether looks and checks are given to a runner: they are not done with the
 * decoder of `w` then, and there are as many lanes as the runner takes. */
bool lanes_give(const struct asking *a);

/* The same for work without requests to the engine: no budget, unless
 * canceled. */
void lanes_all(struct asking *a,
               void (*work)(struct asking *a, struct describe_worker *w, void *item), void *items,
               size_t n, size_t size);

#endif
