/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of the world: occasional synthetic speech (without words), over a
 * low hum. Samples can be requested in any order: each depends only on the
 * world's seed and its own number. */
#ifndef VDET_WORLD_SOUND_H
#define VDET_WORLD_SOUND_H

#include "world.h"

enum { SOUND_RATE = 16000 }; /* samples per second, one channel */

/* Writes samples first … first + n - 1. Thread-safe. */
void sound_fill(const struct world *w, int64_t first, size_t n, int16_t *out);

#endif
