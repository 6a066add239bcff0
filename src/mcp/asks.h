/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that are being answered: an answer may take longer than a client
 * waits, so that it is made on a thread, and asked for again by a handle. The
 * journal keeps what was done: the same question continues, also in another
 * process. The same for single looks. Thread-safe. */
#ifndef VDET_MCP_ASKS_H
#define VDET_MCP_ASKS_H

#include <stddef.h>

#include "ask/ask.h"
#include "mcp/context.h"

struct asks;

struct asks *asks_new(const struct mcp_setup *s);
/* Cancels those in progress, and waits for them. NULL is fine. */
void asks_free(struct asks *a);

enum { ASKS_HANDLE_MAX = 24 };

struct asks_question {
	const char *question, *thread;
	const char *const *choices;
	size_t n_choices;
	const struct ask_video *videos;
	size_t n_videos;
	bool all; /* the videos are all that there are */
	bool thorough;
	/* NULL: an answer is made. Else the one video is looked at once, and the
	 * result is in the journal, for ask_look_at(). */
	const struct ask_look *look;
};
/* Starts it, unless the same is in progress. ERR_BUSY: too many are. */
int asks_start(struct asks *a, const struct asks_question *q, char ret_handle[ASKS_HANDLE_MAX],
               struct err *err);

struct asks_state {
	bool running;
	double done, total; /* of the step */
	char step[160];     /* for people */
	char answer[32];    /* id; "" while it is running, and of a look */
};
/* Waits for the end until `until` (clock_now()), at most. If `cancel` fires and
 * no one else waits for it, it is canceled (ERR_CANCELED). `progress` may be
 * NULL. ERR_NOENT: there is no such handle; other errors: why there is no
 * answer. */
int asks_wait(struct asks *a, const char *handle, int64_t until, struct cancel *cancel,
              void (*progress)(void *ctx, const struct asks_state *s), void *ctx,
              struct asks_state *ret, struct err *err);

#endif
