/* SPDX-License-Identifier: Apache-2.0 */
/* Joining: what the rules of the story leave open, because chunks call one
 * subject differently, a model decides (story/pairs.h). */
#ifndef VDET_JOB_JOIN_H
#define VDET_JOB_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/run.h"

/* How many requests there may be for a job of so many chunks: a tenth, rounded
 * up; none for one chunk, which has nothing to be joined with. They have no
 * pictures. */
size_t join_limit(size_t chunks);
/* How many pairs so many requests may be about, at so many borders. */
size_t join_pairs_limit(size_t requests, size_t borders);

struct join_options {
	bool fresh;       /* some of the job was described now */
	int64_t deadline; /* clock_now() from which nothing is started; 0 = none */
};

/* Asks about the statements of a journaled job, and keeps what joins them in
 * its facts. No request is sent whose answer is in the journal; what was not
 * answered, or beyond the limit, stays as the rules have it, or as an earlier
 * run did. A job that an older version finished is left alone unless some of it
 * was described now. Blocks for the engine. Changes job->facts, also in the
 * journal; *ret_changed: there are other joins than before. Fails only if the
 * journal does, or with ERR_CANCELED. */
int join_run(const struct run_context *run, const struct join_options *o, struct store_job *job,
             bool *ret_changed, struct err *err);

#endif
