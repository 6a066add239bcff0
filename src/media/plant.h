/* SPDX-License-Identifier: Apache-2.0 */
/* Draws planted events into pictures of a copy. One thread. */
#ifndef VDET_MEDIA_PLANT_H
#define VDET_MEDIA_PLANT_H

#include <libavutil/frame.h>
#include <stddef.h>

#include "base/mem.h"
#include "protocol/plant.h"

struct planting;

/* The events are borrowed. */
struct planting *planting_new(const struct plant *plants, size_t n);
void planting_free(struct planting *p);
DEFINE_FREEP(struct planting, planting)

/* Draws what is visible at this time (microseconds from the start of the copy)
 * into a picture of 8 bits, YUV 4:2:0 in limited range, which is writable; all
 * pictures have one size. */
void planting_draw(struct planting *p, int64_t time, AVFrame *f);

#endif
