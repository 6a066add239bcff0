/* SPDX-License-Identifier: Apache-2.0 */
#include "board/events.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* The reference count stands in front of what everybody sees. */
struct held {
	atomic_int count;
	struct event event;
};

struct events {
	pthread_mutex_t lock;
	/* the listener is called by one thread at a time, and not after it was
	 * replaced */
	pthread_mutex_t telling;
	void (*listener)(void *);
	void *ctx;
	uint64_t last;
	size_t keep, n; /* the n last ones are in the ring, at seq % keep */
	struct event **ring;
};

struct events *events_new(size_t keep)
{
	struct events *e = mem_alloc(1, sizeof *e);
	pthread_mutex_init(&e->lock, NULL);
	pthread_mutex_init(&e->telling, NULL);
	e->keep = keep ? keep : 1;
	e->ring = mem_alloc(e->keep, sizeof *e->ring);
	e->last = (uint64_t)clock_wall();
	return e;
}

static struct held *held_of(struct event *v)
{
	return (struct held *)((char *)v - offsetof(struct held, event));
}

struct event *event_hold(struct event *v)
{
	atomic_fetch_add(&held_of(v)->count, 1);
	return v;
}

void event_drop(struct event *v)
{
	if (v && atomic_fetch_sub(&held_of(v)->count, 1) == 1)
		free(held_of(v));
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->keep; i++)
		event_drop(e->ring[i]);
	free(e->ring);
	pthread_mutex_destroy(&e->lock);
	pthread_mutex_destroy(&e->telling);
	free(e);
}

void events_listen(struct events *e, void (*listener)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&e->telling);
	e->listener = listener;
	e->ctx = ctx;
	pthread_mutex_unlock(&e->telling);
}

/* `data` is written before the lock is taken: only the number has to be put in
 * front of it within. */
static struct event *make(uint64_t seq, const char *type, const char *about, int64_t subject,
                          const char *data)
{
	char who[64] = "";
	size_t room = strlen(data) + 200;
	if (about)
		snprintf(who, sizeof who, ",\"%s\":\"%lld\"", about, (long long)subject);
	struct held *h = mem_alloc(1, sizeof *h + room);
	atomic_init(&h->count, 1);
	h->event.seq = seq;
	h->event.subject = subject;
	snprintf(h->event.type, sizeof h->event.type, "%s", type);
	h->event.len = (size_t)snprintf(
		h->event.json, room, "{\"seq\":%llu,\"time\":%.6f,\"type\":\"%s\"%s,\"data\":%s}",
		(unsigned long long)seq, (double)clock_wall() / 1e6, h->event.type, who, data);
	return &h->event;
}

void events_post(struct events *e, const char *type, const char *about, int64_t subject,
                 json_t *data)
{
	AUTO(mem_freep)
	char *text =
		data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(data);
	pthread_mutex_lock(&e->lock);
	struct event *v = make(e->last + 1, type, about, subject, text ? text : "null");
	struct event **at = &e->ring[v->seq % e->keep];
	event_drop(*at);
	*at = v;
	e->last = v->seq;
	e->n += e->n < e->keep;
	pthread_mutex_unlock(&e->lock);
	pthread_mutex_lock(&e->telling);
	if (e->listener)
		e->listener(e->ctx);
	pthread_mutex_unlock(&e->telling);
}

uint64_t events_last(struct events *e)
{
	pthread_mutex_lock(&e->lock);
	uint64_t last = e->last;
	pthread_mutex_unlock(&e->lock);
	return last;
}

struct event *events_next(struct events *e, uint64_t after, bool *ret_gap)
{
	struct event *v = NULL;
	pthread_mutex_lock(&e->lock);
	*ret_gap = after > e->last || after < e->last - e->n;
	if (!*ret_gap && after < e->last)
		v = event_hold(e->ring[(after + 1) % e->keep]);
	pthread_mutex_unlock(&e->lock);
	return v;
}
