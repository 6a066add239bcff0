/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/mailbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct message {
	void (*fn)(void *ctx);
	void *ctx;
	struct message *next;
};

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t posted;
	void (*wake)(void *ctx);
	void *ctx;
	bool closed;
	struct message *first, **last;
};

struct mailbox *mailbox_new(void (*wake)(void *ctx), void *ctx)
{
	struct mailbox *m = mem_alloc(1, sizeof *m);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->posted, NULL);
	m->wake = wake;
	m->ctx = ctx;
	m->last = &m->first;
	return m;
}

void mailbox_free(struct mailbox *m)
{
	if (!m)
		return;
	for (struct message *p = m->first, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	pthread_cond_destroy(&m->posted);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void mailbox_post(struct mailbox *m, void (*fn)(void *ctx), void *ctx)
{
	struct message *p = mem_alloc(1, sizeof *p);
	*p = (struct message){fn, ctx, NULL};

	pthread_mutex_lock(&m->lock);
	*m->last = p;
	m->last = &p->next;
	pthread_cond_signal(&m->posted);
	if (!m->closed)
		m->wake(m->ctx);
	pthread_mutex_unlock(&m->lock);
}

static struct message *take_all(struct mailbox *m, bool wait)
{
	pthread_mutex_lock(&m->lock);
	while (wait && !m->first)
		pthread_cond_wait(&m->posted, &m->lock);
	struct message *all = m->first;
	m->first = NULL;
	m->last = &m->first;
	pthread_mutex_unlock(&m->lock);
	return all;
}

static void run_all(struct message *p)
{
	for (struct message *next; p; p = next) {
		next = p->next;
		p->fn(p->ctx);
		free(p);
	}
}

void mailbox_run(struct mailbox *m)
{
	run_all(take_all(m, false));
}

void mailbox_wait(struct mailbox *m)
{
	run_all(take_all(m, true));
}

void mailbox_close(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	m->closed = true;
	pthread_mutex_unlock(&m->lock);
}
