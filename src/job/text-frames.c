/* SPDX-License-Identifier: Apache-2.0 */
#include "job/text-frames.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "job/text-unit.h"
#include "job/unit-run.h"
#include "screentext/scan.h"

enum {
	BATCH_LEAST = 16, /* samples, before a batch ends where a scan may be cut */
	BATCH_MOST = 64,
	THREADS_MAX = 64,
};

struct batch {
	const struct text_sample *samples; /* borrowed */
	size_t n;
	int64_t end;
	enum { BATCH_WAITS, BATCH_GIVEN, BATCH_READ, BATCH_OWN } state;
	struct text_readings readings;
	char unit[RUNNER_MAX_ID + 1]; /* to be settled; "" = none */
};

struct text_frames {
	struct text_frames_options o;
	struct cancel *stop;
	struct batch *batches;
	size_t n;
	pthread_t *threads;
	size_t n_threads;     /* that were started, and not joined */
	pthread_mutex_t lock; /* guards what follows, and the states */
	pthread_cond_t changed;
	size_t running;
};

static void cut(struct text_frames *f)
{
	const struct text_sample *s = f->o.samples;
	struct batch *b = NULL;
	f->batches = mem_alloc(f->o.n, sizeof *f->batches);
	for (size_t i = 0; i < f->o.n; i++) {
		bool full =
			b && (b->n >= BATCH_MOST || (b->n >= BATCH_LEAST && text_scan_cut(&s[i - 1], &s[i])));
		if (!b || full) {
			if (b)
				b->end = s[i].time;
			b = &f->batches[f->n++];
			b->samples = &s[i];
		}
		b->n++;
	}
	b->end = f->o.end;
}

/* ---- the threads */

struct reading {
	const struct text_unit *unit;
	struct text_readings *to;
};

static int take_result(void *ctx, const struct runner_result *result, struct err *err)
{
	const struct reading *r = ctx;
	return text_result_read(r->unit, result, r->to, err);
}

static int read_batch(struct text_frames *f, struct batch *b, struct err *err)
{
	AUTO(mem_freep) char *body = NULL;
	const struct text_unit unit = {.decoder = *f->o.decoder,
	                               .samples = (struct text_sample *)b->samples,
	                               .n = b->n,
	                               .end = b->end};
	struct reading reading = {&unit, &b->readings};
	AUTO(mem_freep) char *what = mem_printf("job %s, texts of frames", f->o.job);
	const struct unit_run how = {.run = f->o.run,
	                             .what = what,
	                             .kind = TEXT_UNIT_KIND,
	                             .schema = TEXT_UNIT_SCHEMA,
	                             .source = f->o.source,
	                             .cancel = f->stop,
	                             .model = f->o.model,
	                             .optional = true,
	                             .read = take_result,
	                             .ctx = &reading};
	int r = text_unit_write(&unit, &body, err);
	if (r < 0)
		return r;
	unit_id(f->o.job, TEXT_UNIT_KIND, b - f->batches, body, b->unit);
	r = unit_run(&how, b->unit, body, err);
	if (r < 0)
		*b->unit = '\0';
	return r;
}

/* With the lock held. */
static struct batch *next_batch(struct text_frames *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->batches[i].state == BATCH_WAITS)
			return &f->batches[i];
	return NULL;
}

static void *work(void *arg)
{
	struct text_frames *f = arg;
	struct batch *b;
	int r = 0;
	pthread_mutex_lock(&f->lock);
	while (r != -ERR_NOENT && !cancel_fired(f->stop) && (b = next_batch(f))) {
		struct err err = {0};
		b->state = BATCH_GIVEN;
		pthread_mutex_unlock(&f->lock);
		r = read_batch(f, b, &err);
		if (r < 0 && r != -ERR_CANCELED)
			log_info("[job %s] texts of frames are read here: %s", f->o.job, err.msg);
		pthread_mutex_lock(&f->lock);
		b->state = r < 0 ? BATCH_OWN : BATCH_READ;
		pthread_cond_broadcast(&f->changed);
	}
	f->running--;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* As many threads as workers take units, and there are batches. */
static void start_threads(struct text_frames *f)
{
	int serves = unit_serves(f->o.run, f->o.model);
	size_t wanted = serves > 0 ? (size_t)serves : 0, waiting = 0;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++)
		waiting += f->batches[i].state == BATCH_WAITS;
	wanted = wanted < THREADS_MAX ? wanted : THREADS_MAX;
	for (; waiting && f->running < wanted; waiting--) {
		f->threads = mem_grow(f->threads, f->n_threads + 1, sizeof *f->threads);
		if (pthread_create(&f->threads[f->n_threads], NULL, work, f) != 0)
			break;
		f->n_threads++;
		f->running++;
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- the whole */

struct text_frames *text_frames_new(const struct text_frames_options *o)
{
	const struct describe_options pictures = {.decoder = *o->decoder};
	if (!o->n || !unit_possible(&pictures) || !unit_serves(o->run, o->model))
		return NULL;
	struct text_frames *f = mem_alloc(1, sizeof *f);
	f->o = *o;
	f->stop = cancel_new();
	pthread_mutex_init(&f->lock, NULL);
	cond_init(&f->changed);
	cut(f);
	start_threads(f);
	return f;
}

void text_frames_free(struct text_frames *f)
{
	if (!f)
		return;
	cancel_fire(f->stop);
	for (size_t i = 0; i < f->n_threads; i++)
		pthread_join(f->threads[i], NULL);
	for (size_t i = 0; i < f->n; i++) {
		unit_settle(f->o.run, f->batches[i].unit);
		text_readings_clear(&f->batches[i].readings);
	}
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	cancel_free(f->stop);
	free(f->threads);
	free(f->batches);
	free(f);
}

static struct batch *batch_of(struct text_frames *f, int64_t time)
{
	size_t i = 0;
	while (i + 1 < f->n && f->batches[i + 1].samples[0].time <= time)
		i++;
	return &f->batches[i];
}

/* Waits until someone has the batch, or this thread has to read it. */
static void wait_for(struct text_frames *f, struct batch *b)
{
	pthread_mutex_lock(&f->lock);
	while (b->state == BATCH_WAITS || b->state == BATCH_GIVEN) {
		if (cancel_fired(f->o.run->cancel)) {
			cancel_fire(f->stop);
			break;
		}
		if (b->state == BATCH_WAITS && !f->running) {
			pthread_mutex_unlock(&f->lock);
			start_threads(f);
			pthread_mutex_lock(&f->lock);
			if (b->state == BATCH_WAITS && !f->running)
				b->state = BATCH_OWN;
		} else { /* for a while only, so that a cancel is seen */
			cond_wait_until(&f->changed, &f->lock, clock_now() + CLOCK_SECOND / 20);
		}
	}
	pthread_mutex_unlock(&f->lock);
}

bool text_frames_known(void *frames, int64_t time, int turn, struct text_lines *ret)
{
	struct text_frames *f = frames;
	struct batch *b = batch_of(f, time);
	wait_for(f, b);
	return b->state == BATCH_READ && text_readings_find(&b->readings, time, turn, ret);
}

size_t text_frames_read(const struct text_frames *f)
{
	size_t n = 0;
	for (size_t i = 0; f && i < f->n; i++)
		n += f->batches[i].state == BATCH_READ ? f->batches[i].n : 0;
	return n;
}
