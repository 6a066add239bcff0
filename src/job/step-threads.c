/* SPDX-License-Identifier: Apache-2.0 */
#include "job/step-threads.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/wakeup.h"

enum {
	MOST_WORKERS = 64,
	/* Threads that give items to a runner only wait: there may be many, with
	 * small stacks. */
	MOST_GIVERS = 1024,
	GIVER_STACK = 512 << 10,
};

/* For what a runner is doing when the run is drained. */
#define DRAIN_PATIENCE (60 * CLOCK_SECOND)

struct working {
	const struct step_threads *step;
	void (*work)(void *ctx);
	void *ctx;
	struct wakeup *ended;
	pthread_t threads[MOST_GIVERS];
	size_t n;
	pthread_mutex_t lock; /* guards what follows */
	size_t running;
	bool some_ended;
};

static void *run_thread(void *arg)
{
	struct working *w = arg;
	w->work(w->ctx);
	pthread_mutex_lock(&w->lock);
	w->running--;
	w->some_ended = true;
	pthread_mutex_unlock(&w->lock);
	wakeup_signal(w->ended);
	return NULL;
}

static size_t wanted(const struct step_threads *c)
{
	const struct runner *runner = c->run->runner;
	int64_t most = c->gives  ? runner->capacity(runner->ctx)
	               : c->most ? (int64_t)c->most
	                         : (int64_t)engine_slots(c->run->engine) + 1;
	int64_t limit = c->gives ? MOST_GIVERS : MOST_WORKERS;
	most = most < 1 ? 1 : most < limit ? most : limit;
	return (size_t)most < c->items ? (size_t)most : c->items;
}

/* If a thread cannot be created, the step is only slower. */
static void start(struct working *w, size_t threads)
{
	while (w->n < threads) {
		pthread_attr_t attr;
		pthread_attr_init(&attr);
		if (w->step->gives)
			pthread_attr_setstacksize(&attr, GIVER_STACK);
		pthread_mutex_lock(&w->lock);
		w->running++;
		pthread_mutex_unlock(&w->lock);
		bool started = pthread_create(&w->threads[w->n], &attr, run_thread, w) == 0;
		pthread_attr_destroy(&attr);
		if (!started) {
			pthread_mutex_lock(&w->lock);
			w->running--;
			pthread_mutex_unlock(&w->lock);
			return;
		}
		w->n++;
	}
}

/* Until all threads have ended. Workers of a runner come and go, so there may
 * have to be more threads meanwhile. */
static void watch(struct working *w)
{
	const struct step_threads *c = w->step;
	int64_t over_since = 0;
	for (;;) {
		pthread_mutex_lock(&w->lock);
		size_t running = w->running;
		bool some_ended = w->some_ended;
		pthread_mutex_unlock(&w->lock);
		if (!running)
			return;
		bool canceled = cancel_fired(c->run->cancel), over = canceled || cancel_fired(c->drain);
		over_since = over_since || !over ? over_since : clock_now();
		if (c->stop && (canceled || (over && clock_now() - over_since > DRAIN_PATIENCE)))
			cancel_fire(c->stop);
		else if (!over && !some_ended && c->gives)
			start(w, wanted(c));
		wakeup_wait(w->ended, over ? NULL : c->run->cancel, CLOCK_SECOND);
	}
}

void step_threads_run(const struct step_threads *c, void (*work)(void *ctx), void *ctx)
{
	struct working w = {.step = c, .work = work, .ctx = ctx, .ended = wakeup_new()};
	pthread_mutex_init(&w.lock, NULL);
	start(&w, wanted(c));
	if (!w.n)
		work(ctx);
	watch(&w);
	while (w.n)
		pthread_join(w.threads[--w.n], NULL);
	pthread_mutex_destroy(&w.lock);
	wakeup_free(w.ended);
}
