/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the model's answer to a describe request, and checks it against the
 * pictures that were sent. Pure. */
#ifndef VDET_JOB_DESCRIPTION_H
#define VDET_JOB_DESCRIPTION_H

#include <stddef.h>

#include "base/err.h"
#include "openai/chat.h"

struct description_event {
	char *subject; /* who or what it is about, in a few words; "" if not given */
	char *what;
	char *quote; /* words of a text that was shown with the pictures; "" if not given */
	/* 0-based numbers of the pictures that were sent, ascending, no duplicates,
	 * at least one */
	size_t *frames;
	size_t n_frames;
};

struct description {
	char *summary; /* "" only if there are events */
	struct description_event *events;
	size_t n_events;
};

void description_clear(struct description *a);

/* Parses a result as an answer about `n_frames` pictures. Text around the JSON
 * is removed (openai/answer-text.h); unambiguous deviations are accepted: a
 * missing list of events where nothing happens, an event without a subject,
 * frames as "2", 2.0, "Frame 2", "2-4" or a single number. A frame number must
 * be one of 1…n_frames, and summary or events must not be empty. ERR_FORMAT:
 * the message describes the fault for the model. */
int description_read(const struct chat_result *result, size_t n_frames, struct description *ret,
                     struct err *err);

#endif
