/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of neighbouring chunks that may be about one event, though their
 * subjects are called differently: "a man in red", "the person with the red
 * jacket". A model is asked which of them are, together with pairs of which it
 * is known. Pure. */
#ifndef VDET_STORY_PAIRS_H
#define VDET_STORY_PAIRS_H

#include "base/err.h"
#include "story/story.h"

enum story_known { STORY_OPEN, STORY_SAME, STORY_DIFFERENT };

struct story_pair {
	size_t first, second; /* indices of parts; the second is of the next chunk */
	enum story_known known;
};

/* The pairs of all borders, in order of time: of a border at which something is
 * open that, at most `most` pairs, and up to two of which it is known; with
 * `most` 1 only one. Each part is in one pair before any is in a second one;
 * those with the most words in common come first.
 * Open are pairs of which neither part is joined by the rules at this border,
 * that may go on (story_may_go_on()), and whose subjects are alike: of one kind
 * (people, vehicles, animals), or with a word in common, and without words that
 * exclude each other, such as two colors. The caller frees. */
enum { STORY_BORDER_PAIRS = 6 };
struct story_pair *story_pairs(const struct story_part *parts, size_t n, size_t most,
                               size_t *ret_n);

/* What is to be believed of an answer about some of the pairs: clears said[i]
 * where it is about a known one, or where a part would be one event with two
 * others. ERR_FORMAT: the answer cannot be used, since it says of half of the
 * pairs that are known to differ, or without such of all of three or more, that
 * they are the same. */
int story_pairs_judge(const struct story_pair *pairs, size_t n, bool *said, struct err *err);

#endif
