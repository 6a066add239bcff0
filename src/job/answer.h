/* SPDX-License-Identifier: Apache-2.0 */
/* The model's answer to a describe request: read, and held against what it was
 * shown. Pure. */
#ifndef VDET_JOB_ANSWER_H
#define VDET_JOB_ANSWER_H

#include <stddef.h>

#include "base/err.h"

struct answer_event {
	char *subject; /* who or what it is about, in a few words; "" if the model did not say */
	char *what;
	/* 0-based numbers of the pictures that were sent, ascending, no duplicates,
	 * at least one */
	size_t *frames;
	size_t n_frames;
};

struct answer {
	char *summary; /* "" only if there are events */
	struct answer_event *events;
	size_t n_events;
};

void answer_clear(struct answer *a);

/* Reads `text` as an answer about `n_frames` pictures. A Markdown fence around
 * the JSON is tolerated: engines without constrained output put one there. An
 * event without a subject is as good. Otherwise everything must fit: the
 * schema, frame numbers within 1…n_frames, and something said at all. The
 * error's message is the fault, worded so that the model can be told. */
int answer_parse(const char *text, size_t n_frames, struct answer *ret, struct err *err);

#endif
