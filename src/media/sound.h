/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of a file as PCM samples on the video's timeline: gaps are silence,
 * samples before zero are skipped. One thread. */
#ifndef VDET_MEDIA_SOUND_H
#define VDET_MEDIA_SOUND_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/input.h"
#include "media/source.h"

struct sound;

/* Opens the input a second time, for its best audio stream. `channels` is 1 or
 * 2. ERR_NOENT if there is none. */
int sound_open(struct input *in, const struct source_options *o, int rate, int channels,
               struct sound **ret, struct err *err);
/* Before the first read: the first sample is at `from`, instead of at zero. A
 * seek to `aim` is known to lead to a packet before it; CLOCK_NONE = read from
 * the start. */
void sound_from(struct sound *s, int64_t from, int64_t aim);
void sound_free(struct sound *s);
DEFINE_FREEP(struct sound, sound)

/* The next n samples of each channel, interleaved, borrowed until the next
 * call: 0, or 1 at the end. The first sample is at time zero. Damage is
 * skipped; only errors of memory and reading are returned. */
int sound_read(struct sound *s, const int16_t **ret, size_t *ret_n, struct err *err);

#endif
