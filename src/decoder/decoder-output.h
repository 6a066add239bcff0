/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the media child makes. It cannot write them: it sends their bytes,
 * and they are written here. As in decoder.h, everything is checked, and an
 * error return means that the child is gone. */
#ifndef VDET_DECODER_DECODER_OUTPUT_H
#define VDET_DECODER_DECODER_OUTPUT_H

#include "base/buf.h"
#include "decoder/decoder.h"
#include "protocol/clip-wire.h"
#include "protocol/plant.h"

struct decoder_output {
	int fd;                                    /* an empty file, written at any position */
	int64_t max;                               /* maximum size in bytes */
	void (*progress)(void *ctx, int64_t done); /* microseconds of the video; may be NULL */
	void *ctx;
};

/* Makes an MP4 for browsers, its short side at most `side`, with sound if
 * requested and present. The timeout of the decoder applies to about each
 * second of it. `duration` as probed. */
int decoder_proxy(struct decoder *d, int side, bool sound, int64_t duration,
                  const struct decoder_output *o, struct err *err);

/* A copy of a range with events drawn into it. */
struct decoder_planting {
	int64_t from, to;           /* microseconds; within the video */
	double keyframe_s;          /* distance of the copy's keyframes: 0.1 to 60 s */
	int64_t kbit;               /* limit of its bit rate, 1000 bits per second */
	const struct plant *plants; /* at most PLANTS_MAX */
	size_t n;
};
/* As decoder_proxy(), in the size of the video (at most 4096 pixels), with its
 * frames (at most 120 per second), without sound. The progress is that of the
 * copy. */
int decoder_plant(struct decoder *d, const struct decoder_planting *p,
                  const struct decoder_output *o, struct err *err);

/* The sound as WAV: one channel, 16 bits, `rate` samples per second. Requires
 * no probe, and no video stream. */
int decoder_sound(struct decoder *d, int rate, const struct decoder_output *o, struct err *err);

/* The frames that begin from `from` to `to`, exact to the frame, as MP4 with
 * sound: `from` is within the video. The timeout of the decoder applies between
 * two steps of it. */
int decoder_clip(struct decoder *d, int64_t from, int64_t to, const struct decoder_output *o,
                 struct clip_made *ret, struct err *err);

/* One sheet of small pictures, in rows. */
struct decoder_tiles {
	const int64_t *times; /* microseconds of the timeline, `n` of them */
	size_t n;
	int width, height;    /* of one picture */
	int columns, quality; /* pictures in a row; quality of the JPEG, 1 to 100 */
	bool keyframes;       /* use the keyframes nearest to the times */
};
/* Sets *ret to a new buffer with the JPEG: `columns` x ceil(n / columns)
 * pictures. The caller frees it. */
int decoder_tile(struct decoder *d, const struct decoder_tiles *t, struct buf *ret,
                 struct err *err);

#endif
