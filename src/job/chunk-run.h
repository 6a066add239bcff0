/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk described by the runner of the run, which may do it on another
 * machine. */
#ifndef VDET_JOB_CHUNK_RUN_H
#define VDET_JOB_CHUNK_RUN_H

#include "job/describe.h"
#include "job/run.h"
#include "runner/runner.h"

struct chunk_run {
	const struct run_context *run; /* with a runner */
	const struct describe_options *options;
	const char *job, *source; /* its id; SHA-256 of the video */
	const char *pass;         /* "chunk", or another word for another pass */
	struct cancel *cancel;    /* ends it; the cancel of `run` is not observed */
};

/* As describe_chunk(), for any thread. `unit` gets the id of the unit, which is
 * to be settled once the result is in the journal; "" = there is nothing to
 * settle. */
int chunk_run(const struct chunk_run *how, const struct plan_chunk *plan, const char *context,
              struct store_chunk *ret, char unit[static RUNNER_MAX_ID + 1], struct err *err);

#endif
