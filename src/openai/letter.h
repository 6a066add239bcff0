/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an answer that is one of a few letters, and how likely each of them
 * was. Pure. */
#ifndef VDET_OPENAI_LETTER_H
#define VDET_OPENAI_LETTER_H

#include "base/err.h"
#include "openai/chat.h"

enum { LETTERS_MAX = 8 };

struct letter {
	char letter;           /* the one that was answered */
	double p[LETTERS_MAX]; /* of each, in their order; they add up to 1, or are all 0: not known */
};

/* The first of `letters` ("ABC", at most LETTERS_MAX) that is a word of the
 * answer: "B", "B.", "**B**", "Answer: B". "A" before another word is an
 * article, not an answer. ERR_FORMAT if there is none.
 *
 * The probabilities are those of the tokens at the place of the letter,
 * renormalised over the letters. They are not known if the endpoint sent none,
 * or if the model reasoned first, since the tokens are those of its reasoning
 * then. */
int letter_read(const struct chat_result *r, const char *letters, struct letter *ret,
                struct err *err);

#endif
