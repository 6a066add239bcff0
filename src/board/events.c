/* SPDX-License-Identifier: Apache-2.0 */
#include "board/events.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const struct message_field chunk_fields[] = {
	{"index", "integer", "of the chunk, from 0"},
	{"start", "number", "seconds"},
	{"end", "number", "seconds"},
	{"state", "string", "`running`, `done` or `hole`"},
	{"stage", "string?", "of a running chunk: `decoding`, `queued`, `prefill` or `answer`"},
	{0},
};
static const struct message_field results_fields[] = {
	{"chunk", "integer", "index of the chunk, from 0"},
	{"state", "string", "`done` or `hole`"},
	{"summary", "string", "empty for a hole"},
	{"reason", "string|null", "why the chunk is a hole"},
	{"attempts", "integer", "requests for an answer"},
	{"samples", "[#Sample]", "the frames of the chunk"},
	{"events", "[#Event]", "found in this chunk, as in `GET /jobs/{id}/events`"},
	{0},
};
static const struct message_field log_fields[] = {
	{"level", "string", "`error` or `warning`"},
	{"text", "string", "for people"},
	{0},
};

const struct message_type event_messages[EVENT_TYPES] = {
	[EVENT_JOB] = {"job", "A job was added or changed; `data` is the whole job.", NULL, "job",
                   "#Job"},
	[EVENT_JOB_REMOVED] = {"job-removed", "A job was deleted.", NULL, "job", "null"},
	[EVENT_CHUNK] = {"chunk", "The state of a chunk changed.", chunk_fields, "job", NULL},
	[EVENT_RESULTS] = {"results", "A chunk is in the journal, done or as a hole.", results_fields,
                       "job", NULL},
	[EVENT_VIDEO] = {"video", "A video was added or changed; `data` is the whole video.", NULL,
                     "video", "#Video"},
	[EVENT_VIDEO_REMOVED] = {"video-removed", "A video was deleted.", NULL, "video", "null"},
	[EVENT_CASE] = {"case",
                    "A case was added or changed, or its summary; `data` is the whole case.", NULL,
                    "case", "#Case"},
	[EVENT_CASE_REMOVED] = {"case-removed", "A case was deleted.", NULL, "case", "null"},
	[EVENT_ASK] = {"ask",
                   "A question was asked or changed; `data` is the whole question, without its "
                   "answer.",
                   NULL, "ask", "#Ask"},
	[EVENT_ASK_REMOVED] = {"ask-removed", "A question was deleted.", NULL, "ask", "null"},
	[EVENT_HIT] = {"hit", "A standing question is answered by a video; `data` is the hit.", NULL,
                   "watch", "#Hit"},
	[EVENT_PERFORMANCE] = {"performance",
                           "Metrics: once a second while jobs run or wait, else every ten seconds.",
                           NULL, NULL, "#Metrics"},
	[EVENT_LOG] = {"log", "A warning or an error was logged.", log_fields, NULL, NULL},
};

/* The reference count precedes what others see. */
struct held {
	atomic_int count;
	struct event event;
};

struct events {
	pthread_mutex_t lock;
	pthread_mutex_t notifying; /* held while the listener is called or replaced */
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
	pthread_mutex_init(&e->notifying, NULL);
	e->keep = keep ? keep : 1;
	e->ring = mem_alloc(e->keep, sizeof *e->ring);
	e->last = (uint64_t)clock_wall();
	return e;
}

static struct held *held_of(struct event *v)
{
	return (struct held *)((char *)v - offsetof(struct held, event));
}

struct event *event_acquire(struct event *v)
{
	atomic_fetch_add(&held_of(v)->count, 1);
	return v;
}

void event_release(struct event *v)
{
	if (v && atomic_fetch_sub(&held_of(v)->count, 1) == 1)
		free(held_of(v));
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->keep; i++)
		event_release(e->ring[i]);
	free(e->ring);
	pthread_mutex_destroy(&e->lock);
	pthread_mutex_destroy(&e->notifying);
	free(e);
}

void events_listen(struct events *e, void (*listener)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&e->notifying);
	e->listener = listener;
	e->ctx = ctx;
	pthread_mutex_unlock(&e->notifying);
}

/* `data` is made before the lock is taken; only the number is put in front of
 * it with the lock held. */
static struct event *make(uint64_t seq, enum event_type type, int64_t subject, const char *data)
{
	const struct message_type *t = &event_messages[type];
	char about[64] = "";
	size_t size = strlen(data) + 200;

	if (t->subject)
		snprintf(about, sizeof about, ",\"%s\":\"%lld\"", t->subject, (long long)subject);
	struct held *h = mem_alloc(1, sizeof *h + size);
	atomic_init(&h->count, 1);
	h->event.seq = seq;
	h->event.type = type;
	h->event.subject = subject;
	h->event.len = (size_t)snprintf(
		h->event.json, size, "{\"seq\":%llu,\"time\":%.6f,\"type\":\"%s\"%s,\"data\":%s}",
		(unsigned long long)seq, (double)clock_wall() / 1e6, t->name, about, data);
	return &h->event;
}

void events_post(struct events *e, enum event_type type, int64_t subject, json_t *data)
{
	AUTO(mem_freep)
	char *text =
		data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(data);

	pthread_mutex_lock(&e->lock);
	struct event *v = make(e->last + 1, type, subject, text ? text : "null");
	struct event **at = &e->ring[v->seq % e->keep];
	event_release(*at);
	*at = v;
	e->last = v->seq;
	e->n += e->n < e->keep;
	pthread_mutex_unlock(&e->lock);

	pthread_mutex_lock(&e->notifying);
	if (e->listener)
		e->listener(e->ctx);
	pthread_mutex_unlock(&e->notifying);
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
		v = event_acquire(e->ring[(after + 1) % e->keep]);
	pthread_mutex_unlock(&e->lock);
	return v;
}
