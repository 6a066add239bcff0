/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass (--passes 2): chunks that the first pass left in doubt are
 * described again, with more frames beside those in doubt, and with what was
 * reported of the parts before and after them. */
#ifndef VDET_JOB_SECOND_H
#define VDET_JOB_SECOND_H

#include <stddef.h>

#include "job/chunks.h"
#include "job/run.h"

/* How many frames a chunk gets that had `first` of them, and how many lines of
 * its neighbours, at most. */
size_t second_frames(size_t first);
enum { SECOND_LINES = 12 };

struct second_options {
	struct chunks_options chunks; /* time_limit: from now on; second: not set */
	bool fresh;                   /* some of the job was described now: chunks are chosen again */
	int64_t from, to;             /* ends of the part that is analyzed */
	const char *stamp;            /* of the file when it was opened (file_stamp_all()) */
};

/* Chooses chunks of a journaled job by what checks and neighbours say of their
 * statements (story/second.h), and describes them again. Which ones, with which
 * frames and context, is in the journal before the first request, so that a run
 * that was interrupted continues with the same. What a chunk says then replaces
 * what the first pass said, which the journal keeps; where it fails, the first
 * answer stays, the journal has the reason, and the next run tries again.
 *
 * `fd`, the video, is borrowed. Blocks for engine and decoder. *ret_changed:
 * some chunks say something else now. Fails only if the journal does, or with
 * ERR_CANCELED. Changes job->facts, also in the journal. */
int second_run(const struct run_context *run, const struct second_options *o, int fd,
               struct store_job *job, bool *ret_changed, struct err *err);

#endif
