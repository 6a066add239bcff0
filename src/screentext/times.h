/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames of a video are read for writing: those that the index says are
 * new. Pure. Times: microseconds of the video. */
#ifndef VDET_SCREENTEXT_TIMES_H
#define VDET_SCREENTEXT_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The distance of two samples while the picture changes, and while it does
 * not. */
#define TEXT_STEP_MOVING INT64_C(2000000)
#define TEXT_STEP_STILL INT64_C(60000000)

/* What of the index of a video is used here (index/index.h); borrowed. */
struct text_changes {
	int64_t bin; /* width of a bin */
	size_t n_bins;
	const float *activity; /* per bin: 0 = the picture does not change, to 1 */
	/* First frame after a cut; for a gradual change from its first to its last
	 * frame. Ascending. */
	const struct text_cut {
		int64_t from, to;
	} * cuts;
	size_t n_cuts;
};

struct text_sample {
	int64_t time;
	/* In [from, until) the picture looks as it does at this time, as far as the
	 * index says; both are `time` where it changes all the time. */
	int64_t from, until;
};

struct text_samples {
	struct text_sample *items; /* ascending by time */
	size_t n, cap;
};
void text_samples_clear(struct text_samples *s);

/* The samples of [from, to): one for each shot and each change inside it, after
 * it has settled, and more by the steps above. x: NULL = it is not known what
 * changes. The caller clears *ret. */
void text_samples_make(const struct text_changes *x, int64_t from, int64_t to,
                       struct text_samples *ret);

#endif
