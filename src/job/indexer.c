#include "job/indexer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "job/index-choose.h"
#include "job/index-form.h"
#include "job/index-look.h"
#include "proc/media-wire.h"

enum {
	MOST_WORKERS = 64,
	KEYS_LEAST = 8,
	KEYS_MOST = 256,      /* in one part */
	RESTARTS = 40,        /* of children, over one index */
	FRAMES_MOST = 200000, /* of one close look: half an hour at 100 a second */
};

/* Seen behind a stretch where cuts are wanted exactly, to tell a flash or the end of a dissolve. Elsewhere a stretch
 * ends a second behind what is of interest, or with the next keyframe. */
static const int64_t tail_scenes = 3 * CLOCK_SECOND / 2;
static const int64_t budget_least = 20 * CLOCK_SECOND; /* a short video is looked at closely throughout */

/* A part of the work, for one child. */
struct task {
	const struct walk_key *keys; /* borrowed from the walk; NULL for a close look */
	size_t n_keys;
	struct range range;
	struct signatures found; /* of the keyframes */
	struct look_result look;
	bool done;
};

struct crew {
	const struct indexer_options *o;
	int fd;
	struct cancel *cancel;
	const struct walk *walk;
	pthread_mutex_t lock; /* of what follows */
	struct task **tasks;
	size_t n, next, done;
	int restarts;
	int64_t failed;
	struct err err; /* of the last failure */
	bool stop;      /* cancelled, or nothing works */
	const char *what;
	struct decoder *spare; /* the child that walked */
};

static void task_free(struct task *t)
{
	signatures_clear(&t->found);
	look_result_clear(&t->look);
	free(t);
}

static void crew_clear(struct crew *c)
{
	for (size_t i = 0; i < c->n; i++)
		task_free(c->tasks[i]);
	free(c->tasks);
	decoder_free(c->spare);
	pthread_mutex_destroy(&c->lock);
}

static struct task *add_task(struct crew *c)
{
	struct task *t = mem_alloc(1, sizeof *t);
	c->tasks = mem_grow(c->tasks, c->n + 1, sizeof *c->tasks);
	return c->tasks[c->n++] = t;
}

static void add_keys(struct crew *c, const struct walk_key *keys, size_t n)
{
	struct task *t = add_task(c);
	t->keys = keys;
	t->n_keys = n;
}

static int do_keys(struct decoder *d, struct task *t, struct err *err)
{
	return decoder_keys(d, t->keys, t->n_keys, &t->found, err);
}

static int do_look(const struct crew *c, struct decoder *d, struct task *t, struct err *err)
{
	AUTO(signatures_clear) struct signatures s = {0};
	bool scenes = c->o->scenes;
	int64_t to = t->range.to + (scenes ? tail_scenes : 0);
	int r = decoder_stretch(d, t->range.from, to, scenes, FRAMES_MOST, &s, err);
	if (r == 0)
		look_judge(s.items, s.n, t->range.from, t->range.to, scenes, t->range.from <= c->walk->first, &t->look);
	return r;
}

/* A part has failed, and its child is gone: with keyframes, each half gets another chance. */
static void divide(struct crew *c, struct task *t, const struct err *err)
{
	c->err = *err;
	signatures_clear(&t->found);
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

static struct task *take_task(struct crew *c, struct decoder **d)
{
	struct task *t = NULL;
	pthread_mutex_lock(&c->lock);
	if (!c->stop && c->next < c->n)
		t = c->tasks[c->next++];
	if (t && !*d)
		*d = TAKE(c->spare);
	pthread_mutex_unlock(&c->lock);
	return t;
}

static void finish_task(struct crew *c, struct task *t, int result, const struct err *err)
{
	pthread_mutex_lock(&c->lock);
	t->done = result == 0;
	c->done++;
	if (result < 0)
		divide(c, t, err);
	if (c->o->progress)
		c->o->progress(c->o->ctx, c->what, (double)c->done / (double)c->n);
	pthread_mutex_unlock(&c->lock);
}

static void *work(void *arg)
{
	struct crew *c = arg;
	struct decoder *d = NULL;
	for (struct task *t; (t = take_task(c, &d));) {
		struct err err;
		int r = d ? 0 : decoder_open(c->fd, &c->o->decoder, c->cancel, &d, &err);
		if (r == 0)
			r = t->keys ? do_keys(d, t, &err) : do_look(c, d, t, &err);
		if (r < 0)
			decoder_free(TAKE(d));
		finish_task(c, t, r, &err);
	}
	/* One child is kept for the next round of work. */
	pthread_mutex_lock(&c->lock);
	if (!c->spare)
		c->spare = TAKE(d);
	pthread_mutex_unlock(&c->lock);
	decoder_free(d);
	return NULL;
}

/* Does all tasks that are not yet begun. */
static int crew_run(struct crew *c, const char *what, struct err *err)
{
	pthread_t threads[MOST_WORKERS];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = c->o->workers ? (size_t)c->o->workers : processors > 0 ? (size_t)processors : 1, started = 0;
	c->what = what;
	c->done = c->next;
	if (n > c->n - c->next)
		n = c->n - c->next;
	for (n = n > MOST_WORKERS ? MOST_WORKERS : n; started < n; started++)
		if (pthread_create(&threads[started], NULL, work, c) != 0)
			break;
	if (n && !started)
		work(c);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return cancel_fired(c->cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}

/* The keyframes that are decoded: all, unless they come faster than is useful. The caller frees. */
static struct walk_key *choose_keys(const struct walk *w, size_t *ret_n)
{
	int64_t spacing = w->duration / 3600, least = CLOCK_SECOND / 2, most = 2 * CLOCK_SECOND;
	struct walk_key *out = mem_alloc(w->n_keys + 1, sizeof *out);
	size_t n = 0;
	spacing = spacing < least ? least : spacing > most ? most : spacing;
	for (size_t i = 0; i < w->n_keys; i++)
		/* Half of it: groups of nearly that length are all taken. */
		if (!n || w->keys[i].pts - out[n - 1].pts >= spacing / 2)
			out[n++] = w->keys[i];
	*ret_n = n;
	return out;
}

static int by_time(const void *a, const void *b)
{
	const struct signature *x = a, *y = b;
	return (x->pts > y->pts) - (x->pts < y->pts);
}

static int scan_keys(struct crew *c, struct signatures *ret, struct err *err)
{
	size_t n;
	AUTO(mem_freep) struct walk_key *keys = choose_keys(c->walk, &n);
	size_t part = n / 24 < KEYS_LEAST ? KEYS_LEAST : n / 24 > KEYS_MOST ? KEYS_MOST : n / 24;
	for (size_t i = 0; i < n; i += part)
		add_keys(c, keys + i, n - i < part ? n - i : part);
	int r = crew_run(c, "keyframes", err);
	for (size_t i = 0; i < c->n && r == 0; i++)
		for (size_t k = 0; k < c->tasks[i]->found.n; k++)
			signatures_add(ret, &c->tasks[i]->found.items[k]);
	for (size_t i = 0; i < c->n; i++)
		task_free(c->tasks[i]);
	c->n = c->next = 0;
	if (ret->n)
		qsort(ret->items, ret->n, sizeof *ret->items, by_time);
	return r;
}

static int look_closely(struct crew *c, const struct range *ranges, size_t n, struct err *err)
{
	c->stop = c->stop && c->restarts <= RESTARTS;
	for (size_t i = 0; i < n; i++)
		add_task(c)->range = ranges[i];
	return n ? crew_run(c, "close looks", err) : 0;
}

static int key_order(const void *a, const void *b)
{
	const struct index_key *x = a, *y = b;
	return (x->pts > y->pts) - (x->pts < y->pts);
}

static void gather_keys(const struct crew *c, const struct signatures *keys, struct video_index *x)
{
	size_t most = keys->n, n = 0;
	for (size_t i = 0; i < c->n; i++)
		most += c->tasks[i]->look.n_keys;
	x->keys = mem_alloc(most + 1, sizeof *x->keys);
	for (size_t i = 0; i < keys->n; i++)
		x->keys[n++] = index_key_of(&keys->items[i]);
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->tasks[i]->look.n_keys; k++)
			x->keys[n++] = c->tasks[i]->look.keys[k];
	if (n)
		qsort(x->keys, n, sizeof *x->keys, key_order);
	for (size_t i = 0; i < n; i++)
		if (!x->n_keys || x->keys[i].pts > x->keys[x->n_keys - 1].pts)
			x->keys[x->n_keys++] = x->keys[i];
	int64_t last = 0;
	for (size_t i = 0; i <= x->n_keys; i++) {
		int64_t t = i < x->n_keys ? x->keys[i].pts : x->duration;
		x->max_gap = t - last > x->max_gap ? t - last : x->max_gap;
		last = t;
	}
}

/* Cuts from close looks and from keyframes; of two at one place the surer one stays. */
static void gather_cuts(const struct crew *c, struct cut_list *l, struct video_index *x)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->tasks[i]->look.cuts.n; k++)
			cut_list_add(l, &c->tasks[i]->look.cuts.items[k]);
	cut_list_sort(l);
	const int64_t slack = CLOCK_SECOND / 100; /* clocks are rounded */
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++) {
		struct index_cut *prev = n ? &l->items[n - 1] : NULL, *this = &l->items[i];
		if (this->pts < 0 || this->pts > x->duration)
			continue;
		if (this->end > x->duration)
			this->end = x->duration;
		bool same = prev && (this->pts <= prev->end || this->pts - this->uncertainty <= prev->pts + slack);
		if (!same)
			l->items[n++] = *this;
		else if (this->uncertainty < prev->uncertainty ||
		         (this->uncertainty == prev->uncertainty && this->score > prev->score))
			*prev = *this;
	}
	x->cuts = TAKE(l->items);
	x->n_cuts = n;
	l->n = 0;
}

/* Everything that was found becomes the index. */
static void assemble(struct crew *c, const struct signatures *keys, const float *packets, const struct interval *list,
                     size_t n, struct video_index *x)
{
	AUTO(cut_list_clear) struct cut_list cuts = {0};
	AUTO(mem_freep) struct range *seen = mem_alloc(c->n + 1, sizeof *seen);
	AUTO(mem_freep) struct close_look *looks = mem_alloc(c->n + 1, sizeof *looks);
	size_t n_looks = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct task *t = c->tasks[i];
		if (!t->done || !t->look.frames)
			continue;
		seen[n_looks] = t->range;
		looks[n_looks++] = t->look.look;
		x->decoded += t->look.frames;
		x->looked += t->range.to - t->range.from;
	}
	choose_cuts(list, n, seen, n_looks, &cuts);
	gather_cuts(c, &cuts, x);
	gather_keys(c, keys, x);
	const struct findings f = {.walk = c->walk,
	                           .keys = keys->items,
	                           .n_keys = keys->n,
	                           .looks = looks,
	                           .n_looks = n_looks,
	                           .max_gap = c->o->max_gap};
	activity_fill(&f, packets, list, n, x);
	x->packets = c->walk->packets;
	x->keyframes = c->walk->keyframes;
	x->decoded += (int64_t)keys->n;
	x->first = c->walk->first;
	x->failed = c->failed;
}

static int make(struct crew *c, struct video_index *x, struct err *err)
{
	AUTO(signatures_clear) struct signatures keys = {0};
	activity_bins(c->walk, x);
	int r = scan_keys(c, &keys, err);
	if (r < 0)
		return r;
	const struct findings f = {.walk = c->walk, .keys = keys.items, .n_keys = keys.n, .max_gap = c->o->max_gap};
	AUTO(mem_freep) float *packets = activity_packets(&f, x);
	size_t n, n_ranges;
	AUTO(mem_freep) struct interval *list = activity_intervals(&f, packets, x, &n);
	int64_t budget = (int64_t)(c->o->effort * (double)x->duration);
	if (budget > 0 && budget < budget_least)
		budget = budget_least;
	if (c->o->effort >= 1)
		budget = INT64_MAX;
	AUTO(mem_freep)
	struct range *ranges = choose_ranges(list, n, packets, x, c->o->max_gap, budget, c->o->scenes, &n_ranges);
	r = look_closely(c, ranges, n_ranges, err);
	if (r < 0)
		return r;
	assemble(c, &keys, packets, list, n, x);
	if (x->n_keys)
		return 0;
	*err = c->err;
	return c->failed ? -(int)err->code : err_set(err, ERR_FORMAT, "not one keyframe could be decoded");
}

int indexer_run(int fd, const struct indexer_options *o, struct cancel *cancel, struct video_index **ret,
                struct err *err)
{
	struct err own;
	int64_t began = clock_now();
	AUTO(walk_clear) struct walk walk = {0};
	AUTO(crew_clear)
	struct crew c = {.o = o, .fd = fd, .cancel = cancel, .walk = &walk, .lock = PTHREAD_MUTEX_INITIALIZER};
	AUTO(video_index_freep) struct video_index *x = mem_alloc(1, sizeof *x);
	err = err ? err : &own;
	if (o->progress)
		o->progress(o->ctx, "packets", 0);
	int r = decoder_open(fd, &o->decoder, cancel, &c.spare, err);
	if (r == 0)
		r = decoder_walk(c.spare, &walk, err);
	if (r == 0)
		r = make(&c, x, err);
	if (r < 0)
		return r;
	x->work_time = clock_now() - began;
	*ret = TAKE(x);
	return 0;
}

/* Options that change what is found; the number of children does not. */
static char *options_key(const struct indexer_options *o)
{
	return mem_printf("%d %.4g %lld %d", INDEX_FORM_VERSION, o->effort, (long long)o->max_gap, o->scenes);
}

int indexer_get(struct store *s, const char *sha256, int fd, const struct indexer_options *o, struct cancel *cancel,
                bool *ret_cached, struct video_index **ret, struct err *err)
{
	AUTO(mem_freep) char *key = options_key(o);
	AUTO(buf_free) struct buf data = BUF(INDEX_FORM_MAX);
	struct err own;
	err = err ? err : &own;
	int r = o->fresh ? -ERR_NOENT : store_index_load(s, sha256, key, &data, err);
	if (r == 0 && index_parse(data.data, data.len, ret, err) == 0) {
		*ret_cached = true;
		return 0;
	}
	if (r < 0 && r != -ERR_NOENT)
		return r;
	AUTO(video_index_freep) struct video_index *x = NULL;
	buf_clear(&data);
	r = indexer_run(fd, o, cancel, &x, err);
	/* What failed may succeed another time: on a machine with more memory, with a newer decoder. */
	if (r == 0 && !x->failed) {
		index_write(x, &data);
		r = buf_check(&data, "the index", err);
		if (r == 0)
			r = store_index_save(s, sha256, key, data.data, data.len, err);
	}
	if (r < 0)
		return r;
	*ret_cached = false;
	*ret = TAKE(x);
	return 0;
}
