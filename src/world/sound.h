/* SPDX-License-Identifier: Apache-2.0 */
/* What the world sounds like: now and then somebody who seems to speak (no
 * words), over a faint hum. Any stretch can be asked for, in any order: a
 * sample depends on the world's seed and its own number alone. */
#ifndef VDET_WORLD_SOUND_H
#define VDET_WORLD_SOUND_H

#include "world.h"

enum { SOUND_RATE = 16000 }; /* samples a second, one channel */

/* Writes samples first … first + n - 1. Thread-safe. */
void sound_fill(const struct world *w, int64_t first, size_t n, int16_t *out);

#endif
