/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes pictures as JPEG (baseline, 4:2:0, no metadata but JFIF). One thread. */
#ifndef VDET_MEDIA_JPEG_H
#define VDET_MEDIA_JPEG_H

#include <libavutil/frame.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

struct jpeg;

struct jpeg *jpeg_new(void);
void jpeg_free(struct jpeg *j);
DEFINE_FREEP(struct jpeg, jpeg)

/* Appends the JPEG of f (YUV 4:2:0, full range) to out; quality 1 (worst) to
 * 100. The encoder is reused while size and quality stay the same: use one
 * object for each kind of picture. */
int jpeg_encode(struct jpeg *j, const AVFrame *f, int quality, struct buf *out, struct err *err);

#endif
