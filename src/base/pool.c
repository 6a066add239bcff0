/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct task {
	struct task *next;
	void (*work)(void *);
	void *ctx;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct task *first, **last;
	size_t waiting;
	bool stop;
	size_t n;
	pthread_t threads[];
};

static void *serve(void *arg)
{
	struct pool *p = arg;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->first && !p->stop)
			pthread_cond_wait(&p->wake, &p->lock);
		struct task *t = p->first;
		if (!t)
			break;
		p->first = t->next;
		if (!p->first)
			p->last = &p->first;
		p->waiting--;
		pthread_mutex_unlock(&p->lock);
		t->work(t->ctx);
		free(t);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct pool *pool_new(size_t threads)
{
	struct pool *p = mem_alloc(1, sizeof *p + threads * sizeof *p->threads);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->last = &p->first;
	while (p->n < threads && pthread_create(&p->threads[p->n], NULL, serve, p) == 0)
		p->n++;
	if (!p->n)
		abort();
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void pool_run(struct pool *p, void (*work)(void *ctx), void *ctx)
{
	struct task *t = mem_alloc(1, sizeof *t);
	*t = (struct task){.work = work, .ctx = ctx};
	pthread_mutex_lock(&p->lock);
	*p->last = t;
	p->last = &t->next;
	p->waiting++;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

size_t pool_waiting(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	size_t n = p->waiting;
	pthread_mutex_unlock(&p->lock);
	return n;
}
