/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about what the model said before, whose answers are kept, so that
 * none is asked twice. */
#ifndef VDET_JOB_ASK_H
#define VDET_JOB_ASK_H

#include <jansson.h>
#include <pthread.h>

#include "job/run.h"
#include "openai/chat.h"

/* Where answers are kept. `request`: SHA-256 of everything that the answer
 * depends on. find: ERR_NOENT if there is none; the caller frees *ret. From
 * several threads at once. */
struct ask_journal {
	int (*find)(void *ctx, const char *request, char **ret, struct err *err);
	int (*add)(void *ctx, const char *request, const char *text, struct err *err);
	void *ctx;
};

/* The answers of a job. */
struct ask_job {
	struct store *store;
	const char *job; /* id */
};
struct ask_journal ask_journal_of(struct ask_job *job); /* borrows it */

/* Requests that belong together: after an error that is not one of an answer
 * (ERR_FORMAT) no more of them is sent. */
struct ask {
	const struct run_context *run;
	struct ask_journal journal;
	pthread_mutex_t lock; /* guards what follows */
	struct err stopped;   /* that error; code 0 = none yet */
};
void ask_init(struct ask *a, const struct run_context *run, const struct ask_journal *journal);
void ask_clear(struct ask *a);

/* The JSON object with the member `key`, an array, that answers the request:
 * from the journal, or (`again`: always) from the model, and then into the
 * journal. Blocks for the engine; from several threads at once. The caller owns
 * *ret. */
int ask_object(struct ask *a, const char *request, struct chat *chat, const char *key, bool again,
               json_t **ret, struct err *err);

/* Calls work() with each of the n items of `size` bytes, as many at once as the
 * engine has slots; returns when all are done. ERR_CANCELED. */
int ask_all(struct ask *a, void (*work)(void *item), void *items, size_t n, size_t size,
            struct err *err);

#endif
