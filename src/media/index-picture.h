/* SPDX-License-Identifier: Apache-2.0 */
/* From a decoded frame to its signature (protocol/index-wire.h). One thread. */
#ifndef VDET_MEDIA_INDEX_PICTURE_H
#define VDET_MEDIA_INDEX_PICTURE_H

#include <libavutil/frame.h>

#include "base/err.h"
#include "base/mem.h"
#include "protocol/index-wire.h"

struct index_picture;

struct index_picture *index_picture_new(void);
void index_picture_free(struct index_picture *p);
DEFINE_FREEP(struct index_picture, index_picture)

/* Fills everything but pts and flags; `grid` may be NULL. */
int index_picture_read(struct index_picture *p, const AVFrame *f, struct signature *ret,
                       struct grid *grid, struct err *err);

/* From full-range luma of 128x72: hash, sharpness, mean, deviation, cells,
 * levels. Pure, for tests. */
enum { INDEX_PICTURE_W = 128, INDEX_PICTURE_H = 72 };
void index_picture_luma(const uint8_t luma[static INDEX_PICTURE_W * INDEX_PICTURE_H],
                        struct signature *ret);

#endif
