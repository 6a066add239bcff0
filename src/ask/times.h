/* SPDX-License-Identifier: Apache-2.0 */
/* How often something was seen. Internal to src/ask/. */
#ifndef VDET_ASK_TIMES_H
#define VDET_ASK_TIMES_H

#include "ask/asking.h"

/* When something was found: first and last frame, as pts. */
struct ask_moment {
	size_t source;
	int64_t start, end;
	bool sure; /* asking_is_sure() */
};

/* Counts separate times, and beside them those that are only unsure. Moments of
 * one video are of two times if between them a group of frames was found not to
 * show it, or some frames of a group of which others may. Sorts the moments. */
void times_count(const struct asking *a, struct ask_moment *of, size_t n, struct ask_times *ret);

#endif
