/* SPDX-License-Identifier: Apache-2.0 */
/* The step of an analysis that writes down what is heard: the sound of the
 * video, part by part, through an engine for speech into the journal. Blocks
 * for decoder, engine and disk. */
#ifndef VDET_JOB_SPEECH_H
#define VDET_JOB_SPEECH_H

#include <stdint.h>

#include "base/cancel.h"
#include "job/run.h"
#include "job/transcript.h"
#include "speech/speech.h"

/* Which audio tracks; otherwise the index of a stream. */
enum { SPEECH_TRACK_BEST = -1, SPEECH_TRACK_ALL = -2 };

struct speech_step {
	const struct speech_options *engine; /* NULL: nothing is transcribed */
	const struct speech_places *places;
	int64_t track;
	const struct cancel *drain; /* once fired, no further part is begun; may be NULL */
	int64_t deadline;           /* clock_now() from which none is begun; 0 = none */
};

/* What the journal has of the same engine and settings is not asked again,
 * except parts that failed. A part that fails costs only itself. What could not
 * be transcribed is named in the journal; of a video without sound, and with
 * --speech off, nothing is. Texts of another engine stay until this one has
 * answered once. Fails only if the journal does, or with ERR_CANCELED. */
int speech_run(const struct run_context *run, const struct transcript_source *src,
               const struct speech_step *o, const char *job, struct err *err);

#endif
