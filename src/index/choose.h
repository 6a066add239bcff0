/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the ranges to decode, and estimates cuts where nothing was decoded.
 * Pure; any thread. */
#ifndef VDET_INDEX_CHOOSE_H
#define VDET_INDEX_CHOOSE_H

#include "index/activity.h"

struct range {
	int64_t from, to; /* from is the time of a keyframe */
};

/* For the activity curve: ranges where packets show the most activity, where
 * two keyframes differ and the packets do not show why, and where keyframes are
 * further apart than max_gap; together at most `budget` microseconds. For
 * scenes: every range in which a cut is possible, without a limit. Ascending;
 * none is longer than a minute unless one keyframe interval is. The caller
 * frees them. */
struct range *choose_ranges(const struct interval *list, size_t n, const float *packets,
                            const struct video_index *x, int64_t max_gap, int64_t budget,
                            bool scenes, size_t *ret_n);

/* How many microseconds of the part [from, to) may be decoded in full;
 * INT64_MAX = all. `effort` as in struct indexer_options; `decoded` is how much
 * of the video before was decoded. */
int64_t choose_budget(double effort, const struct packet_scan *w, int64_t from, int64_t to,
                      int64_t decoded);

/* Cuts between keyframes outside the ranges, where two keyframes show different
 * scenes. The uncertainty of their time is the whole interval, unless one
 * packet is much larger than the others, as at a cut. */
void choose_cuts(const struct interval *list, size_t n, const struct range *ranges, size_t n_ranges,
                 struct cut_list *out);

#endif
