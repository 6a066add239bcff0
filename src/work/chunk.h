/* SPDX-License-Identifier: Apache-2.0 */
/* Units of the kind "chunk": the frames of a part of a video, described. */
#ifndef VDET_WORK_CHUNK_H
#define VDET_WORK_CHUNK_H

#include "job/chunk-unit.h"
#include "work/lane.h"

int work_chunk_run(struct work_lane *l, const struct runner_unit *u, void *chunk_unit,
                   struct runner_result *ret, struct err *err);

#endif
