/* SPDX-License-Identifier: Apache-2.0 */
/* Converts a decoded frame to a picture for viewing: progressive, upright,
 * square pixels, SDR in the colors of BT.709, scaled down, as full-range YUV
 * 4:2:0 with the BT.601 matrix, as JPEG requires. The filter graph is reused
 * while the frames have the same format. One thread. */
#ifndef VDET_MEDIA_PICTURE_H
#define VDET_MEDIA_PICTURE_H

#include <libavformat/avformat.h>
#include <libavutil/frame.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/reader.h"

struct picture;

enum picture_form {
	PICTURE_JPEG, /* as above */
	/* for a video encoder: limited range, the matrix that is usual for HD or
	 * SD, an even size */
	PICTURE_VIDEO,
};
struct picture *picture_new(enum picture_form form);
void picture_free(struct picture *p);
DEFINE_FREEP(struct picture, picture)

/* Makes *out (an allocated, empty frame) from s, its long side at most `size`;
 * never enlarges. */
int picture_make(struct picture *p, const struct source *src, const struct shown *s, int size,
                 AVFrame *out, struct err *err);
/* A smaller copy of such a picture. */
int picture_shrink(struct picture *p, const AVFrame *in, int size, AVFrame *out, struct err *err);

/* Scales such a picture into a part of `canvas` (of the same format) of w x h
 * at x, y; all even. */
int picture_place(struct picture *p, const AVFrame *in, AVFrame *canvas, int x, int y, int w, int h,
                  struct err *err);

/* Display size, before any scaling. */
void picture_size(const struct source *src, const AVFrame *f, int *ret_w, int *ret_h);
/* "pq", "hlg" or "". */
const char *picture_hdr(enum AVColorTransferCharacteristic trc);

#endif
