/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the sound that workers of a fleet transcribe, each with a thread
 * that waits for it. One thread gives and takes them. */
#ifndef VDET_JOB_SPEECH_AWAY_H
#define VDET_JOB_SPEECH_AWAY_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "decoder/decoder.h"
#include "job/run.h"
#include "job/speech-part.h"
#include "store/transcript.h"

struct speech_away;

/* A part that a worker has transcribed, or could not. */
struct away_part {
	struct hearing_part part; /* as it was given */
	int64_t index;
	int result; /* 0, or it is to be done here: the code of `err` */
	struct err err;
	struct store_transcript texts; /* owned */
	char unit[RUNNER_MAX_ID + 1];  /* to be settled; "" = nothing is */
};
void away_part_clear(struct away_part *p);

struct speech_away_options { /* everything is borrowed */
	const struct run_context *run;
	const char *job, *source; /* its id; SHA-256 of the video */
	const char *model;        /* see speech_unit_model() */
	const struct decoder_options *decoder;
};
struct speech_away *speech_away_new(const struct speech_away_options *o);
/* Parts that were given and not taken are withdrawn; their results are there
 * again when they are given again. NULL is fine. */
void speech_away_free(struct speech_away *a);
DEFINE_FREEP(struct speech_away, speech_away)

/* Whether a worker is there that can transcribe; `ret_room`: another one beside
 * those that were given. */
bool speech_away_serves(struct speech_away *a, bool *ret_room);
/* False if it cannot be given, and has to be done here. */
bool speech_away_give(struct speech_away *a, int track, int64_t index, const struct hearing_part *p,
                      const struct speech_voice *voices, size_t n, int64_t duration);
/* Takes one that is done, of any index; the caller clears it, and settles its
 * unit. `wait`: until there is one. False: none, or none was given, or the
 * cancel fired. */
bool speech_away_take(struct speech_away *a, bool wait, struct away_part *ret);
/* That were given, and not taken. */
size_t speech_away_left(const struct speech_away *a);
void speech_away_settle(struct speech_away *a, const struct away_part *p);

#endif
