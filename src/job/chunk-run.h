/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk described by the runner of the run, which may do it on another
 * machine. */
#ifndef VDET_JOB_CHUNK_RUN_H
#define VDET_JOB_CHUNK_RUN_H

#include "base/hash.h"
#include "job/describe.h"
#include "job/run.h"
#include "job/unit-run.h"
#include "runner/runner.h"

struct chunk_run {
	const struct run_context *run; /* with a runner */
	const struct describe_options *options;
	const char *job, *source; /* its id; SHA-256 of the video */
	const char *pass;         /* "chunk", or another word for another pass */
	struct cancel *cancel;    /* ends it; the cancel of `run` is not observed */
};

/* A unit that was given to the runner. */
struct chunk_given {
	/* Its id; the unit is to be settled once the result is in the journal. "" =
	 * there is nothing to settle. */
	char unit[RUNNER_MAX_ID + 1];
	char *body, *worker; /* its text, and who did it; owned, may be NULL */
};
void chunk_given_clear(struct chunk_given *g);

/* As describe_chunk(), for any thread. The caller clears `given`. */
int chunk_run(const struct chunk_run *how, const struct plan_chunk *plan, const char *context,
              struct store_chunk *ret, struct chunk_given *given, struct err *err);

/* How units of chunks are given to the runner; read() and its context are for
 * the caller to set. `what` is borrowed. */
struct unit_run chunk_run_unit(const struct chunk_run *how, const char *what);

#endif
