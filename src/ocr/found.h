/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that were found in a picture: made of words, compared, joined. Pure;
 * for the child only. */
#ifndef VDET_OCR_FOUND_H
#define VDET_OCR_FOUND_H

#include <stdbool.h>
#include <stddef.h>

#include "ocr/image.h"
#include "protocol/text-wire.h"

struct found_line {
	struct image_box box; /* of the picture that is read */
	char *text;           /* owned */
	double conf;
};

struct found_lines {
	struct found_line items[TEXT_LINES_MAX];
	size_t n;
};

struct found_word {
	char *text; /* owned by who made it */
	double conf;
	struct image_box box;
};

enum { FOUND_WORDS_MAX = 200 };

void found_clear(struct found_lines *f);
void found_freep(struct found_lines **f); /* for AUTO */

/* Adds a line of these words, without what is probably noise at its ends:
 * nothing if nothing is left, or if it is too unsure to be reported. */
void found_add(struct found_lines *f, const struct found_word *words, size_t n);

/* How much was read by the best line, and how surely; below 0: nothing. */
double found_best(const struct found_lines *f);
/* Whether lines that were read surely cover most of the width of a box. */
bool found_covers(const struct found_lines *f, const struct image_box *b);

/* Of two lines at one place keeps the better one, joins the parts of a line,
 * and sorts from top to bottom, then from left to right. */
void found_settle(struct found_lines *f);

#endif
