/* SPDX-License-Identifier: Apache-2.0 */
/* A false statement from a true one, for controls. Internal; pure. */
#ifndef VDET_STORY_CHANGE_H
#define VDET_STORY_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Words of which one excludes others, such as colors and sides, as bits: those
 * that the text contains. English. */
uint64_t change_words(const char *text);
/* Whether what is one of them cannot be the other: "red car", "blue car". */
bool change_excludes(const char *a, const char *b);
/* The sentence with the first such word replaced by another of the allowed
 * ones; `pick` chooses among them. NULL where there is none. The caller
 * frees. */
char *change_word(const char *what, uint64_t pick, uint64_t allowed);
/* The sentence with its subject replaced by another; NULL where it does not
 * contain it. The caller frees. */
char *change_subject(const char *what, const char *subject, const char *other);

/* Whether `text` contains the word or words as whole words, in either case. */
bool change_has_word(const char *text, const char *word);

#endif
