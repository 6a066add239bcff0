/* SPDX-License-Identifier: Apache-2.0 */
/* One flag that stops blocking work for good: set once, seen by every thread
 * and by every poll(). What is signalled again and again is a base/wakeup.h.
 * cancel_fire() is async-signal-safe; everything else may be called from any
 * thread. The owner frees it after all that observe it have ended. */
#ifndef VDET_BASE_CANCEL_H
#define VDET_BASE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

struct cancel;

struct cancel *cancel_new(void); /* aborts if there is no file descriptor left */
void cancel_free(struct cancel *c);
void cancel_fire(struct cancel *c);
bool cancel_fired(const struct cancel *c); /* false for NULL */
int cancel_fd(const struct cancel *c);     /* for poll(): readable once fired; -1 for NULL */

/* Blocks until this time of clock_now(); true, and at once, if one of them (may
 * be NULL) has fired meanwhile. */
bool cancel_wait_until(const struct cancel *a, const struct cancel *b, int64_t until);

#endif
