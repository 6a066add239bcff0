/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a worker. Threads: one for each slot, and that of the caller,
 * which listens to heads and looks after the units in progress. */
#ifndef VDET_FLEET_WORKER_INTERNAL_H
#define VDET_FLEET_WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "fleet/link.h"
#include "fleet/streams.h"
#include "fleet/wire.h"
#include "fleet/worker.h"

enum { WORKER_HEADS = 64, WORKER_SLOTS = 256 };

struct fleet_token {
	struct serving *w;
	char head[33];
	struct wire_unit unit;
	char *reply;              /* owned; for acknowledgements */
	int64_t delivery;         /* of the message, from 1 */
	struct cancel *cancel;    /* of the work */
	int64_t begun;            /* clock_now(); of its slot */
	_Atomic int64_t progress; /* clock_now() of the last one */
	_Atomic int64_t sent;     /* likewise of the last sign to the server */
	_Atomic bool gone;        /* not wanted any more */
	_Atomic bool stalled;     /* without progress for the unit's timeout */
	_Atomic bool left;        /* given back, as this worker and the head end */
};

/* A head that was heard of. */
struct known_head {
	char id[33];
	struct wire_notice notice; /* the last one with its queues */
	int64_t heard;             /* clock_now() */
	int64_t notified;          /* likewise of the last beat to it */
	uint64_t shown;            /* the connection for which it was named; 0: none */
};

/* A queue that may have a unit. */
struct place {
	char head[33];
	char queue[WIRE_QUEUE];
	bool held, waiting;
};

struct serving {
	const struct fleet_worker_options *o;
	char name[FLEET_NAME_MAX + 1], instance[WIRE_NONCE];
	struct link_creds creds;
	struct link *link;
	struct cancel *drain, *cancel; /* the caller's */
	_Atomic bool draining;
	_Atomic int active; /* slots that have not ended */
	int64_t started;    /* clock_now() */
	/* What it has done: units, and microseconds until results were sent. */
	_Atomic int64_t done, failed, send;
	pthread_mutex_t fetch; /* one asks for units at a time */
	struct puller puller;  /* of the slot that has that */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t news;  /* there may be units */
	uint64_t n_news;
	struct known_head heads[WORKER_HEADS];
	size_t n_heads;
	struct fleet_token *tokens[WORKER_SLOTS]; /* in progress, by slot */
	int64_t busy;                             /* microseconds of slots, of ended units */

	/* What was said of it, for the thread of the caller alone. */
	uint64_t connects; /* the connection, from 1; 0: none */
	int64_t connected; /* clock_now() */
	bool lost, alone;  /* that it is lost; that no head is there */
};

/* Whether the slots are to take no more units. */
static inline bool serving_ends(struct serving *w)
{
	return w->draining || cancel_fired(w->cancel) || cancel_fired(w->drain);
}

/* ---- worker-fetch.c: takes a unit for a slot; NULL if there is none now.
 * `all`: also from queues that seem to have none. Blocks. */
struct fleet_token *serving_fetch(struct serving *w, bool all);
void token_free(struct fleet_token *t);

/* ---- worker-say.c: says that the connection is there, or lost. */
void serving_say_link(struct serving *w);
/* That this head has been sent a beat. */
void serving_say_head(struct serving *w, const char *head);

/* ---- worker-unit.c: does a unit, and sends its result. */
void serving_do(struct serving *w, struct fleet_token *t);
/* Reports progress to the server, and cancels what makes none; of all units. */
void serving_look_after(struct serving *w);

#endif
