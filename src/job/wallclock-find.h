/* SPDX-License-Identifier: Apache-2.0 */
/* Finds where a clock is in the picture. Internal to job/wallclock.c. */
#ifndef VDET_JOB_WALLCLOCK_FIND_H
#define VDET_JOB_WALLCLOCK_FIND_H

#include "job/wallclock-look.h"

enum { CLOCK_FRAMES = 8 };

/* Frames over the recording, which are read again and again. */
struct clock_frames {
	struct frame list[CLOCK_FRAMES];
	size_t n;
};
void clock_frames_clear(struct clock_frames *f);

/* Fails as clock_view_frames() does. */
int clock_frames_take(struct clock_view *v, struct clock_frames *ret, struct err *err);

/* Reads the frames turned by so many degrees: lines that are times, at the same
 * place in several frames; of these the place whose time advances. *ret_found:
 * it is in v->place. Fails as clock_view_read() does. */
int clock_find(struct clock_view *v, const struct clock_frames *f, int turn, bool *ret_found,
               struct err *err);

#endif
