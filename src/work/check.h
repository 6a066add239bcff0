/* SPDX-License-Identifier: Apache-2.0 */
/* Units of the kind "check": a second look at frames for statements. */
#ifndef VDET_WORK_CHECK_H
#define VDET_WORK_CHECK_H

#include "job/check-unit.h"
#include "work/lane.h"

int work_check_run(struct work_lane *l, const struct runner_unit *u, void *check_unit,
                   struct runner_result *ret, struct err *err);

#endif
