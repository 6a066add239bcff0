/* SPDX-License-Identifier: Apache-2.0 */
/* Where somebody speaks: by Silero VAD, which knows a voice from music and
 * noise, if whisper.cpp's program for it and a model (`silero-vad`) are
 * installed; else by the level of the sound (split.h). One thread at a time. */
#ifndef VDET_SPEECH_VOICES_H
#define VDET_SPEECH_VOICES_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "speech/speech.h"

struct speech_voices;

/* Tries the program, where it is there, for a moment; one that fails is not
 * used, which is logged. Never NULL. `cancel` is borrowed, and may be NULL. */
struct speech_voices *speech_voices_new(const struct speech_places *p, struct cancel *cancel);
void speech_voices_free(struct speech_voices *v); /* NULL is fine */
DEFINE_FREEP(struct speech_voices, speech_voices)

/* "silero 2f0a9be1c3d4", with the hash of the model; "" = by level. */
const char *speech_voices_method(const struct speech_voices *v);

/* Sets *ret to a new array of stretches, as split_voices() does. Blocks.
 * ERR_ENGINE, ERR_CANCELED. */
int speech_voices_find(struct speech_voices *v, const int16_t *samples, size_t n,
                       struct speech_voice **ret, size_t *ret_n, struct err *err);

/* The same from what the program has printed about sound of this length. It is
 * not trusted: stretches have to be in order and in the sound. Pure.
 * ERR_PROTO. */
int speech_voices_read(const char *text, int64_t length, struct speech_voice **ret, size_t *ret_n,
                       struct err *err);

#endif
