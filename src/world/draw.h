/* SPDX-License-Identifier: Apache-2.0 */
/* Draws the world: an RGB picture for any time, at any size.
 *
 * A drawer caches the last background, so that ranges without changes cost
 * little more than a copy. It belongs to one thread; the world must outlive it.
 * The same world, time and size give the same bytes. */
#ifndef VDET_WORLD_DRAW_H
#define VDET_WORLD_DRAW_H

#include "world.h"

enum { DRAW_MIN = 16, DRAW_MAX = 4096 }; /* minimum and maximum width and height */

struct draw;

/* NULL if a size is out of range or memory is out. The caller frees it. */
struct draw *draw_new(const struct world *w, int width, int height);
void draw_free(struct draw *d);

/* Writes height rows of width RGB pixels, each row `stride` bytes after the
 * previous one. */
void draw_frame(struct draw *d, int64_t t_us, uint8_t *rgb, size_t stride);

#endif
