/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of a step that works on a list of items. */
#ifndef VDET_JOB_STEP_THREADS_H
#define VDET_JOB_STEP_THREADS_H

#include "job/run.h"

struct step_threads {              /* everything is borrowed */
	const struct run_context *run; /* its runner and its cancel */
	bool gives;   /* the items are given to the runner: as many threads as it takes, also later */
	size_t most;  /* else at most so many threads; 0 = one more than the engine has slots */
	size_t items; /* that there are, at least as many as will be worked on */
	/* Once fired, nothing is started; what was given to the runner may wait for
	 * a worker for long, and is canceled with `stop` after a minute. NULL = no
	 * drain; `stop` is then that of the run, or NULL. */
	struct cancel *drain, *stop;
};

/* Calls work(ctx) in each thread, and returns when all have returned. A call
 * returns once no item is left for it. */
void step_threads_run(const struct step_threads *c, void (*work)(void *ctx), void *ctx);

#endif
