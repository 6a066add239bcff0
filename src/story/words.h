/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules of the story read in the sentences of a model. Internal;
 * pure. */
#ifndef VDET_STORY_WORDS_H
#define VDET_STORY_WORDS_H

#include <stddef.h>

/* Under which subjects are compared: lower case, without article, punctuation
 * and further spaces; the sentence where nothing is left of it. The caller
 * frees. */
char *words_key(const char *subject, const char *what);

/* One sentence for several, at least one: whole sentences, each once, separated
 * by semicolons; of more than four the first three and the last. The subject is
 * not repeated before a verb: "A red car enters; leaves." The caller frees. */
char *words_combine(const char *subject, const char *const *sentences, size_t n);

#endif
