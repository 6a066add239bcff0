/* SPDX-License-Identifier: Apache-2.0 */
#include "index/indexer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/choose.h"
#include "index/form.h"
#include "index/range-result.h"
#include "protocol/media-wire.h"

enum {
	MOST_WORKERS = 64,
	KEYS_LEAST = 8,
	KEYS_MOST = 256,      /* per task */
	RESTARTS = 40,        /* of children, for one index */
	FRAMES_MOST = 200000, /* per range: half an hour at 100 frames per second */
};

/* The first part is short, so that the first chunks can be planned soon. Later
 * parts are longer, because more context gives better results. */
static const int64_t part_first = 300 * CLOCK_SECOND, part_most = 3600 * CLOCK_SECOND;

/* Decoded after the end of a range if cuts must be exact, to recognize a flash
 * or the end of a dissolve. Otherwise a range ends one second after the last
 * point of interest, or at the next keyframe. */
static const int64_t tail_scenes = 3 * CLOCK_SECOND / 2;

/* Work for one child. */
struct task {
	const struct packet_key *keys; /* borrowed from the packet scan; NULL for a range */
	size_t n_keys;
	struct range range;
	struct signatures found; /* signatures of the keyframes */
	struct range_result result;
	bool done;
};

struct worker_pool {
	const struct indexer_options *o;
	int fd;
	struct cancel *cancel;
	const struct packet_scan *scan;
	pthread_mutex_t lock; /* protects what follows */
	struct task **tasks;
	size_t n, next, done;
	int restarts;
	int64_t failed;
	struct err err; /* of the last failure */
	bool stop;      /* canceled, or every child fails */
	const char *what;
	double begins, ends;                  /* range of progress of this round */
	struct decoder *spares[MOST_WORKERS]; /* idle children */
	size_t n_spares;
};

static void task_free(struct task *t)
{
	signatures_clear(&t->found);
	range_result_clear(&t->result);
	free(t);
}

static void drop_tasks(struct worker_pool *c)
{
	for (size_t i = 0; i < c->n; i++)
		task_free(c->tasks[i]);
	c->n = c->next = 0;
}

static void pool_clear(struct worker_pool *c)
{
	drop_tasks(c);
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
	return decoder_keys(d, t->keys, t->n_keys, &t->found, err);
}

static int do_range(const struct worker_pool *c, struct decoder *d, struct task *t, struct err *err)
{
	AUTO(signatures_clear) struct signatures s = {0};
	bool scenes = c->o->scenes;
	int64_t to = t->range.to + (scenes ? tail_scenes : 0);
	int r = decoder_stretch(d, t->range.from, to, scenes, FRAMES_MOST, &s, err);
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
	if (d && c->n_spares < MOST_WORKERS)
		c->spares[c->n_spares++] = TAKE(d);
	pthread_mutex_unlock(&c->lock);
	decoder_free(d);
	return NULL;
}

/* Runs all tasks that have not started. */
static int pool_run(struct worker_pool *c, const char *what, struct err *err)
{
	pthread_t threads[MOST_WORKERS];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = c->o->workers    ? (size_t)c->o->workers
	           : processors > 0 ? (size_t)processors
	                            : 1,
		   started = 0;
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

/* The keyframes to decode: all, unless they are closer together than needed.
 * The caller frees them. */
static struct packet_key *choose_keys(const struct packet_scan *w, size_t *ret_n)
{
	int64_t spacing = w->duration / 3600, least = CLOCK_SECOND / 2, most = 2 * CLOCK_SECOND;
	struct packet_key *out = mem_alloc(w->n_keys + 1, sizeof *out);
	size_t n = 0;
	spacing = spacing < least ? least : spacing > most ? most : spacing;
	for (size_t i = 0; i < w->n_keys; i++)
		/* Half of the interval: keyframes nearly that far apart are all taken. */
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

static int scan_keys(struct worker_pool *c, const struct packet_key *keys, size_t n,
                     struct signatures *ret, struct err *err)
{
	size_t part = n / 24 < KEYS_LEAST ? KEYS_LEAST : n / 24 > KEYS_MOST ? KEYS_MOST : n / 24;
	for (size_t i = 0; i < n; i += part)
		add_keys(c, keys + i, n - i < part ? n - i : part);
	int r = pool_run(c, "keyframes", err);
	for (size_t i = 0; i < c->n && r == 0; i++)
		for (size_t k = 0; k < c->tasks[i]->found.n; k++)
			signatures_add(ret, &c->tasks[i]->found.items[k]);
	drop_tasks(c);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof *ret->items, by_time);
	return r;
}

static int decode_ranges(struct worker_pool *c, const struct range *ranges, size_t n,
                         struct err *err)
{
	c->stop = c->stop && c->restarts <= RESTARTS;
	for (size_t i = 0; i < n; i++)
		add_task(c)->range = ranges[i];
	return n ? pool_run(c, "decoding", err) : 0;
}

static int key_order(const void *a, const void *b)
{
	const struct index_key *x = a, *y = b;
	return (x->pts > y->pts) - (x->pts < y->pts);
}

/* Keys of the part; a key at its end belongs to the next part. */
static void gather_keys(const struct worker_pool *c, const struct findings *f,
                        struct video_index *x)
{
	size_t most = f->n_keys, n = 0;
	for (size_t i = 0; i < c->n; i++)
		most += c->tasks[i]->result.n_keys;
	AUTO(mem_freep) struct index_key *keys = mem_alloc(most + 1, sizeof *keys);
	for (size_t i = 0; i < f->n_keys; i++)
		keys[n++] = index_key_of(&f->keys[i]);
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->tasks[i]->result.n_keys; k++)
			keys[n++] = c->tasks[i]->result.keys[k];
	if (n)
		qsort(keys, n, sizeof *keys, key_order);
	x->keys = mem_grow(x->keys, x->n_keys + n + 1, sizeof *x->keys);
	for (size_t i = 0; i < n && (!f->to || keys[i].pts < f->to); i++)
		if (!x->n_keys || keys[i].pts > x->keys[x->n_keys - 1].pts)
			x->keys[x->n_keys++] = keys[i];
	int64_t last = 0;
	for (size_t i = 0; i <= x->n_keys; i++) {
		int64_t t = i < x->n_keys ? x->keys[i].pts : f->to ? f->to : x->duration;
		x->max_gap = t - last > x->max_gap ? t - last : x->max_gap;
		last = t;
	}
}

/* Cuts from decoded ranges and from keyframes; of two at the same place, the
 * one with the smaller uncertainty is kept. */
static void gather_cuts(const struct worker_pool *c, struct cut_list *l, struct video_index *x)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->tasks[i]->result.cuts.n; k++)
			cut_list_add(l, &c->tasks[i]->result.cuts.items[k]);
	cut_list_sort(l);
	const int64_t slack = CLOCK_SECOND / 100; /* container times are rounded */
	size_t before = x->n_cuts;
	x->cuts = mem_grow(x->cuts, before + l->n + 1, sizeof *x->cuts);
	for (size_t i = 0; i < l->n; i++) {
		struct index_cut *prev = x->n_cuts > before ? &x->cuts[x->n_cuts - 1] : NULL,
						 *this = &l->items[i];
		if (this->pts < 0 || this->pts > x->duration)
			continue;
		if (this->end > x->duration)
			this->end = x->duration;
		bool same =
			prev && (this->pts <= prev->end || this->pts - this->uncertainty <= prev->pts + slack);
		if (!same)
			x->cuts[x->n_cuts++] = *this;
		else if (this->uncertainty < prev->uncertainty ||
		         (this->uncertainty == prev->uncertainty && this->score > prev->score))
			*prev = *this;
	}
}

struct indexer {
	struct indexer_options o;
	struct worker_pool c;
	struct packet_scan scan;
	struct packet_key *keys; /* keyframes to decode */
	size_t n_keys, next;     /* index of the first that is not decoded yet */
	float *packets;
	struct signatures last; /* the keyframe at the end of the previous part, if there is one */
	int64_t began;
	struct video_index *x; /* has bins for the whole video; those of later parts are empty */
};

/* Adds the results of a part to the index. */
static void assemble(struct indexer *ix, const struct findings *part, const struct interval *list,
                     size_t n)
{
	struct worker_pool *c = &ix->c;
	struct video_index *x = ix->x;
	AUTO(cut_list_clear) struct cut_list cuts = {0};
	AUTO(mem_freep) struct range *seen = mem_alloc(c->n + 1, sizeof *seen);
	AUTO(mem_freep) struct decoded_range *decoded = mem_alloc(c->n + 1, sizeof *decoded);
	struct findings f = *part;
	for (size_t i = 0; i < c->n; i++) {
		const struct task *t = c->tasks[i];
		if (!t->done || !t->result.frames)
			continue;
		seen[f.n_decoded] = t->range;
		decoded[f.n_decoded++] = t->result.range;
		x->decoded += t->result.frames;
		x->decoded_time += t->range.to - t->range.from;
	}
	f.ranges = decoded;
	choose_cuts(list, n, seen, f.n_decoded, &cuts);
	gather_cuts(c, &cuts, x);
	gather_keys(c, &f, x);
	activity_fill(&f, ix->packets, list, n, x);
	x->failed = c->failed;
	x->parts = mem_grow(x->parts, x->n_parts + 1, sizeof *x->parts);
	x->parts[x->n_parts++] = f.to ? f.to : x->duration;
}

/* Decodes the ranges of the part, and extends the index. */
static int judge(struct indexer *ix, const struct findings *f, struct err *err)
{
	size_t n, n_ranges;
	int64_t end = f->to ? f->to : ix->x->duration;
	int64_t budget = choose_budget(ix->o.effort, &ix->scan, ix->x->duration, end);
	AUTO(mem_freep) struct interval *list = activity_intervals(f, ix->packets, ix->x, &n);
	if (ix->o.effort < 1)
		budget = budget > ix->x->decoded_time ? budget - ix->x->decoded_time : 0;
	AUTO(mem_freep)
	struct range *ranges =
		choose_ranges(list, n, ix->packets, ix->x, ix->o.max_gap, budget, ix->o.scenes, &n_ranges);
	ix->c.begins = (ix->c.begins + ix->c.ends) / 2;
	ix->c.ends = (double)end / (double)ix->x->duration;
	int r = decode_ranges(&ix->c, ranges, n_ranges, err);
	if (r == 0)
		assemble(ix, f, list, n);
	drop_tasks(&ix->c);
	return r;
}

/* The approximate end of the next part. */
static int64_t part_end(const struct indexer *ix)
{
	int64_t end = 0, length = part_first, duration = ix->x->duration;
	if (ix->o.scenes || ix->o.effort >= 1)
		return duration;
	for (size_t i = 0; i < ix->x->n_parts;
	     i++, length = 2 * length < part_most ? 2 * length : part_most)
		end += length;
	end += length;
	return duration - end <= length ? duration : end;
}

static int add_part(struct indexer *ix, struct err *err)
{
	AUTO(signatures_clear) struct signatures keys = {0};
	struct video_index *x = ix->x;
	int64_t nominal = part_end(ix), from = x->n_parts ? x->parts[x->n_parts - 1] : 0;
	size_t begin = ix->next, n = begin;
	while (n < ix->n_keys && (n <= begin || ix->keys[n - 1].pts < nominal))
		n++;
	bool last = n == ix->n_keys;
	size_t carried = ix->last.n;
	if (carried)
		signatures_add(&keys, &ix->last.items[0]);
	ix->c.begins = (double)from / (double)x->duration;
	ix->c.ends = (double)nominal / (double)x->duration;
	int r = scan_keys(&ix->c, ix->keys + begin, n - begin, &keys, err);
	if (r < 0)
		return r;

	/* A part ends with a decoded keyframe, if possible. */
	bool any = keys.n && keys.items[keys.n - 1].pts > from;
	const struct findings f = {.scan = &ix->scan,
	                           .from = from,
	                           .to = last  ? 0
	                                 : any ? keys.items[keys.n - 1].pts
	                                       : ix->keys[n - 1].pts,
	                           .keys = keys.items,
	                           .n_keys = keys.n,
	                           .max_gap = ix->o.max_gap};
	r = judge(ix, &f, err);
	ix->next = n;
	ix->last.n = 0;
	if (any)
		signatures_add(&ix->last, &keys.items[keys.n - 1]);
	x->decoded += (int64_t)(keys.n - carried);
	x->work_time = clock_now() - ix->began;
	return r;
}

bool indexer_whole(const struct indexer *ix)
{
	const struct video_index *x = ix->x;
	return x->n_parts && x->parts[x->n_parts - 1] == x->duration;
}

int indexer_step(struct indexer *ix, struct err *err)
{
	int r = 0;
	do
		r = indexer_whole(ix) ? 0 : add_part(ix, err);
	while (r == 0 && !ix->x->n_keys && !indexer_whole(ix));
	if (r < 0 || ix->x->n_keys)
		return r;
	*err = ix->c.err;
	return ix->c.failed ? -(int)err->code
	                    : err_set(err, ERR_FORMAT, "no keyframe could be decoded");
}

/* The first child, which scans the packets. One that dies is replaced, once:
 * what kills the second one as well is in the file. */
static int scan_packets(struct indexer *ix, struct err *err)
{
	int r;
	int tries = 0;

	do {
		struct decoder *d = NULL;
		r = decoder_open(ix->c.fd, &ix->o.decoder, ix->c.cancel, &d, err);
		if (r == 0)
			r = decoder_packets(d, &ix->scan, err);

		if (r == 0)
			ix->c.spares[ix->c.n_spares++] = TAKE(d);
		decoder_free(d);
	} while (r == -ERR_DIED && ++tries < 2);
	return r;
}

int indexer_begin(int fd, const struct indexer_options *o, struct cancel *cancel,
                  struct indexer **ret, struct err *err)
{
	AUTO(indexer_freep) struct indexer *ix = mem_alloc(1, sizeof *ix);
	ix->o = *o;
	ix->began = clock_now();
	ix->x = mem_alloc(1, sizeof *ix->x);
	ix->c = (struct worker_pool){.o = &ix->o,
	                             .fd = fd,
	                             .cancel = cancel,
	                             .scan = &ix->scan,
	                             .lock = PTHREAD_MUTEX_INITIALIZER};
	if (o->progress)
		o->progress(o->ctx, "packets", 0);
	int r = scan_packets(ix, err);
	if (r < 0)
		return r;

	struct video_index *x = ix->x;
	activity_bins(&ix->scan, x);
	x->packets = ix->scan.packets;
	x->keyframes = ix->scan.keyframes;
	x->first = ix->scan.first;
	ix->keys = choose_keys(&ix->scan, &ix->n_keys);
	ix->packets = activity_packets(&(struct findings){.scan = &ix->scan}, x);
	*ret = TAKE(ix);
	return 0;
}

const struct video_index *indexer_index(const struct indexer *ix)
{
	return ix->x;
}

struct video_index *indexer_take(struct indexer *ix)
{
	return TAKE(ix->x);
}

const struct packet_scan *indexer_packets(const struct indexer *ix)
{
	return &ix->scan;
}

void indexer_free(struct indexer *ix)
{
	if (!ix)
		return;
	pool_clear(&ix->c);
	packet_scan_clear(&ix->scan);
	free(ix->keys);
	free(ix->packets);
	signatures_clear(&ix->last);
	video_index_free(ix->x);
	free(ix);
}

int indexer_run(int fd, const struct indexer_options *o, struct cancel *cancel,
                struct video_index **ret, struct err *err)
{
	AUTO(indexer_freep) struct indexer *ix = NULL;
	struct err own;
	err = err ? err : &own;
	int r = indexer_begin(fd, o, cancel, &ix, err);
	while (r == 0 && !indexer_whole(ix))
		r = indexer_step(ix, err);
	if (r == 0)
		*ret = indexer_take(ix);
	return r;
}

/* Options that change the result; the number of children does not. */
static char *options_key(const struct indexer_options *o)
{
	const struct decoder_options *d = &o->decoder;
	return mem_printf("%d %.4g %lld %d timeline %d rate %.6f gaps %s", INDEX_FORM_VERSION,
	                  o->effort, (long long)o->max_gap, o->scenes, TIMELINE_VERSION, d->rate,
	                  d->gaps ? d->gaps : "auto");
}

static struct store_source source_of(const char *sha256, const struct indexer_options *o)
{
	return (struct store_source){sha256, o->decoder.has_stream, o->decoder.stream};
}

int indexer_load(struct store *s, const char *sha256, const struct indexer_options *o,
                 struct video_index **ret, struct err *err)
{
	AUTO(mem_freep) char *key = options_key(o);
	AUTO(buf_free) struct buf data = BUF(INDEX_FORM_MAX);
	if (o->fresh)
		return err_set(err, ERR_NOENT, "a new index was requested");
	const struct store_source source = source_of(sha256, o);
	int r = store_index_load(s, &source, key, &data, err);
	if (r < 0)
		return r;
	r = index_parse(data.data, data.len, ret, err);
	return r < 0 ? err_set(err, ERR_NOENT, "the stored index is damaged") : 0;
}

int indexer_save(struct store *s, const char *sha256, const struct indexer_options *o,
                 const struct video_index *x, struct err *err)
{
	AUTO(mem_freep) char *key = options_key(o);
	AUTO(buf_free) struct buf data = BUF(INDEX_FORM_MAX);
	/* What failed may succeed later: with more memory, or with a newer decoder. */
	if (x->failed)
		return 0;
	index_write(x, &data);
	const struct store_source source = source_of(sha256, o);
	int r = buf_check(&data, "the index", err);
	return r < 0 ? r : store_index_save(s, &source, key, data.data, data.len, err);
}

int indexer_get(struct store *s, const char *sha256, int fd, const struct indexer_options *o,
                struct cancel *cancel, bool *ret_cached, struct video_index **ret, struct err *err)
{
	AUTO(video_index_freep) struct video_index *x = NULL;
	struct err own;
	err = err ? err : &own;
	int r = indexer_load(s, sha256, o, ret, err);
	*ret_cached = r == 0;
	if (r != -ERR_NOENT)
		return r;
	r = indexer_run(fd, o, cancel, &x, err);
	if (r == 0)
		r = indexer_save(s, sha256, o, x, err);
	if (r == 0)
		*ret = TAKE(x);
	return r;
}
