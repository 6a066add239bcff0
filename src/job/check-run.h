/* SPDX-License-Identifier: Apache-2.0 */
/* A second look for one or several statements: done here, or by the runner of
 * the run, which may do it on another machine. */
#ifndef VDET_JOB_CHECK_RUN_H
#define VDET_JOB_CHECK_RUN_H

#include "job/check-unit.h"
#include "job/unit-run.h"

/* Asks for all statements, with the decoder of `w`. The caller clears `ret`.
 * Errors as of look_open() and look_ask(). Blocks for engine and decoder. */
int check_unit_do(struct describe_worker *w, const struct check_unit *u, struct check_result *ret,
                  struct err *err);

struct check_give {
	const struct run_context *run; /* with a runner */
	const char *owner, *pass;      /* names of the unit, see unit_id() */
	int64_t index;
	const char *source;    /* SHA-256 of the video */
	struct cancel *cancel; /* ends it; the cancel of `run` is not observed */
};
/* Gives it to the runner. `unit` gets the id of the unit, which is to be
 * settled once the result is in the journal. The caller clears `ret`.
 * ERR_CANCELED; ERR_FORMAT: these frames cannot be looked at; other errors: it
 * failed on all workers that tried. */
int check_unit_give(const struct check_give *how, const struct check_unit *u,
                    struct check_result *ret, char unit[static RUNNER_MAX_ID + 1], struct err *err);

#endif
