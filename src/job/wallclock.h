/* SPDX-License-Identifier: Apache-2.0 */
/* The step of an analysis that finds the clock of a recording: burnt into the
 * picture, or stated by the file. Blocks for decoder, reader and disk; one
 * thread. */
#ifndef VDET_JOB_WALLCLOCK_H
#define VDET_JOB_WALLCLOCK_H

#include <stdint.h>

#include "decoder/decoder.h"
#include "job/run.h"
#include "wallclock/wallclock.h"

struct wallclock_file {
	int fd;            /* the video; borrowed, as all pointers */
	const char *stamp; /* of the file when it was opened; nothing is kept of another content */
	struct decoder_options decoder;
	int64_t from, to; /* the part of it that is analyzed; to 0 = its end */
};

struct wallclock_options {
	const char *mode;    /* "off": wallclock_run() does nothing; otherwise "auto" or NULL */
	const char *zone;    /* as wallclock_zone_open() takes it; NULL or "" = none is stated */
	const char *sandbox; /* as in decoder_options */
	bool background;     /* lower scheduling priority than requests that somebody waits for */
};

/* Finds the clocks of a video, and saves nothing. Reads at most a few thousand
 * small parts of frames, see docs/clock.md. What cannot be read is named in
 * `fault` of the result. Fails only if the video cannot be opened, the zone
 * does not exist (ERR_ARG), or with ERR_CANCELED. The caller frees *ret. */
int wallclock_examine(const struct wallclock_file *file, const struct wallclock_options *o,
                      struct cancel *cancel, struct wallclock **ret, struct err *err);

/* Once for each run: of what is in the journal only the zone is applied again.
 * What cannot be read is named in the journal. Fails only if the journal does,
 * or with ERR_CANCELED. */
int wallclock_run(const struct run_context *run, const struct wallclock_file *file,
                  const struct wallclock_options *o, const char *job, struct err *err);

#endif
