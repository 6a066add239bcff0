/* SPDX-License-Identifier: Apache-2.0 */
/* A cancel that fires at a deadline, and with another one: what is running when
 * the time of a budget ends is stopped. Any thread. */
#ifndef VDET_ASK_LIMIT_H
#define VDET_ASK_LIMIT_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/mem.h"

struct limit;

/* `deadline`: clock_now(). `canceled` is borrowed, and may be NULL. NULL: no
 * thread could be started. */
struct limit *limit_new(const struct cancel *canceled, int64_t deadline);
/* After all that observe its cancel have ended. */
void limit_free(struct limit *l);
DEFINE_FREEP(struct limit, limit)

struct cancel *limit_cancel(struct limit *l);

#endif
