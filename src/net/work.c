#include "net/work.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct item {
	void (*fn)(void *ctx);
	void *ctx;
	struct item *next;
};

struct work {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct item *first, **last;
	size_t waiting, n;
	bool ending;
	pthread_t threads[];
};

static void *work_thread(void *ctx)
{
	struct work *w = ctx;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->first && !w->ending)
			pthread_cond_wait(&w->more, &w->lock);
		struct item *item = w->first;
		if (!item)
			break;
		w->first = item->next;
		if (!w->first)
			w->last = &w->first;
		w->waiting--;
		pthread_mutex_unlock(&w->lock);
		item->fn(item->ctx);
		free(item);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct work *work_new(size_t threads)
{
	struct work *w = mem_alloc(1, sizeof *w + threads * sizeof *w->threads);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
	/* Signals are the main thread's. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (w->n < threads && pthread_create(&w->threads[w->n], NULL, work_thread, w) == 0)
		w->n++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!w->n)
		abort(); /* as for memory: there is nothing sensible to do */
	return w;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void work_add(struct work *w, void (*fn)(void *ctx), void *ctx)
{
	struct item *item = mem_alloc(1, sizeof *item);
	*item = (struct item){fn, ctx, NULL};
	pthread_mutex_lock(&w->lock);
	*w->last = item;
	w->last = &item->next;
	w->waiting++;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

size_t work_waiting(struct work *w)
{
	pthread_mutex_lock(&w->lock);
	size_t n = w->waiting;
	pthread_mutex_unlock(&w->lock);
	return n;
}
