/* SPDX-License-Identifier: Apache-2.0 */
#include "work/check.h"

#include "job/check-run.h"

int work_check_run(struct work_lane *l, const struct runner_unit *u, void *check_unit,
                   struct runner_result *ret, struct err *err)
{
	const struct check_unit *check = check_unit;
	AUTO(check_result_clear) struct check_result result = {0};
	int r = work_lane_use(l, u->source, &check->describe, err);
	if (r < 0)
		return r;
	r = work_lane_looked(l, check_unit_do(&l->describe, check, &result, err), err);
	return r < 0 ? r : check_result_write(&result, ret, err);
}
