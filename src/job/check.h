/* SPDX-License-Identifier: Apache-2.0 */
/* Verification: statements of a journaled job are checked by a second look at
 * their frames (look.h), and the model that looks by controls whose answer is
 * known. story/check-plan.h chooses both; docs/checking.md is for users. */
#ifndef VDET_JOB_CHECK_H
#define VDET_JOB_CHECK_H

#include "job/describe.h"
#include "job/run.h"
#include "story/check-plan.h"

enum check_mode { CHECKS_NONE, CHECKS_DOUBTFUL, CHECKS_ALL };
#define CHECK_MODES "none|doubtful|all" /* names of enum check_mode, in order */

struct check_options {
	enum check_mode mode;
	struct describe_options describe; /* for the pictures */
	int64_t workers;                  /* threads at most; 0 = one more than the engine has slots */
	int64_t deadline;                 /* clock_now() from which nothing is started; 0 = none */
	struct cancel *drain;             /* once fired, nothing is started; may be NULL */
	/* For the runner of the run: SHA-256 of the video, NULL = it does nothing;
	 * and by what units are called, NULL = the id of the job. */
	const char *source, *owner;
};

/* How many requests there may be, with CHECKS_DOUBTFUL, for a job of so many
 * chunks: a fifth, rounded down, but at least one; controls included. */
size_t check_limit(size_t chunks);

/* Checks what an earlier run of the job did not. Each answer is in the journal
 * before it counts. `fd`, the video, is borrowed. Blocks for engine and
 * decoder.
 *
 * What cannot be asked stays unchecked, with its reason, and is tried again by
 * the next run. Fails only if the journal does, or with ERR_CANCELED; then what
 * was answered before is in the journal. Changes job->facts. *ret_again: there
 * is something that could not be asked. */
int check_run(const struct run_context *run, const struct check_options *o, int fd,
              struct store_job *job, bool *ret_again, struct err *err);

struct check_cost {
	int64_t requests, prompt_tokens, output_tokens;
};
/* Makes the controls that are missing before verdicts of the engine's model
 * count, from the statements of the job, and checks no statement; there may
 * still be too few (report_controls_count()). *ret_cost: of the requests that
 * were made. The rest as above; what could not be asked is not an error. */
int check_controls_run(const struct run_context *run, const struct check_options *o, int fd,
                       struct store_job *job, struct check_cost *ret_cost, struct err *err);

/* By which name the journal knows a model that checks. The caller frees. */
char *check_model_name(const struct engine_info *info);

#endif
