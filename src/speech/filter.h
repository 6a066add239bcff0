/* SPDX-License-Identifier: Apache-2.0 */
/* Which segments are not shown, since a model for speech writes something even
 * where no one speaks: it says so itself, it hardly believes its own text, its
 * text goes in circles, or there is silence. Such a segment gets the reason in
 * `dropped`, and stays in the result. The first three limits are the defaults
 * of Whisper (no_speech_threshold, logprob_threshold and
 * compression_ratio_threshold). There is no list of phrases. Pure. */
#ifndef VDET_SPEECH_FILTER_H
#define VDET_SPEECH_FILTER_H

#include "speech/speech.h"

/* Reasons, in the order in which they are looked for. */
#define SPEECH_OUTSIDE "outside"     /* it ends before the sound, or begins after it */
#define SPEECH_OVERLAPS "overlaps"   /* it is within another segment of the same speaker */
#define SPEECH_SILENCE "silence"     /* no one is heard meanwhile */
#define SPEECH_NO_SPEECH "no-speech" /* the model itself says that no one speaks */
#define SPEECH_UNLIKELY "unlikely"   /* the model holds its text for unlikely */
#define SPEECH_REPEATED "repeated"   /* the same phrase over and over */

#define SPEECH_NO_SPEECH_PROB 0.6
#define SPEECH_AVG_LOGPROB -1.0
#define SPEECH_COMPRESSION 2.4
/* With stretches of voice: the text stays if this much of its time is in one,
 * or this share of it. */
#define SPEECH_VOICE_LEAST 250000 /* microseconds */
#define SPEECH_VOICE_SHARE 0.1
/* So often the same text in a row, or the same phrase in one text. */
#define SPEECH_REPEATS 4

/* `voices`: as in struct speech_sound; times of `r` and `voices` have the same
 * origin. Segments that were dropped before keep their reason. */
void speech_filter(struct speech_result *r, const struct speech_voice *voices, size_t n_voices);

/* Whether most of a text is one phrase, SPEECH_REPEATS times or more. */
bool speech_goes_in_circles(const char *text);

#endif
