/* SPDX-License-Identifier: Apache-2.0 */
/* A second look at frames: the request that checks one statement. */
#ifndef VDET_JOB_LOOK_H
#define VDET_JOB_LOOK_H

#include <stdatomic.h>

#include "job/describe.h"
#include "job/prompt.h"
#include "store/store.h"
#include "story/check.h"

/* Longest answer of a model that reasons or writes around its letter; a loop
 * ends there. */
enum { LOOK_TOKENS_MAX = 512 };

/* The frames that are looked at for one or several statements. */
struct look {
	const int64_t *cited; /* pts, ascending; borrowed */
	size_t n_cited;
	const int64_t *seen; /* sampled frames of the whole video, ascending; borrowed */
	size_t n_seen;
	int64_t from, to; /* ends of the video */
	struct prompt_picture pictures[CHECK_PICTURES];
	size_t n;
	/* of all requests about them so far */
	int64_t requests, prompt_tokens, output_tokens;
};

/* What the lanes of a run learn from answers; shared by them. */
struct looking {
	/* Longest answer; raised where one token was not enough, as for a model
	 * that reasons. */
	_Atomic int max_tokens;
	_Atomic size_t most; /* pictures that a request may have */
};
#define LOOKING                                 \
	{                                           \
		.max_tokens = 1, .most = CHECK_PICTURES \
	}

/* Decodes the pictures of `l` (cited to `to` are given), with the decoder of
 * `w`. A picture of a time between sampled frames that turns out to be one of
 * these is left out. ERR_FORMAT if there is not one picture. */
int look_open(struct describe_worker *w, const struct looking *k, struct look *l, struct err *err);
void look_close(struct look *l); /* frees the pictures */

/* Asks whether they show what `what` says. An answer without a letter is asked
 * for once more, and then '-', with the reason in *ret_reason (caller frees;
 * NULL otherwise). Where the engine refuses so many pictures, `l` is opened
 * again with fewer. Blocks for engine and decoder. */
int look_ask(struct describe_worker *w, struct looking *k, struct look *l, const char *what,
             struct store_answer *ret, char **ret_reason, struct err *err);

#endif
