/* SPDX-License-Identifier: Apache-2.0 */
#include "index/pool.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	KEYS_LEAST = 8,
	KEYS_MOST = 256, /* per task */
	RESTARTS = 40,   /* of children, for one index */
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
	cancel_free(t->withdrawn);
	free(t);
}

void pool_drop(struct worker_pool *c)
{
	for (size_t i = 0; i < c->n; i++)
		task_free(c->tasks[i]);
	c->n = 0;
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

/* ---- one task */

/* What a task leads to, before one of those that do it hands it in. */
struct task_result {
	struct signatures found;
	struct grids grids;
};

static void task_result_clear(struct task_result *r)
{
	signatures_clear(&r->found);
	grids_clear(&r->grids);
}

static struct index_look look_of(const struct worker_pool *c, const struct task *t)
{
	bool scenes = c->o->scenes;
	return (struct index_look){t->range.from, t->range.to + (scenes ? tail_scenes : 0), scenes};
}

static int decode(const struct worker_pool *c, struct decoder *d, const struct task *t,
                  struct task_result *ret, struct err *err)
{
	if (t->keys)
		return decoder_keys(d, t->keys, t->n_keys, &ret->found, &ret->grids, err);
	const struct index_look l = look_of(c, t);
	return decoder_stretch(d, l.from, l.to, l.all, INDEX_FRAMES_MOST, &ret->found, &ret->grids,
	                       err);
}

/* Of a range, only what is made of its frames is kept. */
static void judge_range(const struct worker_pool *c, const struct task *t,
                        const struct task_result *r, struct range_result *ret)
{
	if (!t->keys)
		range_judge(r->found.items, r->found.n, t->range.from, t->range.to, c->o->scenes,
		            t->range.from <= c->scan->first, ret);
}

/* A task failed, and its child is gone. For keyframes, each half is tried
 * again. */
static void divide(struct worker_pool *c, struct task *t, const struct err *err)
{
	c->err = *err;
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

/* The first result counts; `r` may be emptied. */
static void finish_task(struct worker_pool *c, struct task *t, int result, struct task_result *r,
                        const struct err *err)
{
	AUTO(range_result_clear) struct range_result judged = {0};
	if (result == 0)
		judge_range(c, t, r, &judged);
	pthread_mutex_lock(&c->lock);
	if (t->ended) {
		pthread_mutex_unlock(&c->lock);
		return;
	}
	t->ended = true;
	t->done = result == 0;
	c->done++;
	if (result < 0) {
		divide(c, t, err);
	} else {
		t->grids = r->grids;
		r->grids = (struct grids){0};
		t->result = judged;
		judged = (struct range_result){0};
		t->found = t->keys ? r->found : (struct signatures){0};
		r->found = t->keys ? (struct signatures){0} : r->found;
	}
	if (t->withdrawn)
		cancel_fire(t->withdrawn);
	if (c->o->progress)
		c->o->progress(c->o->ctx, c->what,
		               c->begins + (c->ends - c->begins) * (double)c->done / (double)c->n);
	pthread_mutex_unlock(&c->lock);
}

/* ---- the children */

/* One that no one does, else one that is only done elsewhere. */
static struct task *take_task(struct worker_pool *c, struct decoder **d)
{
	struct task *t = NULL, *other = NULL;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; !c->stop && i < c->n && !t; i++) {
		struct task *one = c->tasks[i];
		if (one->ended || one->here)
			continue;
		t = one->away ? NULL : one;
		other = other ? other : one;
	}
	t = t ? t : other;
	if (t)
		t->here = true;
	if (t && !*d && c->n_spares)
		*d = c->spares[--c->n_spares];
	pthread_mutex_unlock(&c->lock);
	return t;
}

static void *work(void *arg)
{
	struct worker_pool *c = arg;
	struct decoder *d = NULL;
	for (struct task *t; (t = take_task(c, &d));) {
		AUTO(task_result_clear) struct task_result result = {0};
		struct err err;
		int r = d ? 0 : decoder_open(c->fd, &c->o->decoder, c->cancel, &d, &err);
		if (r == 0)
			r = decode(c, d, t, &result, &err);
		if (r < 0)
			decoder_free(TAKE(d));
		finish_task(c, t, r, &result, &err);
	}
	pthread_mutex_lock(&c->lock);
	if (d && c->n_spares < POOL_WORKERS_MAX)
		c->spares[c->n_spares++] = TAKE(d);
	pthread_mutex_unlock(&c->lock);
	decoder_free(d);
	return NULL;
}

/* ---- elsewhere */

/* Keyframes are decoded where the bytes are: they are all over the file. */
static struct task *take_away(struct worker_pool *c)
{
	struct task *t = NULL;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; !c->stop && i < c->n && !t; i++) {
		struct task *one = c->tasks[i];
		if (!one->keys && !one->ended && !one->here && !one->withdrawn)
			t = one;
	}
	if (t) {
		t->away = true;
		t->withdrawn = cancel_new();
	}
	pthread_mutex_unlock(&c->lock);
	return t;
}

/* Until an error: the children do the rest. */
static void *work_away(void *arg)
{
	struct worker_pool *c = arg;
	const struct index_away *away = c->o->away;
	int r = 0;
	for (struct task *t; r == 0 && (t = take_away(c));) {
		AUTO(task_result_clear) struct task_result result = {0};
		const struct index_look look = look_of(c, t);
		struct err err = {0};
		r = away->decode(away->ctx, &look, t->withdrawn, &result.found, &result.grids, &err);
		if (r == 0)
			finish_task(c, t, 0, &result, NULL);
		pthread_mutex_lock(&c->lock);
		t->away = false;
		r = t->ended ? 0 : r; /* withdrawn: it was done here meanwhile */
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

static void withdraw_all(struct worker_pool *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = c->stop || cancel_fired(c->cancel);
	for (size_t i = 0; i < c->n; i++)
		if (c->tasks[i]->withdrawn)
			cancel_fire(c->tasks[i]->withdrawn);
	pthread_mutex_unlock(&c->lock);
}

/* ---- all of them */

static size_t start_threads(pthread_t *threads, size_t n, void *(*run)(void *), void *arg)
{
	size_t started = 0;
	n = n > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : n;
	while (started < n && pthread_create(&threads[started], NULL, run, arg) == 0)
		started++;
	return started;
}

static void join_threads(const pthread_t *threads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* How many ranges can be given away, beside those that the children begin
 * with. */
static size_t count_away(const struct worker_pool *c, size_t children)
{
	const struct index_away *away = c->o->away;
	size_t left = !c->n || c->tasks[0]->keys || c->n <= children ? 0 : c->n - children;
	int serves = left && away ? away->serves(away->ctx) : 0;
	return serves <= 0 ? 0 : (size_t)serves < left ? (size_t)serves : left;
}

/* Runs all tasks. */
static int pool_run(struct worker_pool *c, const char *what, struct err *err)
{
	pthread_t threads[POOL_WORKERS_MAX], others[POOL_WORKERS_MAX];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = c->o->workers ? (size_t)c->o->workers : processors > 0 ? (size_t)processors : 1;
	c->what = what;
	c->done = 0;
	n = n > c->n ? c->n : n;
	size_t started = start_threads(threads, n, work, c);
	size_t away = start_threads(others, count_away(c, n), work_away, c);
	if (n && !started)
		work(c);
	join_threads(threads, started);
	withdraw_all(c);
	join_threads(others, away);
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
