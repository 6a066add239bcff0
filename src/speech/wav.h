/* SPDX-License-Identifier: Apache-2.0 */
/* Sound as a WAV file: 16 kHz, one channel, 16 bits. Pure. */
#ifndef VDET_SPEECH_WAV_H
#define VDET_SPEECH_WAV_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { SPEECH_WAV_HEAD = 44 };
/* Appends a file of n samples, at most SPEECH_SAMPLES_MAX. */
void speech_wav(const int16_t *samples, size_t n, struct buf *out);

#endif
