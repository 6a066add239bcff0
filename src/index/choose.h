/* SPDX-License-Identifier: Apache-2.0 */
/* Which stretches are worth a close look, and what can be said of cuts where
 * there was none. Pure; any thread. */
#ifndef VDET_INDEX_CHOOSE_H
#define VDET_INDEX_CHOOSE_H

#include "index/activity.h"

struct range {
	int64_t from, to; /* from is a keyframe's time */
};

/* For the curve: the stretches where packets say most that something happened,
 * where two keyframes differ without a reason that packets show, and where
 * keyframes are rarer than max_gap; together at most `budget` microseconds. For
 * scenes: every stretch in which a cut is possible, whatever that takes.
 * Ascending, none longer than a minute unless one keyframe interval is. The
 * caller frees. */
struct range *choose_ranges(const struct interval *list, size_t n, const float *packets,
                            const struct video_index *x, int64_t max_gap, int64_t budget,
                            bool scenes, size_t *ret_n);

/* Cuts between keyframes outside the ranges: where the two are different
 * pictures. Their time is uncertain by the whole distance, unless one packet
 * stands out as a picture coded anew. */
void choose_cuts(const struct interval *list, size_t n, const struct range *ranges, size_t n_ranges,
                 struct cut_list *out);

#endif
