/* SPDX-License-Identifier: Apache-2.0 */
#include "speech/wav.h"

#include <endian.h>

#include "speech/speech.h"

#define PCM 1
#define PIECE 4096

static void add16(struct buf *out, uint16_t v)
{
	v = htole16(v);
	buf_add(out, &v, sizeof v);
}

static void add32(struct buf *out, uint32_t v)
{
	v = htole32(v);
	buf_add(out, &v, sizeof v);
}

void speech_wav(const int16_t *samples, size_t n, struct buf *out)
{
	uint32_t bytes = (uint32_t)(2 * n);
	buf_add(out, "RIFF", 4);
	add32(out, bytes + SPEECH_WAV_HEAD - 8);
	buf_add(out, "WAVEfmt ", 8);
	add32(out, 16); /* bytes of what follows, up to the samples */
	add16(out, PCM);
	add16(out, 1);
	add32(out, SPEECH_RATE);
	add32(out, 2 * SPEECH_RATE);
	add16(out, 2);
	add16(out, 16);
	buf_add(out, "data", 4);
	add32(out, bytes);
	uint16_t piece[PIECE];
	for (size_t i = 0; i < n;) {
		size_t k = 0;
		for (; k < PIECE && i < n; k++, i++)
			piece[k] = htole16((uint16_t)samples[i]);
		buf_add(out, piece, k * sizeof *piece);
	}
}
