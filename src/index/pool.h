/* SPDX-License-Identifier: Apache-2.0 */
/* Several media children that decode for one index. A child that fails is
 * replaced, and its task is divided until only what cannot be decoded is
 * missing. One thread at a time, except for what the workers do themselves. */
#ifndef VDET_INDEX_POOL_H
#define VDET_INDEX_POOL_H

#include <pthread.h>

#include "index/choose.h"
#include "index/indexer.h"
#include "index/range-result.h"

enum { POOL_WORKERS_MAX = 64 };

/* Work for one child. */
struct task {
	const struct packet_key *keys; /* borrowed from the packet scan; NULL for a range */
	size_t n_keys;
	struct range range;
	bool here, away;          /* who is doing it */
	struct cancel *withdrawn; /* of what does it elsewhere; NULL if nothing ever did */
	bool ended;
	/* The result, once it has ended. */
	bool done;
	struct signatures found; /* of the keyframes */
	struct grids grids;
	struct range_result result;
};

struct worker_pool {
	const struct indexer_options *o;
	int fd;
	struct cancel *cancel;
	const struct packet_scan *scan;
	pthread_mutex_t lock; /* protects what follows */
	struct task **tasks;
	size_t n, done;
	int restarts;
	int64_t failed;
	struct err err; /* of the last failure */
	bool stop;      /* canceled, or every child fails */
	const char *what;
	double begins, ends;                      /* range of progress of this round */
	struct decoder *spares[POOL_WORKERS_MAX]; /* idle children */
	size_t n_spares;
};

/* What the options point to, `scan` and `cancel` are borrowed. */
void pool_init(struct worker_pool *c, int fd, const struct indexer_options *o,
               const struct packet_scan *scan, struct cancel *cancel);
void pool_clear(struct worker_pool *c);

/* Decodes these keyframes, and appends what they show, ascending. */
int pool_scan_keys(struct worker_pool *c, const struct packet_key *keys, size_t n,
                   struct signatures *ret, struct grids *ret_grids, struct err *err);
/* Decodes these ranges: the results are in the tasks, until pool_drop(). */
int pool_decode_ranges(struct worker_pool *c, const struct range *ranges, size_t n,
                       struct err *err);
void pool_drop(struct worker_pool *c);

#endif
