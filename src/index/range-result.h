/* SPDX-License-Identifier: Apache-2.0 */
/* From the frames of a closely decoded stretch to what the index keeps of them.
 * Pure; any thread. */
#ifndef VDET_INDEX_RANGE_RESULT_H
#define VDET_INDEX_RANGE_RESULT_H

#include "index/activity.h"

struct range_result {
	struct decoded_range range; /* motion is owned */
	struct cut_list cuts;       /* pts within (from, to] */
	struct index_key *keys;     /* a few a second */
	size_t n_keys;
	int64_t frames;
};
void range_result_clear(struct range_result *r);

/* n frames in order, beginning at `from`; they may go on behind `to`, for what
 * is seen only afterwards. */
void range_judge(const struct signature *s, size_t n, int64_t from, int64_t to, bool exact,
                 bool at_start, struct range_result *ret);

struct index_key index_key_of(const struct signature *s);

#endif
