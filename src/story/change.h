/* SPDX-License-Identifier: Apache-2.0 */
/* A false statement from a true one, for controls. Internal; pure. */
#ifndef VDET_STORY_CHANGE_H
#define VDET_STORY_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

/* The sentence with one word, such as a color or a side, replaced by another
 * for which `is_free` is true: nothing else that is known contains it. `pick`
 * chooses among those. NULL where there is no such word: English only. The
 * caller frees. */
char *change_word(const char *what, uint64_t pick, bool (*is_free)(void *ctx, const char *word),
                  void *ctx);
/* The sentence with its subject replaced by another; NULL where it does not
 * contain it. The caller frees. */
char *change_subject(const char *what, const char *subject, const char *other);

/* Whether `text` contains the word or words as whole words, in either case. */
bool change_has_word(const char *text, const char *word);

#endif
