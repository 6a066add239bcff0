/* SPDX-License-Identifier: Apache-2.0 */
#include "net/fleet/quota.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/mem.h"
#include "remote/blob.h"

enum {
	COUNT_GAP = 1,       /* seconds between two looks at the folder of a worker */
	UNNAMED_MOST = 3600, /* seconds; a result comes right after its data */
	DISK_FREE = 16 << 20 /* bytes that are left for the journal */
};

struct quota_worker {
	struct quota_worker *next;
	char *name;
	int64_t kept;    /* bytes on the disk, at most: those that were named meanwhile are in it */
	int64_t coming;  /* bytes that are being received */
	int64_t counted; /* clock_now() of the last look at the disk; 0: none */
};

void quota_init(struct quota *q, const char *dir, int64_t limit)
{
	*q = (struct quota){.dir = dir, .limit = limit};
	pthread_mutex_init(&q->lock, NULL);
}

void quota_clear(struct quota *q)
{
	for (struct quota_worker *w = q->workers, *next; w; w = next) {
		next = w->next;
		free(w->name);
		free(w);
	}
	pthread_mutex_destroy(&q->lock);
}

static struct quota_worker *worker_of(struct quota *q, const char *name)
{
	struct quota_worker *w = q->workers;

	while (w && strcmp(w->name, name) != 0)
		w = w->next;
	if (!w) {
		w = mem_alloc(1, sizeof *w);
		w->name = mem_strdup(name);
		w->next = q->workers;
		q->workers = w;
	}
	return w;
}

/* Whether so many more are too many. What the journal has taken meanwhile is
 * only seen on the disk. */
static bool is_over(const struct quota *q, struct quota_worker *w, int64_t len)
{
	int64_t now = clock_now();
	bool over = w->kept + w->coming + len > q->limit;

	if (w->counted && (!over || now - w->counted < COUNT_GAP * CLOCK_SECOND))
		return over;
	if (over)
		remote_blob_expire(q->dir, w->name, UNNAMED_MOST * CLOCK_SECOND);
	w->kept = remote_blob_used(q->dir, w->name);
	w->counted = now;
	return w->kept + w->coming + len > q->limit;
}

static int check_disk(const struct quota *q, int64_t len, struct err *err)
{
	struct statvfs fs;

	/* The folder is made with the first blob. */
	if (statvfs(q->dir, &fs) < 0)
		return 0;
	int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	return left >= len + DISK_FREE
	           ? 0
	           : err_set(err, ERR_NOSPC,
	                     "the disk of the head is full (%" PRId64 " MiB are free): make room there",
	                     left >> 20);
}

int quota_reserve(struct quota *q, const char *worker, int64_t len, struct err *err)
{
	int64_t size = remote_blob_size(len);
	int r = check_disk(q, size, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&q->lock);
	struct quota_worker *w = worker_of(q, worker);
	if (is_over(q, w, size))
		r = err_set(err, ERR_NOSPC,
		            "the head has %" PRId64 " MiB of worker %s that no result in its journal "
		            "names, and keeps at most %" PRId64 " MiB of one worker: it takes more when "
		            "results are in the journal, or the data are an hour old",
		            (w->kept + w->coming) >> 20, worker, q->limit >> 20);
	else
		w->coming += size;
	pthread_mutex_unlock(&q->lock);
	return r;
}

void quota_release(struct quota *q, const char *worker, int64_t len, bool stored)
{
	int64_t size = remote_blob_size(len);

	pthread_mutex_lock(&q->lock);
	struct quota_worker *w = worker_of(q, worker);
	w->coming -= size;
	w->kept += stored ? size : 0;
	pthread_mutex_unlock(&q->lock);
}
