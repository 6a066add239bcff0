/* SPDX-License-Identifier: Apache-2.0 */
/* The letters of a clock. Pure. */
#ifndef VDET_OCR_LETTERS_H
#define VDET_OCR_LETTERS_H

#include <stdbool.h>

extern const char letters_digits[]; /* and what is between them */
/* and the letters of English names of days and months, of AM, PM and UTC */
extern const char letters_clock[];
extern const char letters_all[]; /* A to Z, a to z */

/* Whether it has the name of a day or a month, or what else is beside a time:
 * letters that are read by mistake in a line of digits are none of these. */
bool letters_has_clock_word(const char *text);

#endif
