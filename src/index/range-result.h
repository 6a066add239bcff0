/* SPDX-License-Identifier: Apache-2.0 */
/* Extracts from the frames of a decoded range what the index stores. Pure; any
 * thread. */
#ifndef VDET_INDEX_RANGE_RESULT_H
#define VDET_INDEX_RANGE_RESULT_H

#include "index/activity.h"

struct range_result {
	struct decoded_range range; /* motion is owned */
	struct cut_list cuts;       /* pts within (from, to] */
	struct index_key *keys;     /* a few per second */
	size_t n_keys;
	int64_t frames;
};
void range_result_clear(struct range_result *r);

/* n frames in order, beginning at `from`. They may continue after `to`, because
 * some cuts are recognized only later. */
void range_judge(const struct signature *s, size_t n, int64_t from, int64_t to, bool exact,
                 bool at_start, struct range_result *ret);

struct index_key index_key_of(const struct signature *s);

#endif
