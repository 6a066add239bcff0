/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a unit to the runner of the run, which may do it on another machine,
 * until there is a result that can be used. */
#ifndef VDET_JOB_UNIT_RUN_H
#define VDET_JOB_UNIT_RUN_H

#include "job/run.h"
#include "job/unit.h"

struct unit_run {                  /* everything is borrowed */
	const struct run_context *run; /* with a runner; its cancel is not observed */
	const char *what;              /* for messages: "job 4f1e chunk 3" */
	const char *kind;
	int schema;
	const char *source;    /* SHA-256 of the video */
	struct cancel *cancel; /* ends it */
	/* What workers must have for it; NULL = the model of the engine. */
	const char *model;
	bool optional;      /* this and the next: see struct runner_unit */
	const char *not_by; /* NULL = any worker */
	/* Reads a result; an error counts as a failure of its worker. */
	int (*read)(void *ctx, const struct runner_result *result, struct err *err);
	void *ctx;
};

/* Blocks; also while another thread has given the same unit. 0: read() took the
 * result, and the unit is to be settled once that is in the journal, see
 * unit_settle(). ERR_CANCELED; other errors: it failed for good
 * (unit-result.h). */
int unit_run(const struct unit_run *how, const char *id, const char *body, struct err *err);

/* The same unit as the runner gets it. `model` has to outlive it. */
struct runner_unit unit_view(const struct unit_run *how, const char *id, const char *body,
                             char model[static HASH_HEX]);

/* How many optional units of a model can be given to workers now; 0: none, or
 * there are no workers. */
int unit_serves(const struct run_context *run, const char *model);

/* `id`: "" = there is nothing to settle. */
void unit_settle(const struct run_context *run, const char *id);

#endif
