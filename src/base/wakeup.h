/* SPDX-License-Identifier: Apache-2.0 */
/* Wakes a thread that waits, as often as needed: an eventfd, so that it can be
 * polled together with others. Signals that come before the waiter takes them
 * count once. For stopping work for good there is base/cancel.h.
 * wakeup_signal() is async-signal-safe and may be called from any thread; only
 * one thread waits. */
#ifndef VDET_BASE_WAKEUP_H
#define VDET_BASE_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"

struct wakeup;

struct wakeup *wakeup_new(void);    /* aborts if there is no file descriptor left */
void wakeup_free(struct wakeup *w); /* NULL is fine */
void wakeup_signal(struct wakeup *w);
bool wakeup_take(
	struct wakeup *w); /* whether it was signalled since the last call; does not block */
int wakeup_fd(const struct wakeup *w); /* for poll(): readable while a signal is not taken */

/* Blocks until it is signalled, and takes that; false after `timeout`
 * microseconds (negative: never), or once `cancel` (may be NULL) has fired. */
bool wakeup_wait(struct wakeup *w, const struct cancel *cancel, int64_t timeout);

#endif
