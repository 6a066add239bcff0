/* SPDX-License-Identifier: Apache-2.0 */
/* How many bytes each worker may have on the disk of its head that no result in
 * the journal names. Any thread; calls may wait for the disk. */
#ifndef VDET_NET_FLEET_QUOTA_H
#define VDET_NET_FLEET_QUOTA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct quota_worker;

struct quota {
	const char *dir; /* of blobs (remote/blob.h); borrowed */
	int64_t limit;   /* bytes of each worker */
	pthread_mutex_t lock;
	struct quota_worker *workers;
};

void quota_init(struct quota *q, const char *dir, int64_t limit);
void quota_clear(struct quota *q);

/* Before so many bytes are received. ERR_NOSPC: the worker has too many
 * already, or the disk is full; the message says which, and what to do. */
int quota_reserve(struct quota *q, const char *worker, int64_t len, struct err *err);
/* Once for each that was reserved: they are on the disk, or not. */
void quota_release(struct quota *q, const char *worker, int64_t len, bool stored);

#endif
