/* SPDX-License-Identifier: Apache-2.0 */
/* Units of the kind "look": a look at fresh frames for a question. */
#ifndef VDET_WORK_LOOK_H
#define VDET_WORK_LOOK_H

#include "job/fresh-look-unit.h"
#include "work/lane.h"

int work_look_run(struct work_lane *l, const struct runner_unit *u, void *fresh_look_unit,
                  struct runner_result *ret, struct err *err);

#endif
