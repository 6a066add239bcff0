/* SPDX-License-Identifier: Apache-2.0 */
/* One part of the sound of a video, from the decoder through the engine to
 * texts. Blocks. One thread. Times: microseconds of the video. */
#ifndef VDET_JOB_SPEECH_PART_H
#define VDET_JOB_SPEECH_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "decoder/decoder-audio.h"
#include "job/transcript.h"
#include "speech/speech.h"
#include "speech/voices.h"
#include "store/transcript.h"

/* Sound that was read, of one track. Everything but the first four members
 * begins as zero. */
struct hearing {
	const struct transcript_source *src; /* borrowed */
	struct speech *speech;               /* likewise */
	struct speech_voices *voices;        /* likewise */
	struct cancel *cancel;
	struct decoder *decoder; /* NULL: to be opened */
	int track;
	int64_t at;       /* of the first sample */
	int16_t *samples; /* NULL if there are none */
	size_t n;
	struct decoder_lost_list lost; /* of them */
};
void hearing_clear(struct hearing *h);

struct hearing_part {
	int64_t start;
	/* Where it ends; 0 = at the longest silence within what a part may be long,
	 * or at `to`. Set in any case. */
	int64_t end;
	int64_t to;   /* end of what is transcribed */
	bool asked;   /* the engine was: somebody may speak there */
	bool unheard; /* of an error: the sound could not be read */
	int64_t lost; /* so much of it could not be decoded */
};

/* The texts that begin in a part, of the kind STORE_SPEECH, in order; the
 * caller clears *ret. A decoder that fails is opened again for the next part. */
int hear_part(struct hearing *h, int track, struct hearing_part *part, struct store_transcript *ret,
              struct err *err);

/* The two halves of that, of which the second may be on another machine. Where
 * somebody may speak, from the start of the part, which gets its end; the
 * caller frees *ret. */
int hear_voices(struct hearing *h, int track, struct hearing_part *part, struct speech_voice **ret,
                size_t *ret_n, struct err *err);
/* The texts of a part whose end is known, in order; `h` needs no voices. */
int hear_texts(struct hearing *h, int track, struct hearing_part *part,
               const struct speech_voice *voices, size_t n, struct store_transcript *ret,
               struct err *err);

#endif
