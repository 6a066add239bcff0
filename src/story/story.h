/* SPDX-License-Identifier: Apache-2.0 */
/* The story: one event for what the model reported in parts.
 *
 * The model sees one chunk at a time, so what goes on for longer than a chunk
 * is reported once for each. Here such parts become one event, by rules that
 * need no model. Pure; times are microseconds of the video. */
#ifndef VDET_STORY_STORY_H
#define VDET_STORY_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One statement of the model about frames of one chunk. */
struct story_part {
	int64_t start, end; /* pts of the first and last frame that it cites */
	int64_t step;       /* longest time between two frames that it cites one after the other */
	size_t chunk;       /* number; neighbours have consecutive ones */
	/* Frames of the chunk that the model saw: how many, and which of them, from
	 * 0, are the first and the last that it cites. */
	size_t frames, first, last;
	const char *subject; /* "" if the model did not say */
	const char *what;
};

struct story_event {
	size_t *parts; /* indices of the given parts, in order of their time; at least one */
	size_t n_parts;
	char *what; /* one sentence for the whole */
	bool state; /* nothing but statements that something stays as it is */
};

/* Two parts that a model said to be one event (pairs.h), as indices. */
struct story_link {
	size_t first, second;
};

/* Joins the parts that are one event; each part is in exactly one event. Events
 * are in order of their first part. Takes O(n log n) steps; the caller frees.
 * Of the `links` those apply whose parts the rules leave alone at that border.
 *
 * Two parts are joined if they have the same subject (without article and case;
 * the same sentence where no subject is given), the second follows the first
 * without a frame between them that neither cites, but for one on each side,
 * and
 * - they are in neighbouring chunks, no other part of that subject is at
 *   either side of the border, the first does not end with the subject's
 *   leaving while the second begins with its coming, and, unless one is a
 *   state, the time between them is at most ten seconds or twice the longest
 *   step between the frames that either cites; or
  * - they are in one chunk, one is a state, and they are not in view at once:
 *   they have no frame in common, or only the one at which the second begins,
 *   where the first does not leave nor the second come. */
struct story_event *story_join(const struct story_part *parts, size_t n,
                               const struct story_link *links, size_t n_links, size_t *ret_n);
void story_free(struct story_event *events, size_t n);

/* Whether `b`, of the next chunk, may go on with what `a` ends with: both are
 * at the border, near enough in time, and the subject does not leave and
 * come. */
bool story_may_go_on(const struct story_part *a, const struct story_part *b);

/* Whether it does so for all that is said: the first does not leave, nor the
 * second come. */
bool story_stays(const struct story_part *a, const struct story_part *b);

/* The sentence for some of the parts, and whether they are nothing but states.
 * The caller frees. */
char *story_sentence(const struct story_part *parts, const size_t *which, size_t n,
                     bool *ret_state);

/* Whether a sentence reports that its subject comes into view, or leaves it.
 * English. */
bool story_comes(const char *what);
bool story_leaves(const char *what);

/* Whether a sentence reports only that something stays as it is: "A red car
 * stays.", "Nothing happens." English; of other languages none. */
bool story_is_state(const char *what);

#endif
