/* SPDX-License-Identifier: Apache-2.0 */
/* The model's answer to a describe request: read, and held against what it was
 * shown. Pure. */
#ifndef VDET_JOB_ANSWER_H
#define VDET_JOB_ANSWER_H

#include <stddef.h>

#include "base/err.h"
#include "openai/chat.h"

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

/* Reads a result as an answer about `n_frames` pictures. What models put around
 * the JSON is taken off (openai/answer-text.h); loose forms whose meaning is
 * certain are taken: a missing list of events where nothing happens, an event
 * without a subject, frames as "2", 2.0, "Frame 2", "2-4" or a single number. A
 * frame number must be one of 1…n_frames, and something must be said.
 * ERR_FORMAT: the message names the fault in words for the model. */
int answer_read(const struct chat_result *result, size_t n_frames, struct answer *ret,
                struct err *err);

#endif
