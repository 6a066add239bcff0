/* SPDX-License-Identifier: Apache-2.0 */
/* Limits per day (UTC), and pauses before further tries. Times: microseconds,
 * Unix time where not said otherwise. Pure functions. */
#ifndef VDET_WATCH_LIMIT_H
#define VDET_WATCH_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* When the day of this moment began. */
int64_t limit_day(int64_t now);
/* How long to wait until `used` of `limit` (0 = no limit) allows more: 0, or
 * until the day ends. */
int64_t limit_wait(int64_t used, int64_t limit, int64_t now);
/* The pause after so many failures in a row, from 1: it doubles from a second
 * to an hour. */
int64_t limit_pause(int tries);

#endif
