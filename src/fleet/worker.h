/* SPDX-License-Identifier: Apache-2.0 */
/* A worker of a fleet: takes units of work from all heads that it hears of,
 * does them one at a time in each slot, and sends the results. */
#ifndef VDET_FLEET_WORKER_H
#define VDET_FLEET_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"
#include "fleet/figures.h"
#include "fleet/options.h"
#include "runner/runner.h"

struct fleet_token; /* a unit that is being done */

struct fleet_worker_options { /* everything is borrowed */
	struct fleet_options link;
	int slots;                 /* units at the same time, 1 to 256 */
	const char *const *models; /* which units' models it can serve; "" is always served */
	size_t n_models;
	/* Microseconds that a unit waits for a head that is gone, while this worker
	 * ends; 0 = a minute. */
	int64_t patience;
	const char *report; /* JSON object for people: version, decoders, memory; NULL: none */
	/* What follows is called from the threads of the slots. */
	void *ctx;
	/* Does the unit. `ret` is empty at first. An error but ERR_CANCELED is
	 * reported to the head; ERR_UNSUPPORTED says that this worker never can do
	 * it, which is not a failure: the unit waits for another worker. */
	int (*work)(void *ctx, const struct runner_unit *u, struct fleet_token *t,
	            struct runner_result *ret, struct err *err);
	/* Sends data that a result names, before the result; NULL: results with
	 * blobs fail. */
	int (*put)(void *ctx, struct fleet_token *t, const struct runner_blob *blob, struct err *err);
	/* Whether it has parts of the source already; NULL: never. */
	bool (*holds)(void *ctx, const char *source);
	/* Whether another unit of the model can be begun now, beside those that
	 * are being done; NULL: always. */
	bool (*takes)(void *ctx, const char *model);
	/* Sets what this module cannot count: times of frames, engine and bytes,
	 * and the cache. Called from the thread of fleet_worker_run(); NULL: they
	 * are 0. */
	void (*figures)(void *ctx, struct fleet_figures *f);
	/* Says what became of the connection: "connected to …". From the thread of
	 * fleet_worker_run(); NULL: nothing is said. */
	void (*say)(void *ctx, const char *text);
};

/* Blocks until `drain` has fired and the units in progress are done (0), until
 * `cancel` has fired, which gives them back (0), or until the server refuses
 * this worker. A head can drain it, too. Either may be NULL. */
int fleet_worker_run(const struct fleet_worker_options *o, struct cancel *drain,
                     struct cancel *cancel, struct err *err);

/* For work(), from any thread while it runs. */

/* Says that the unit has got further: call it after each frame or token, and
 * only then. False: the result is not wanted any more. Does not block. */
bool fleet_progress(struct fleet_token *t);
/* Fires when the result is not wanted any more, or the unit made no progress
 * for its timeout. */
struct cancel *fleet_token_cancel(struct fleet_token *t);
const char *fleet_token_head(const struct fleet_token *t); /* the id of its head */
/* Asks the head that gave the unit; the topic is a name like that of a worker.
 * The caller frees the reply. Blocks, at most 10 seconds if the head does not
 * answer. */
int fleet_ask(struct fleet_token *t, const char *topic, const char *body, char **ret_reply,
              struct err *err);

#endif
