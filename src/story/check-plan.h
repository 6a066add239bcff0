/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements of a video are doubtful, and which checks and controls a run
 * makes. Chosen by the key of the run, not by chance: the same journal gives
 * the same choice. Pure; takes O(n log n) steps. Times: microseconds. */
#ifndef VDET_STORY_CHECK_PLAN_H
#define VDET_STORY_CHECK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "story/check.h"
#include "story/story.h"

struct check_chunk {
	const int64_t *seen; /* pts of the frames that the model was shown, ascending */
	size_t n_seen;       /* 0 for a hole */
	const char *summary;
};

struct check_statement {
	struct story_part part; /* part.chunk is an index into the chunks */
	size_t index;           /* within its chunk */
	const int64_t *frames;  /* pts of the frames that it cites, ascending */
	size_t n_frames;        /* at least 1 */
};

/* Everything that is chosen from; borrowed. */
struct check_video {
	const char *key; /* of the run */
	const struct check_chunk *chunks;
	size_t n_chunks;
	const struct check_statement *statements; /* in order of chunk, then index */
	size_t n;
};

/* Why a statement is doubtful; a greater one is checked first. */
enum check_doubt {
	DOUBT_NONE,
	DOUBT_SINGLE,  /* it cites one frame only */
	DOUBT_MISSING, /* its subject is not mentioned right before or after, see below */
	DOUBT_CONTRADICTION,
	DOUBTS
};
/* "", "single-frame", "missing", "contradiction" */
const char *check_doubt_name(enum check_doubt d);

/* Writes why each statement is doubtful. States are not. A statement that cites
 * the last frame of its chunk is compared with the next chunk, if the first
 * frame of that is at most two seconds later (and likewise at its beginning):
 * - DOUBT_MISSING: nothing there mentions its subject, and it does not say that
 *   the subject leaves (comes);
 * - DOUBT_CONTRADICTION: a statement there that cites the first (last) frame
 *   says that the same subject comes although this one had it stay, or has it
 *   there without coming although this one had it leave. */
void check_doubts(const struct check_video *v, enum check_doubt *ret);

enum check_kind {
	CHECK_STATEMENT,
	/* What looks at two neighboring chunks agree on, over the frames of one:
	 * the statement if both say the same, else that its subject is there. */
	CHECK_POSITIVE,
	/* a statement over a chunk in which nothing mentions its subject */
	CHECK_NEGATIVE_FRAMES,
	/* a statement in which a word was replaced, over its own frames */
	CHECK_NEGATIVE_CHANGED,
	CHECK_KINDS
};
/* "statement", "positive", "negative-frames", "negative-statement" */
const char *check_kind_name(enum check_kind kind);

struct check_item {
	enum check_kind kind;
	size_t statement;      /* index into those of the video: that it checks or was made from */
	char *what;            /* what is asked; owned */
	const int64_t *frames; /* that it is asked about; the video's */
	size_t n_frames;
};

struct check_wanted {
	/* for each whether it is to be checked, also if that was done */
	const bool *statements;
	size_t positive, negative; /* controls to be made first */
	size_t limit;              /* items at most; SIZE_MAX = any number */
	/* whether an item was done before: it is left out, and does not count */
	bool (*done)(void *ctx, const struct check_item *item);
	void *ctx;
};

/* The items of a run, in the order in which they are done: controls, those of
 * both directions by turns; then the statements, the most doubtful first, each
 * CHECK_CONTROL_EVERY-th with another control. The caller frees. */
struct check_item *check_plan(const struct check_video *v, const enum check_doubt *doubts,
                              const struct check_wanted *wanted, size_t *ret_n);
void check_items_free(struct check_item *items, size_t n); /* NULL is fine */

#endif
