/* SPDX-License-Identifier: Apache-2.0 */
/* The steps between the chunks and the summary: the transcript, joining,
 * checks, the second pass. */
#ifndef VDET_JOB_AFTER_CHUNKS_H
#define VDET_JOB_AFTER_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#include "job/analyze.h"
#include "job/chunks.h"
#include "job/run.h"

/* of both passes; without a time limit */
struct chunks_options analyze_chunks(const struct analyze *a);

struct after_source {
	int fd;             /* the video; borrowed */
	const char *stamp;  /* of the file when it was opened */
	const char *sha256; /* of the file */
	int64_t duration;
	int64_t deadline; /* clock_now() from which nothing is started; 0 = none */
	bool fresh;       /* some of the job was described now */
};

/* What they did. */
struct after_done {
	bool joined, unchecked; /* see join_run(), check_run() */
	bool again;             /* some chunks were described again */
};

/* Blocks for engine and decoder. Fails only if the journal does, or with
 * ERR_CANCELED. Changes job->facts, also in the journal. */
int after_chunks(const struct analyze *a, const struct run_context *context,
                 const struct after_source *src, struct store_job *job, struct after_done *ret,
                 struct err *err);

#endif
