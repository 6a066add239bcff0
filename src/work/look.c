/* SPDX-License-Identifier: Apache-2.0 */
#include "work/look.h"

int work_look_run(struct work_lane *l, const struct runner_unit *u, void *fresh_look_unit,
                  struct runner_result *ret, struct err *err)
{
	struct fresh_look_unit *unit = fresh_look_unit;
	json_auto_t *found = NULL;
	int r = work_lane_use(l, u->source, &unit->describe, err);
	if (r < 0)
		return r;
	r = work_lane_looked(l, fresh_look_run(&l->describe, &unit->look, &found, err), err);
	work_lane_decoded(l, unit->look.decode_time);
	return r < 0 ? r : fresh_look_result_write(&unit->look, found, ret, err);
}
