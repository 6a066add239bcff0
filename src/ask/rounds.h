/* SPDX-License-Identifier: Apache-2.0 */
/* Looks again at what the search found, and where the looks themselves point
 * to. Internal to src/ask/. */
#ifndef VDET_ASK_ROUNDS_H
#define VDET_ASK_ROUNDS_H

#include "ask/asking.h"

enum {
	ROUNDS_MOST = 3,
	WINDOWS_ONE = 12, /* of one video */
	WINDOWS_ALL = 24, /* of several */
	LOOK_FRAMES_MIN = 8,
	LOOK_FRAMES_MAX = 16,
};

/* Searches, and marks the groups of sampled frames that are likely to show
 * something. */
int rounds_mark(struct asking *a, struct err *err);

/* Searches, looks at the windows, and follows where the looks point, until one
 * is enough or the rounds are over. Fails only if the journal does. */
int rounds_run(struct asking *a, struct err *err);

/* Times of `n` frames of a window, evenly, ascending; each once. Pure. Returns
 * how many. */
size_t rounds_times(int64_t start, int64_t end, size_t n, int64_t *out);

#endif
