/* SPDX-License-Identifier: Apache-2.0 */
/* Which of given answers fits what was found. Internal to src/ask/. */
#ifndef VDET_ASK_CHOOSE_H
#define VDET_ASK_CHOOSE_H

#include "ask/asking.h"

/* Sets `choice` of an answer that is complete otherwise: by what the program
 * counted or compared, else by the model, or, where it cannot, by the words
 * that a choice has in common with the text. "" where no choices were given,
 * none fits, which the text then says, or nothing was found. */
void choose_run(struct asking *a, struct answer *to);

/* The only choice that names this number, in digits or English words; -1 if
 * none does, or several. Pure. */
int choose_by_number(int64_t number, const char *const *choices, size_t n);
/* The choice that shares the largest part of its words with the text; -1 if
 * none shares a word, or two share as much. Pure. */
int choose_by_words(const char *text, const char *const *choices, size_t n);

#endif
