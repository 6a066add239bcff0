/* SPDX-License-Identifier: Apache-2.0 */
/* From a decoded frame to a picture as a person would see it: progressive,
 * upright, square pixels, SDR in the colours of BT.709, scaled down, as YUV
 * 4:2:0 in the full-range BT.601 form that JPEG means. The filter graph is kept
 * while the frames stay alike. One thread. */
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
	/* for an encoder of video: limited range, the matrix that HD or SD mean, an
	 * even size */
	PICTURE_VIDEO,
};
struct picture *picture_new(enum picture_form form);
void picture_free(struct picture *p);
DEFINE_FREEP(struct picture, picture)

/* Makes *out (an allocated, empty frame) from s, its long side at most `size`;
 * never enlarged. */
int picture_make(struct picture *p, const struct source *src, const struct shown *s, int size,
                 AVFrame *out, struct err *err);
/* A smaller copy of such a picture. */
int picture_shrink(struct picture *p, const AVFrame *in, int size, AVFrame *out, struct err *err);

/* Scales such a picture into a part of `canvas` (of the same form) of w x h at
 * x, y; all even. */
int picture_place(struct picture *p, const AVFrame *in, AVFrame *canvas, int x, int y, int w, int h,
                  struct err *err);

/* Size on display, before any scaling. */
void picture_size(const struct source *src, const AVFrame *f, int *ret_w, int *ret_h);
/* "pq", "hlg" or "". */
const char *picture_hdr(enum AVColorTransferCharacteristic trc);

#endif
