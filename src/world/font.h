/* SPDX-License-Identifier: Apache-2.0 */
/* A small font, 5 by 7 dots, for the clock and captions: capitals, digits and "
 * :.-/". */
#ifndef VDET_WORLD_FONT_H
#define VDET_WORLD_FONT_H

#include <stdint.h>

enum { FONT_W = 5, FONT_H = 7 };

/* Seven rows, the leftmost dot in bit 4; unknown characters are drawn as an
 * empty cell. */
const uint8_t *font_rows(char c);

#endif
