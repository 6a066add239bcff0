/* SPDX-License-Identifier: Apache-2.0 */
/* The light of a picture in relation to the usual one. Pure.
 *
 * The usual light is the median picture of a block. A picture's light is the
 * line x = gain * reference + offset that fits most cells (trimmed least
 * squares), if that explains much more than no change. If it differs from the
 * usual light noticeably, a tone curve is used in place of the line: for each
 * level of the reference the median of what it became. The curve also fits
 * where bright areas are saturated. */
#ifndef VDET_DETECT_LIGHT_H
#define VDET_DETECT_LIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/index-wire.h"

struct light {
	float gain, offset; /* 1 and 0: as usual */
	bool changed;       /* what follows is set */
	/* levels of the reference to those of the picture, and back */
	uint8_t tone[256], inverse[256];
	float slope[256]; /* of the tone curve at a level of the picture, at most 1 */
};

/* The median of luma over up to 41 of the n > 0 pictures. */
void light_reference(const struct grid *g, size_t n, uint8_t ret[GRID_CELLS]);

void light_fit(const uint8_t reference[GRID_CELLS], const uint8_t luma[GRID_CELLS],
               struct light *ret);

/* The level of the reference that a level of luma is in this light. */
uint8_t light_usual(const struct light *l, uint8_t level);

#endif
