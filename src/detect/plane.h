/* SPDX-License-Identifier: Apache-2.0 */
/* The planes of a grid, and their sizes. Pure. */
#ifndef VDET_DETECT_PLANE_H
#define VDET_DETECT_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/index-wire.h"

/* PLANE_RELATIVE is computed from luma. */
enum plane { PLANE_LUMA, PLANE_RELATIVE, PLANE_BLUE, PLANE_RED, PLANES };

static inline bool plane_is_chroma(enum plane k)
{
	return k >= PLANE_BLUE;
}

static inline int plane_width(enum plane k)
{
	return plane_is_chroma(k) ? GRID_W / 2 : GRID_W;
}

static inline int plane_height(enum plane k)
{
	return plane_is_chroma(k) ? GRID_H / 2 : GRID_H;
}

/* The levels of a plane. `relative` is room for GRID_CELLS, used for
 * PLANE_RELATIVE: 128 + 110 (x - m) / m, where m is the mean of luma over 9x9
 * cells, and black is 16. */
const uint8_t *plane_levels(const struct grid *g, enum plane k, uint8_t relative[GRID_CELLS]);

#endif
