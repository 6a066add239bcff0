/* SPDX-License-Identifier: Apache-2.0 */
/* A look at fresh frames for a question: a request about frames at some times,
 * whose reply names those that show it, or is a letter. */
#ifndef VDET_JOB_FRESH_LOOK_H
#define VDET_JOB_FRESH_LOOK_H

#include <jansson.h>

#include "job/describe.h"

enum {
	FRESH_LOOK_FRAMES = 64,
	FRESH_LOOK_ANSWER = 2000, /* bytes */
	FRESH_LOOK_NEXT = 80,
	FRESH_LOOK_TOKENS = 512, /* of a letter, of a model that writes around it */
};

struct fresh_look {
	const int64_t *times; /* ascending, at least one, at most FRESH_LOOK_FRAMES; borrowed */
	size_t n;
	const char *question; /* or the statement; borrowed */
	bool letter;          /* whether they show what the statement says */
	int tokens;           /* longest letter; raised where that was not enough */
	size_t most;          /* pictures of a request; lowered where the engine refuses so many */
	/* Called once the frames are decoded, before a request is made; may be
	 * NULL. */
	int (*decoded)(void *ctx, struct err *err);
	void *ctx;
	/* what it took so far */
	int64_t requests, prompt_tokens, output_tokens, decode_time;
};

/* *ret: of the frames that were shown {"pts": [microseconds, …], "sha256": [of
 * their pictures, …]}, and with them {"frames": [index into them, …],
 * "answer", "enough", "next"}, or {"letter": "A", "p": [of A, B, C]}, "-" where
 * the reply has no letter. The caller owns it.
 *
 * ERR_FORMAT: no frame could be decoded, or the reply cannot be used, twice.
 * Blocks for engine and decoder. */
int fresh_look_run(struct describe_worker *w, struct fresh_look *l, json_t **ret, struct err *err);

#endif
