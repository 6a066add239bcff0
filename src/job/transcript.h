/* SPDX-License-Identifier: Apache-2.0 */
/* The step of an analysis that reads what is said: the subtitles of the file.
 * Blocks for the decoder and the disk. */
#ifndef VDET_JOB_TRANSCRIPT_H
#define VDET_JOB_TRANSCRIPT_H

#include <stdint.h>

#include "decoder/decoder.h"
#include "job/run.h"
#include "transcript/read.h"

struct transcript_source {
	int fd;             /* the video; borrowed */
	const char *stamp;  /* of the file when it was opened; nothing is kept of another content */
	const char *sha256; /* of the file, for workers of a fleet; NULL = not known */
	struct decoder_options decoder;
	struct transcript_range range;
};

/* Once for each run: what is in the journal is not read again. What cannot be
 * read is named in the journal. Fails only if the journal does, or with
 * ERR_CANCELED. */
int transcript_run(const struct run_context *run, const struct transcript_source *src,
                   const char *job, struct err *err);

#endif
