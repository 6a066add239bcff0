/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures to JPEG (baseline, 4:2:0, no metadata but JFIF's). One thread. */
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
 * 100. The encoder is kept while the size and quality stay: use one object for
 * each kind of picture. */
int jpeg_encode(struct jpeg *j, const AVFrame *f, int quality, struct buf *out, struct err *err);

#endif
