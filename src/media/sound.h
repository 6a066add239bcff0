/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of a file as PCM samples on the video's timeline: gaps are silence,
 * samples before zero are skipped. One thread. */
#ifndef VDET_MEDIA_SOUND_H
#define VDET_MEDIA_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/input.h"
#include "media/source.h"

struct sound;

/* Sound that is there, but could not be decoded or read, on the timeline. */
struct sound_lost {
	int64_t from, to;
};

struct sound_options {
	int rate, channels; /* of the samples; 1 or 2 channels */
	int track;          /* index of the stream, or SOURCE_STREAM_AUTO for the best one */
	/* Each sample is within 10 ms of its time, as recognition wants it, and
	 * sound_read() may return no samples, so that it does not take long.
	 * Otherwise errors of the clock below 100 ms are kept, since correcting
	 * them is heard. */
	bool exact;
	int64_t believed; /* times up to here are not taken for errors of the clock */
};

/* Opens the input a second time, for one audio stream. ERR_NOENT if it is not
 * there. */
int sound_open(struct input *in, const struct source_options *source, const struct sound_options *o,
               struct sound **ret, struct err *err);
/* Before the first read: the first sample is at `from`, instead of at zero. A
 * seek to `aim` is known to lead to a packet before it; CLOCK_NONE = read from
 * the start. */
void sound_from(struct sound *s, int64_t from, int64_t aim);
/* At any moment: the next sample is at `from`. Finds out whether a seek leads
 * there. */
int sound_seek(struct sound *s, int64_t from, struct err *err);
void sound_free(struct sound *s);
DEFINE_FREEP(struct sound, sound)

/* The next n samples of each channel, interleaved, borrowed until the next
 * call: 0, or 1 at the end. The first sample is at time zero. Damage is
 * skipped, and sound_lost() has it; only errors of memory and reading are
 * returned. */
int sound_read(struct sound *s, const int16_t **ret, size_t *ret_n, struct err *err);
/* What could not be decoded so far, from `from` on, which never decreases
 * between two seeks: n stretches in order, borrowed until the next call. Of too
 * many, the last is longer by the others. */
size_t sound_lost(struct sound *s, int64_t from, const struct sound_lost **ret);
/* The byte of the file up to which packets were read. */
int64_t sound_position(const struct sound *s);

#endif
