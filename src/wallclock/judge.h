/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the picture continues where a clock jumps. Pure; any thread. */
#ifndef VDET_WALLCLOCK_JUDGE_H
#define VDET_WALLCLOCK_JUDGE_H

#include "wallclock/wallclock.h"

/* Mean levels of a grid of cells. */
enum { JUDGE_W = 32, JUDGE_H = 18, JUDGE_CELLS = JUDGE_W * JUDGE_H };

struct judge_picture {
	int64_t time;
	uint8_t cells[JUDGE_CELLS];
};

/* Compares the two frames around a break with each other, and with what changes
 * between the frames on either side of it: from one frame to the next, and over
 * several of them. Cells of the clock itself do not count. p: ascending by
 * time. Sets verdict and why. A `why` that it
 * has before is a doubt: then it is not said to be set. */
void wallclock_judge(const struct judge_picture *p, size_t n, const struct wallclock_clock *c,
                     struct wallclock_break *b);

#endif
