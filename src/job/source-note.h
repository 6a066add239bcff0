/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal keeps of a video as soon as its hash is known: that it was
 * seen, and where, for questions about it; with a runner also the hashes of its
 * blocks, since workers compare each block that they read. */
#ifndef VDET_JOB_SOURCE_NOTE_H
#define VDET_JOB_SOURCE_NOTE_H

#include <stdint.h>

#include "job/run.h"

struct source_note {
	const char *path, *stamp; /* of file_stamp_all(); "" = not known */
	const char *sha256;
	int fd; /* -1: another machine has the file, and the hashes are made */
	int64_t size;
};

/* May read the whole file, if its hash but not that of its blocks is known. */
int source_note(const struct run_context *run, const struct source_note *n, struct err *err);

#endif
