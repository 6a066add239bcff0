/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a clock through a whole recording with a limited number of readings:
 * at regular times, then where it jumps, by bisection to the frame, and beside
 * readings that fit nowhere. How a reading is made is up to the caller. Blocks
 * as long as these; one thread. */
#ifndef VDET_WALLCLOCK_FOLLOW_H
#define VDET_WALLCLOCK_FOLLOW_H

#include "wallclock/fit.h"

/* One reading: `time` is asked for, and then that of the frame that was read;
 * text is owned by the list, "" or NULL if nothing was read. */
struct wallclock_look {
	int64_t time;
	char *text;
};

enum {
	WALLCLOCK_REGULAR_MIN = 60,  /* readings at regular times: of short recordings */
	WALLCLOCK_REGULAR_MAX = 600, /* of long ones: one a minute of ten hours */
	WALLCLOCK_READS_MAX = 1500,  /* in all */
};

struct wallclock_follow {
	int64_t duration;
	int64_t frame; /* usual distance of two frames, microseconds; > 0 */
	/* Fills n looks, ascending by time. near: another frame close to it does,
	 * too. A failure ends the search, and is returned. */
	int (*look)(void *ctx, struct wallclock_look *looks, size_t n, bool near, struct err *err);
	void *ctx;
};

/* Fills everything of *ret that depends on readings: fits, breaks without a
 * verdict, samples, format, unit, period, dated. *ret_reads: how many readings
 * were made. *ret_found: whether it is a clock; if not, only the samples are
 * filled. */
int wallclock_follow(const struct wallclock_follow *f, struct wallclock_clock *ret,
                     size_t *ret_reads, bool *ret_found, struct err *err);

#endif
