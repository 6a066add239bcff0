/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about what the model said before, whose answers are kept, so that
 * none is asked twice. */
#ifndef VDET_JOB_REQUESTS_H
#define VDET_JOB_REQUESTS_H

#include <jansson.h>
#include <pthread.h>

#include "job/run.h"
#include "openai/chat.h"

/* Where answers are kept. `request`: SHA-256 of everything that the answer
 * depends on. find: ERR_NOENT if there is none; the caller frees *ret. From
 * several threads at once. */
struct reply_journal {
	int (*find)(void *ctx, const char *request, char **ret, struct err *err);
	int (*add)(void *ctx, const char *request, const char *text, struct err *err);
	void *ctx;
};

/* The answers of a job. */
struct reply_job {
	struct store *store;
	const char *job; /* id */
};
struct reply_journal reply_journal_of(struct reply_job *job); /* borrows it */

/* Requests that belong together: after an error that is not one of an answer
 * (ERR_FORMAT) no more of them is sent. */
struct requests {
	const struct run_context *run;
	struct reply_journal journal;
	pthread_mutex_t lock; /* guards what follows */
	struct err stopped;   /* that error; code 0 = none yet */
	/* of requests that were answered */
	int64_t answered, prompt_tokens, output_tokens;
};
void requests_init(struct requests *a, const struct run_context *run,
                   const struct reply_journal *journal);
void requests_clear(struct requests *a);

/* The JSON object with the member `key`, an array, that answers the request:
 * from the journal, or (`again`: always) from the model, and then into the
 * journal. Blocks for the engine; from several threads at once. The caller owns
 * *ret. */
int requests_object(struct requests *a, const char *request, struct chat *chat, const char *key,
                    bool again, json_t **ret, struct err *err);

/* Calls work() with each of the n items of `size` bytes, as many at once as the
 * engine has slots; returns when all are done. ERR_CANCELED. */
int requests_all(struct requests *a, void (*work)(void *item), void *items, size_t n, size_t size,
                 struct err *err);

#endif
