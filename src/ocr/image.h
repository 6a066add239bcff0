/* SPDX-License-Identifier: Apache-2.0 */
/* Gray pictures, and where in them something looks like a line of writing.
 * Pure; for the child only. */
#ifndef VDET_OCR_IMAGE_H
#define VDET_OCR_IMAGE_H

#include <leptonica/allheaders.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

void image_freep(PIX **p); /* for AUTO */

/* In pixels. */
struct image_box {
	int x, y, w, h;
};
/* The share of `b` that is inside `a`. */
double image_overlap(const struct image_box *a, const struct image_box *b);

/* Decodes a JPEG to 8 bits of gray, or to 32 bits of color; the caller destroys
 * it. ERR_FORMAT, or ERR_LIMIT if it has too many pixels. */
int image_decode(const void *jpeg, size_t len, bool color, PIX **ret, struct err *err);

/* The part of `from` inside `b`, turned clockwise by 0, 90, 180 or 270 degrees;
 * NULL if there is no memory. The caller destroys it. */
PIX *image_cut(PIX *from, const struct image_box *b, int turn);
/* Converts a box of the result of image_cut() into one of `from`. */
struct image_box image_uncut(const struct image_box *cut, int turn, const struct image_box *b);

/* Boxes of what may be lines of writing, the likeliest first, at most `max`.
 * Costs a few milliseconds, and finds too much rather than too little. */
size_t image_find_lines(PIX *gray, size_t max, struct image_box *ret);

/* A line for recognition, dark on light, its height about `height`. least:
 * only what is at least so bright counts as writing, as in captions over a
 * picture; 0 = the picture as it is. NULL if there is no memory. */
PIX *image_line(PIX *gray, int height, int least);

#endif
