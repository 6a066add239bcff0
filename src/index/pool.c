/* SPDX-License-Identifier: Apache-2.0 */
#include "index/pool.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	KEYS_LEAST = 8,
	KEYS_MOST = 256,      /* per task */
	RESTARTS = 40,        /* of children, for one index */
	FRAMES_MOST = 200000, /* per range: half an hour at 100 frames per second */
};

/* Decoded after the end of a range if cuts must be exact, to recognize a flash
 * or the end of a dissolve. Otherwise a range ends one second after the last
 * point of interest, or at the next keyframe. */
static const int64_t tail_scenes = 3 * CLOCK_SECOND / 2;

void pool_init(struct worker_pool *c, int fd, const struct indexer_options *o,
               const struct packet_scan *scan, struct cancel *cancel)
{
	*c = (struct worker_pool){.o = o, .fd = fd, .cancel = cancel, .scan = scan};
	pthread_mutex_init(&c->lock, NULL);
}

static void task_free(struct task *t)
{
	signatures_clear(&t->found);
	grids_clear(&t->grids);
	range_result_clear(&t->result);
	free(t);
}

void pool_drop(struct worker_pool *c)
{
	for (size_t i = 0; i < c->n; i++)
		task_free(c->tasks[i]);
	c->n = c->next = 0;
}

void pool_clear(struct worker_pool *c)
{
	pool_drop(c);
	free(c->tasks);
	for (size_t i = 0; i < c->n_spares; i++)
		decoder_free(c->spares[i]);
	pthread_mutex_destroy(&c->lock);
}

static struct task *add_task(struct worker_pool *c)
{
	struct task *t = mem_alloc(1, sizeof *t);
	c->tasks = mem_grow(c->tasks, c->n + 1, sizeof *c->tasks);
	return c->tasks[c->n++] = t;
}

static void add_keys(struct worker_pool *c, const struct packet_key *keys, size_t n)
{
	struct task *t = add_task(c);
	t->keys = keys;
	t->n_keys = n;
}

static int do_keys(struct decoder *d, struct task *t, struct err *err)
{
	return decoder_keys(d, t->keys, t->n_keys, &t->found, &t->grids, err);
}

static int do_range(const struct worker_pool *c, struct decoder *d, struct task *t, struct err *err)
{
	AUTO(signatures_clear) struct signatures s = {0};
	bool scenes = c->o->scenes;
	int64_t to = t->range.to + (scenes ? tail_scenes : 0);
	int r = decoder_stretch(d, t->range.from, to, scenes, FRAMES_MOST, &s, &t->grids, err);
	if (r == 0)
		range_judge(s.items, s.n, t->range.from, t->range.to, scenes,
		            t->range.from <= c->scan->first, &t->result);
	return r;
}

/* A task failed, and its child is gone. For keyframes, each half is tried
 * again. */
static void divide(struct worker_pool *c, struct task *t, const struct err *err)
{
	c->err = *err;
	signatures_clear(&t->found);
	grids_clear(&t->grids);
	if (err->code == ERR_CANCELED || ++c->restarts > RESTARTS)
		c->stop = true;
	if (t->keys && t->n_keys > 1 && !c->stop) {
		size_t half = t->n_keys / 2;
		add_keys(c, t->keys, half);
		add_keys(c, t->keys + half, t->n_keys - half);
	} else {
		c->failed++;
	}
}

static struct task *take_task(struct worker_pool *c, struct decoder **d)
{
	struct task *t = NULL;
	pthread_mutex_lock(&c->lock);
	if (!c->stop && c->next < c->n)
		t = c->tasks[c->next++];
	if (t && !*d && c->n_spares)
		*d = c->spares[--c->n_spares];
	pthread_mutex_unlock(&c->lock);
	return t;
}

static void finish_task(struct worker_pool *c, struct task *t, int result, const struct err *err)
{
	pthread_mutex_lock(&c->lock);
	t->done = result == 0;
	c->done++;
	if (result < 0)
		divide(c, t, err);
	if (c->o->progress)
		c->o->progress(c->o->ctx, c->what,
		               c->begins + (c->ends - c->begins) * (double)c->done / (double)c->n);
	pthread_mutex_unlock(&c->lock);
}

static void *work(void *arg)
{
	struct worker_pool *c = arg;
	struct decoder *d = NULL;
	for (struct task *t; (t = take_task(c, &d));) {
		struct err err;
		int r = d ? 0 : decoder_open(c->fd, &c->o->decoder, c->cancel, &d, &err);
		if (r == 0)
			r = t->keys ? do_keys(d, t, &err) : do_range(c, d, t, &err);
		if (r < 0)
			decoder_free(TAKE(d));
		finish_task(c, t, r, &err);
	}
	pthread_mutex_lock(&c->lock);
	if (d && c->n_spares < POOL_WORKERS_MAX)
		c->spares[c->n_spares++] = TAKE(d);
	pthread_mutex_unlock(&c->lock);
	decoder_free(d);
	return NULL;
}

/* Runs all tasks that have not started. */
static int pool_run(struct worker_pool *c, const char *what, struct err *err)
{
	pthread_t threads[POOL_WORKERS_MAX];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = c->o->workers    ? (size_t)c->o->workers
	           : processors > 0 ? (size_t)processors
	                            : 1,
		   started = 0;
	c->what = what;
	c->done = c->next;
	if (n > c->n - c->next)
		n = c->n - c->next;
	for (n = n > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : n; started < n; started++)
		if (pthread_create(&threads[started], NULL, work, c) != 0)
			break;
	if (n && !started)
		work(c);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return cancel_fired(c->cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}

/* Of signatures, and of grids: both begin with their time. */
static int by_time(const void *a, const void *b)
{
	_Static_assert(!offsetof(struct signature, pts) && !offsetof(struct grid, pts), "pts first");
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int pool_scan_keys(struct worker_pool *c, const struct packet_key *keys, size_t n,
                   struct signatures *ret, struct grids *ret_grids, struct err *err)
{
	size_t part = n / 24 < KEYS_LEAST ? KEYS_LEAST : n / 24 > KEYS_MOST ? KEYS_MOST : n / 24;
	for (size_t i = 0; i < n; i += part)
		add_keys(c, keys + i, n - i < part ? n - i : part);
	int r = pool_run(c, "keyframes", err);
	for (size_t i = 0; i < c->n && r == 0; i++) {
		const struct task *t = c->tasks[i];
		for (size_t k = 0; k < t->found.n; k++)
			signatures_add(ret, &t->found.items[k]);
		for (size_t k = 0; k < t->grids.n; k++)
			grids_add(ret_grids, &t->grids.items[k]);
	}
	pool_drop(c);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof *ret->items, by_time);
	if (ret_grids->n)
		qsort(ret_grids->items, ret_grids->n, sizeof *ret_grids->items, by_time);
	return r;
}

int pool_decode_ranges(struct worker_pool *c, const struct range *ranges, size_t n, struct err *err)
{
	c->stop = c->stop && c->restarts <= RESTARTS;
	for (size_t i = 0; i < n; i++)
		add_task(c)->range = ranges[i];
	return n ? pool_run(c, "decoding", err) : 0;
}
