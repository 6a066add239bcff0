/* SPDX-License-Identifier: Apache-2.0 */
/* A part of the sound of a video whose speech is transcribed, as a unit of work
 * for another machine, and the texts of it. Pure. Neither side is trusted:
 * everything that is read is checked. Times: microseconds of the video. */
#ifndef VDET_JOB_SPEECH_UNIT_H
#define VDET_JOB_SPEECH_UNIT_H

#include <jansson.h>

#include "base/err.h"
#include "base/hash.h"
#include "decoder/decoder.h"
#include "runner/runner.h"
#include "speech/speech.h"
#include "store/transcript.h"

#define SPEECH_UNIT_KIND "speech"
/* Another one wherever the same sound may become another text. */
enum { SPEECH_UNIT_SCHEMA = 1 };

struct speech_unit {
	struct decoder_options decoder; /* stream, rate and gaps; see struct chunk_unit */
	int track;
	int64_t start, end;
	int64_t duration; /* of the video, as the head believes */
	/* Where somebody may speak, from the start: what is cut out of the sound
	 * and asked for is decided by the head. Owned if the unit was read. */
	struct speech_voice *voices;
	size_t n;
	json_t *root; /* of a unit that was read: owns the strings */
};
void speech_unit_clear(struct speech_unit *u); /* of one that was read */

/* As chunk_unit_write() and chunk_unit_read(). */
int speech_unit_write(const struct speech_unit *u, char **ret, struct err *err);
int speech_unit_read(const char *body, struct speech_unit *ret, struct err *err);

/* What must be the same so that the same sound gets the same text: engine,
 * model and settings, as speech_identity() has them. */
void speech_unit_model(const char *identity, char out[static HASH_HEX]);

/* The result of a unit: segments and dropped texts of the kind STORE_SPEECH.
 * The caller clears *ret, which is overwritten. ERR_FORMAT; ERR_PROTO. */
int speech_result_write(const struct store_transcript *t, struct runner_result *ret,
                        struct err *err);
int speech_result_read(const struct speech_unit *u, const struct runner_result *result,
                       struct store_transcript *ret, struct err *err);

#endif
