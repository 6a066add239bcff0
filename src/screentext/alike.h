/* SPDX-License-Identifier: Apache-2.0 */
/* Compares texts that were read from pictures, in which single characters may
 * be wrong. Pure. Texts are valid UTF-8. */
#ifndef VDET_SCREENTEXT_ALIKE_H
#define VDET_SCREENTEXT_ALIKE_H

#include <stdbool.h>
#include <stddef.h>

/* How alike two texts are, 0 to 1, without regard to spaces, ASCII case and
 * ASCII punctuation; 1 if nothing is left of either. Of long texts the first
 * 200 characters count. */
double text_alike(const char *a, const char *b);
/* Whether one of them, of at least 4 characters, is a part of the other, by the
 * same characters: half a line was read. */
bool text_is_part(const char *a, const char *b);
/* As text_alike(), of what remains without ASCII digits. */
double text_alike_but_digits(const char *a, const char *b);
/* Whether the ASCII digits are the same, in order. */
bool text_same_digits(const char *a, const char *b);

struct text_letters {
	size_t letters;          /* and digits; a character of more than two bytes counts twice */
	size_t digits, capitals; /* of them; of ASCII */
	size_t marks;            /* other characters that are no spaces */
};
struct text_letters text_count_letters(const char *s);

#endif
