/* SPDX-License-Identifier: Apache-2.0 */
/* Fits lines to the readings of a clock: what it shows at each time of the
 * video, how fast it runs, and where it jumps. Readings that are on no line are
 * errors of recognition, and are left out. Pure; any thread.
 *
 * 1. Speed: the one at which the most neighbours agree, 1 if that is as good.
 * 2. Pieces: a reading that does not follow the last ones begins a new piece if
 *    another one follows from it; otherwise it is left out.
 * 3. Small jumps: what a clock that is cut to seconds hides in two readings
 *    shows in the means of a dozen before and after.
 * 4. Each piece gets its line; neighbours on one line become one piece.
 * 5. A clock of hours from 1 to 12 without AM is one of 12 hours if that needs
 *    fewer jumps. Of a date that can be read in several ways, those count that
 *    need the fewest jumps: at midnight, a wrong one jumps by a month. */
#ifndef VDET_WALLCLOCK_FIT_H
#define VDET_WALLCLOCK_FIT_H

#include "wallclock/parse.h"
#include "wallclock/wallclock.h"

struct wallclock_point {
	int64_t time; /* of the video: of the frame that was read */
	char *text;   /* as read; "" if nothing was */
	bool timed;   /* it has a time: `reading` */
	struct wallclock_reading reading;
	bool used; /* set by wallclock_fit(): it is on a line */
};

enum { WALLCLOCK_POINTS_MAX = 20000 };

/* Points ascending by time. Fills fits, breaks (without a verdict), format,
 * unit, period and dated of `ret`, which has none of them yet; the owner frees
 * them with it. False, with `ret` as it was, if fewer than three readings are
 * on one line. */
bool wallclock_fit(struct wallclock_point *p, size_t n, struct wallclock_clock *ret);
/* Frees what wallclock_fit() filled, so that it can be called again. */
void wallclock_unfit(struct wallclock_clock *c);

/* Whether the clock only counts the time of the video from its start. */
bool wallclock_is_counter(const struct wallclock_clock *c);

#endif
