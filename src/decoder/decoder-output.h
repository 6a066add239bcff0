/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the media child makes. It has no way to write them: it sends their
 * bytes, and they are written here. As in decoder.h, everything is checked, and
 * an error return means that the child is gone. */
#ifndef VDET_DECODER_DECODER_OUTPUT_H
#define VDET_DECODER_DECODER_OUTPUT_H

#include "base/buf.h"
#include "decoder/decoder.h"

struct decoder_output {
	int fd;                                    /* an empty file, written at any place */
	int64_t max;                               /* bytes that it may have */
	void (*progress)(void *ctx, int64_t done); /* microseconds of the video; may be NULL */
	void *ctx;
};

/* An MP4 for browsers, its short side at most `side`, with sound if there is
 * any and it is wanted. The decoder's time limit holds for each second or so of
 * it. `duration` as probed. */
int decoder_proxy(struct decoder *d, int side, bool sound, int64_t duration,
                  const struct decoder_output *o, struct err *err);
/* The sound as WAV: one channel, 16 bits, `rate` samples a second. Needs no
 * probe, and no picture. */
int decoder_sound(struct decoder *d, int rate, const struct decoder_output *o, struct err *err);

/* One sheet of small pictures, in rows. */
struct decoder_tiles {
	const int64_t *times; /* microseconds of the timeline, `n` of them */
	size_t n;
	int width, height;    /* of one picture */
	int columns, quality; /* pictures in a row; quality of the JPEG, 1 to 100 */
	bool keyframes;       /* the keyframes nearest to the times are good enough */
};
/* Sets *ret to a new buffer with the JPEG: `columns` x ceil(n / columns)
 * pictures. The caller frees it. */
int decoder_tile(struct decoder *d, const struct decoder_tiles *t, struct buf *ret,
                 struct err *err);

#endif
