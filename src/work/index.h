/* SPDX-License-Identifier: Apache-2.0 */
/* Units of the kind "index": a range of a video is decoded in full. */
#ifndef VDET_WORK_INDEX_H
#define VDET_WORK_INDEX_H

#include "job/index-unit.h"
#include "work/lane.h"

struct work_index {
	char model[HASH_HEX]; /* of the units that it does; "" = none */
	int most;             /* at the same time */
	_Atomic int running;
};

/* Asks what the media libraries are. What cannot be done is logged. */
void work_index_init(struct work_index *x);
/* Whether another unit of the model can be begun now; true for those of other
 * kinds. Any thread. */
bool work_index_takes(const struct work_index *x, const char *model);

/* `unit`: a struct index_unit. ERR_UNSUPPORTED: this machine cannot do it. */
int work_index_run(struct work_lane *l, const struct runner_unit *u, void *unit,
                   struct runner_result *ret, struct err *err);

#endif
