/* SPDX-License-Identifier: Apache-2.0 */
/* Time: the monotonic clock, and how media times are written and read. All
 * media times inside the program are int64 microseconds of presentation time
 * from the start of the video's timeline; text only at the edges. */
#ifndef VDET_BASE_CLOCK_H
#define VDET_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_NONE INT64_MIN /* no time known */

int64_t clock_now(void);  /* monotonic, microseconds; for measuring and deadlines */
int64_t clock_wall(void); /* Unix time, microseconds */

#define CLOCK_TEXT_MAX 32
/* "01:02:03.456", or "-00:00:01.000"; cut to milliseconds. Returns out. */
const char *clock_text(int64_t us, char out[static CLOCK_TEXT_MAX]);
/* "01:02:03": the same cut to seconds. Returns out. */
const char *clock_whole(int64_t us, char out[static CLOCK_TEXT_MAX]);
/* "1:02:03" or "2:03", for people; rounded to seconds, 0 if negative.
 * Returns out. */
const char *clock_short(int64_t us, char out[static CLOCK_TEXT_MAX]);
/* "2026-11-22T10:00:00Z", UTC. Returns out. */
const char *clock_iso(int64_t unix_us, char out[static CLOCK_TEXT_MAX]);

/* Reads "90", "90.5", "1:30", "01:01:30.250", "90s", "250ms", "5min", "2h" as
 * microseconds, 0 <= t <= 10 years; else ERR_ARG. */
int clock_parse(const char *s, int64_t *ret_us, struct err *err);

#endif
