/* SPDX-License-Identifier: Apache-2.0 */
/* The background of one plane: the set of levels that each cell has again and
 * again. Pure; one thread.
 *
 * A level is counted in bins: 64 of 4 levels for luma, of 2 levels for chroma
 * (its middle half). Time is counted in slots: a bin that occurs anywhere in
 * a slot counts once. */
#ifndef VDET_DETECT_BACKGROUND_H
#define VDET_DETECT_BACKGROUND_H

#include "base/mem.h"
#include "detect/light.h"
#include "detect/plane.h"

struct background;

struct background *background_new(enum plane k);
void background_free(struct background *b);
DEFINE_FREEP(struct background, background)

/* Learning: the pictures of a slot, the end of the slot, …, and at last the end
 * of the block. */
void background_learn(struct background *b, const uint8_t *levels, const struct light *l);
void background_end_slot(struct background *b);
void background_end_block(struct background *b);

/* How far each cell is outside of its background, in levels with a sign, at
 * most 20; 0 = within. `reference` as for light_fit(). */
void background_residual(const struct background *b, const uint8_t *levels, const struct light *l,
                         const uint8_t *reference, int16_t *ret);

#endif
