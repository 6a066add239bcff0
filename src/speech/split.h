/* SPDX-License-Identifier: Apache-2.0 */
/* Where somebody may speak in sound, by its level, and how sound is divided for
 * an engine. Pure. Sound is 16 kHz (SPEECH_RATE), one channel. Times:
 * microseconds from its first sample, multiples of 10 ms. */
#ifndef VDET_SPEECH_SPLIT_H
#define VDET_SPEECH_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "speech/speech.h"

/* The stretches whose level is above that of the background, which is what is
 * quiet for its surroundings of 20 s. Stretches that are less than 0.3 s apart
 * are one; each has some sound before and after it, as words begin and end
 * softly. Rather too much than too little: an engine decides what was said.
 * Sets *ret to a new array, in order. */
void split_voices(const int16_t *samples, size_t n, struct speech_voice **ret, size_t *ret_n);

/* Where a part that begins with the first sample ends, so that no word is cut:
 * in the middle of the longest silence between `min` and `max`; without one,
 * where it is quietest. `max` is at most the length of the sound. */
int64_t split_end(const int16_t *samples, size_t n, const struct speech_voice *voices,
                  size_t n_voices, int64_t min, int64_t max);

/* What an engine is asked for at once: stretches that are close to each other,
 * with what is between them. Sound is sent as it is, without cuts inside a
 * piece: so the time of a word is that of its piece plus what the engine says,
 * to the sample, no word is made of two halves, and no sentence goes on over a
 * silence that no one heard. What is left out are silences of 5 s or more, in
 * which engines invent text. */
struct split_piece {
	int64_t start, end;
	size_t first, n; /* its stretches */
};
/* Sets *ret to a new array, in order. */
void split_pieces(const struct speech_voice *voices, size_t n_voices, struct split_piece **ret,
                  size_t *ret_n);

#endif
