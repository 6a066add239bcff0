/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into the two networks of PP-OCR, and what comes out of them: pixels
 * made to numbers, boxes from a map, text from probabilities. Pure; for the
 * child only. */
#ifndef VDET_OCR_PPOCR_DATA_H
#define VDET_OCR_PPOCR_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ocr/image.h"

enum {
	PPOCR_LINE_HEIGHT = 48,  /* pixels of a line for recognition */
	PPOCR_LINE_WIDTH = 3200, /* at most; longer lines are compressed */
};

/* Pixels as Leptonica has them: 0xRRGGBBxx, `stride` words a row; borrowed. */
struct ppocr_pixels {
	const uint32_t *words;
	int w, h, stride;
};

enum ppocr_scale {
	PPOCR_DETECTION,  /* mean and deviation of each color, as the network was trained */
	PPOCR_RECOGNITION /* -1 to 1 */
};

/* The size in which a picture is searched for lines: multiples of 32, so that
 * the long side is 960, or less where the picture is small. */
void ppocr_size(int w, int h, int *ret_w, int *ret_h);

/* Resizes a part of a picture to w x h, as planes of blue, green and red:
 * 3 * w * h numbers. `part` is inside it. */
void ppocr_fill(const struct ppocr_pixels *from, const struct image_box *part,
                enum ppocr_scale scale, int w, int h, float *ret);

/* The boxes of lines in a map of w x h probabilities, at most `max`, clipped to
 * the map: what is connected and probable enough, made larger by what the
 * network leaves out around a line. ERR_LIMIT if there is no memory. */
int ppocr_boxes(const float *map, int w, int h, size_t max, struct image_box *ret, size_t *ret_n,
                struct err *err);

/* The letters that recognition knows: of its classes, 0 is "no letter", then
 * these, and the last one is a space. */
struct ppocr_letters {
	char *text;         /* owned: all, each ended by NUL */
	const char **items; /* owned */
	size_t n;
};
/* Reads the file: a letter a line. ERR_FORMAT. */
int ppocr_letters_read(const char *text, size_t len, struct ppocr_letters *ret, struct err *err);
void ppocr_letters_clear(struct ppocr_letters *l);

/* The text in steps * (letters->n + 2) probabilities, the likeliest class of
 * each step, and the mean of their probabilities (0 if there is no text). only:
 * the ASCII letters that can be in it, NULL = all. */
double ppocr_text(const float *probs, size_t steps, const struct ppocr_letters *letters,
                  const char *only, struct buf *ret);

#endif
