/* SPDX-License-Identifier: Apache-2.0 */
/* Which chunks mention the subject of a statement. Internal; pure. */
#ifndef VDET_STORY_MENTIONS_H
#define VDET_STORY_MENTIONS_H

#include "base/mem.h"
#include "story/check-plan.h"

struct mentions;
struct mentions *mentions_new(const struct check_video *v); /* borrows it */
void mentions_free(struct mentions *m);
DEFINE_FREEP(struct mentions, mentions)

/* The statements of a chunk with the same subject as statement i, itself
 * included; *ret_n may be 0. */
const size_t *mentions_in(const struct mentions *m, size_t i, size_t chunk, size_t *ret_n);
/* Whether the summary of a chunk contains the subject of statement i. */
bool mentions_summary(const struct mentions *m, size_t i, size_t chunk);
/* The words of change_words() in anything that is said of the chunk. */
uint64_t mentions_words(const struct mentions *m, size_t chunk);
/* Whether anything that is said of the chunk contains the word or words. */
bool mentions_word(const struct mentions *m, size_t chunk, const char *word);

#endif
