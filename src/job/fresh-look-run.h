/* SPDX-License-Identifier: Apache-2.0 */
/* A look at fresh frames by the runner of the run, which may do it on another
 * machine. */
#ifndef VDET_JOB_FRESH_LOOK_RUN_H
#define VDET_JOB_FRESH_LOOK_RUN_H

#include "job/fresh-look-unit.h"
#include "job/unit-run.h"

struct fresh_look_give {           /* everything is borrowed */
	const struct run_context *run; /* with a runner, and the cancel that ends it */
	const struct describe_options *options;
	const char *owner; /* names of the unit, see unit_id() */
	int64_t index;
	const char *source; /* SHA-256 of the video */
};
/* As fresh_look_run(), by the runner. `unit` gets the id of the unit, which is
 * to be settled once the result is in the journal; "" = there is nothing to
 * settle. ERR_CANCELED; ERR_FORMAT: these frames cannot be looked at; other
 * errors: it failed on all workers that tried. */
int fresh_look_give(const struct fresh_look_give *how, struct fresh_look *l, json_t **ret,
                    char unit[static RUNNER_MAX_ID + 1], struct err *err);

#endif
