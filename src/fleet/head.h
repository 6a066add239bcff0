/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a fleet: gives units of work to workers through NATS JetStream,
 * and collects their results. The stream is only a courier: what is not
 * settled is given again, and the journal of the caller decides what is done.
 * Every function may be called from any thread. */
#ifndef VDET_FLEET_HEAD_H
#define VDET_FLEET_HEAD_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "fleet/options.h"
#include "runner/runner.h"

struct fleet_head;

/* What the caller does for its workers; called from threads of the head. Each
 * may be NULL. */
struct fleet_head_hooks {
	/* Data that the worker has sent before its result, which names them with
	 * that hash; the head owns them then. An error counts as a failure of the
	 * worker; with ERR_NOENT, ERR_IO and ERR_NOSPC the unit is only given to
	 * another one. */
	int (*blob)(void *ctx, const char *worker, const char *sha256, unsigned char **ret_data,
	            size_t *ret_len, struct err *err);
	/* Replies to fleet_ask() of a worker, with text that the head frees. The
	 * question may come from anyone with the credentials of a worker. */
	int (*answer)(void *ctx, const char *worker, const char *topic, const char *body,
	              char **ret_reply, struct err *err);
	/* Adds to fleet_head_state() what the caller knows. */
	void (*describe)(void *ctx, json_t *state);
	void *ctx;
	/* Fired when this process ends (NULL: never): a unit that is canceled then
	 * is left to the worker that has begun it, and the next head takes the
	 * result. Any other canceled unit is withdrawn. */
	const struct cancel *ending;
};

/* Connects and makes what is missing: streams, key-value buckets. `id` is that
 * of the journal: 16 hexadecimal digits. ERR_BUSY while another head with this
 * id runs, ERR_FORMAT if a stream has other settings. Blocks for some seconds,
 * or up to 20 after a head on another machine was killed. */
int fleet_head_open(const struct fleet_options *o, const char *id,
                    const struct fleet_head_hooks *hooks, struct fleet_head **ret, struct err *err);
/* No run() may be in progress. What was not settled is there again after the
 * next fleet_head_open(). */
void fleet_head_free(struct fleet_head *h);
DEFINE_FREEP(struct fleet_head, fleet_head)

/* Valid until the head is closed. The result of a unit that was not settled is
 * returned again by the next run() of the same unit. run() waits while the
 * server cannot be reached, or no worker is there. */
struct runner fleet_head_runner(struct fleet_head *h);

/* Whether a unit, of which so large a share is, is to be done by two workers;
 * the same for the same unit. */
bool fleet_head_twice(struct fleet_head *h, const struct runner_unit *u, double share);
/* Counts that two workers did one, for the state. */
void fleet_head_compared(struct fleet_head *h, const char *first, const char *second, bool same);

/* What docs/protocols.md shows of it; times in seconds. The caller owns it.
 * Texts of "report" are a worker's, and not trusted. */
json_t *fleet_head_state(struct fleet_head *h);
/* A worker ends after the units that it has; ERR_NOENT. */
int fleet_head_drain(struct fleet_head *h, const char *worker, struct err *err);
/* Removes a worker from the list until it is heard of again; ERR_NOENT. */
int fleet_head_forget(struct fleet_head *h, const char *worker, struct err *err);

/* The same from another process: "state", "drain" or "forget" (of `worker`,
 * else NULL). The caller owns the answer. ERR_NOENT if no such head runs. */
int fleet_head_order(const struct fleet_options *o, const char *id, const char *order,
                     const char *worker, json_t **ret, struct err *err);

#endif
