/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "fleet/head-internal.h"

enum {
	START_PATIENCE = 20,       /* seconds */
	PENDING = 1 << 18,         /* messages that were received, and not looked at */
	PENDING_BYTES = 128 << 20, /* of them */
};

static int check_options(const struct fleet_options *o, const char *id, struct err *err)
{
	if (strlen(id) != 16 || strspn(id, "0123456789abcdef") != 16)
		return err_set(err, ERR_ARG, "\"%.40s\" is not the id of a head", id);
	if (o->ack_wait < 0 || (o->ack_wait && o->ack_wait < CLOCK_SECOND))
		return err_set(err, ERR_ARG, "a unit cannot be given to another worker in under a second");
	return 0;
}

static int subscribe(struct fleet_head *h, const char *pattern, natsSubscription **ret,
                     struct err *err)
{
	char subject[WIRE_SUBJECT];

	snprintf(subject, sizeof subject, "vdet.%s.%s", h->id, pattern);
	natsStatus s = natsConnection_SubscribeSync(ret, h->link->nc, subject);
	return s ? link_err(err, s, 0, "listening to %s", subject) : 0;
}

/* What an earlier head of this id has left in the stream. */
static void find_orphans(struct fleet_head *h)
{
	uint64_t seq = 1;

	for (;;) {
		AUTO(wire_unit_clear) struct wire_unit u = {0};
		if (!streams_next_unit(h->link, h->id, &seq, &u))
			return;
		if (u.id) {
			struct orphan *o = mem_alloc(1, sizeof *o);
			*o = (struct orphan){.next = h->orphans, .seq = seq, .attempt = u.attempt};
			snprintf(o->id, sizeof o->id, "%s", u.id);
			memcpy(o->nonce, u.nonce, sizeof o->nonce);
			h->orphans = o;
		} else {
			log_warning("removing a message from %s that is not a unit", h->stream);
			streams_delete(h->link, h->stream, seq);
		}
		seq++;
	}
}

/* In this order: the owner comes before anything is changed. */
static int make_streams(struct fleet_head *h, const struct fleet_options *o, struct err *err)
{
	int r = link_check_jetstream(h->link, err);

	r = r ? r : owner_take(h->link, h->id, o->replicas, &h->owner, err);
	r = r ? r : streams_ensure(h->link, h->id, o->replicas, err);
	return r ? r : streams_restart_results(h->link, h->id, err);
}

/* A server that has just started, and a cluster that has lost one, need some
 * seconds. */
static int make_streams_patiently(struct fleet_head *h, const struct fleet_options *o,
                                  struct err *err)
{
	int64_t end = clock_now() + START_PATIENCE * CLOCK_SECOND;
	bool warned = false;

	for (;;) {
		int r = make_streams(h, o, err);
		if (r == -ERR_TIMEOUT)
			r = link_check_permitted(h->link, o, "those of a head, head.creds", err) ? -ERR_PERM
			                                                                         : r;
		if ((r != -ERR_TIMEOUT && r != -ERR_IO) || clock_now() > end)
			return r;
		if (!warned)
			log_warning("the NATS server is not ready yet: %s", err->msg);
		warned = true;
		cancel_wait_until(NULL, NULL, clock_now() + CLOCK_SECOND / 2);
	}
}

static int prepare(struct fleet_head *h, const struct fleet_options *o, struct err *err)
{
	AUTO(mem_freep) char *inbox = mem_printf("_vdet.head-%s", h->id);

	int r = link_open(o, inbox, &h->link, err);
	r = r ? r : make_streams_patiently(h, o, err);
	r = r ? r : puller_open(h->link, &h->puller, err);
	r = r ? r : subscribe(h, "result.*.note.*", &h->note_sub, err);
	r = r ? r : subscribe(h, "order.*", &h->order_sub, err);
	r = r ? r : subscribe(h, "ask.*.*", &h->ask_sub, err);
	if (r)
		return r;
	/* One worker that sends very much is not to silence the others. */
	natsSubscription_SetPendingLimits(h->note_sub, PENDING, PENDING_BYTES);
	natsSubscription_SetPendingLimits(h->ask_sub, PENDING, PENDING_BYTES);
	find_orphans(h);
	return 0;
}

static void start(pthread_t *thread, void *(*function)(void *), struct fleet_head *h)
{
	if (pthread_create(thread, NULL, function, h)) {
		log_error("cannot start a thread");
		abort();
	}
}

int fleet_head_open(const struct fleet_options *o, const char *id,
                    const struct fleet_head_hooks *hooks, struct fleet_head **ret, struct err *err)
{
	int r = check_options(o, id, err);
	if (r)
		return r;

	AUTO(fleet_head_freep) struct fleet_head *h = mem_alloc(1, sizeof *h);
	snprintf(h->id, sizeof h->id, "%s", id);
	streams_units(id, h->stream);
	streams_results(id, h->results);
	h->ack_wait = o->ack_wait ? o->ack_wait : 30 * CLOCK_SECOND;
	h->check_every = o->check_every ? o->check_every : 2 * h->ack_wait;
	h->replicas = o->replicas;
	if (hooks)
		h->hooks = *hooks;
	h->started = clock_now();
	h->stop = cancel_new();
	pthread_mutex_init(&h->lock, NULL);
	cond_init(&h->heard);
	r = prepare(h, o, err);
	if (r)
		return r;
	start(&h->collector, head_collect, h);
	start(&h->notes, head_notes, h);
	start(&h->keep, head_keep, h);
	start(&h->asks, head_asks, h);
	h->threads = true;
	*ret = TAKE(h);
	return 0;
}

static void free_lists(struct fleet_head *h)
{
	while (h->units)
		unit_remove(h, h->units);
	for (struct worker *w = h->workers, *next; w; w = next) {
		next = w->next;
		wire_beat_clear(&w->beat);
		free(w);
	}
	for (struct orphan *o = h->orphans, *next; o; o = next) {
		next = o->next;
		free(o);
	}
	for (struct head_queue *q = h->queues, *next; q; q = next) {
		next = q->next;
		free(q->model);
		free(q->source);
		free(q);
	}
}

void fleet_head_free(struct fleet_head *h)
{
	if (!h)
		return;
	cancel_fire(h->stop);
	if (h->threads) {
		pthread_join(h->collector, NULL);
		pthread_join(h->notes, NULL);
		pthread_join(h->keep, NULL);
		pthread_join(h->asks, NULL);
	}
	owner_give_up(&h->owner);
	puller_clear(&h->puller);
	natsSubscription_Destroy(h->note_sub);
	natsSubscription_Destroy(h->order_sub);
	natsSubscription_Destroy(h->ask_sub);
	link_free(h->link);
	free_lists(h);
	pthread_cond_destroy(&h->heard);
	pthread_mutex_destroy(&h->lock);
	cancel_free(h->stop);
	free(h);
}

static void settle(void *ctx, const char *id)
{
	struct fleet_head *h = ctx;

	pthread_mutex_lock(&h->lock);
	struct unit *u = unit_find(h, id);
	if (u && u->given.worker) {
		link_ack(h->link, u->given.reply, LINK_ACK);
		head_count(h, u->given.worker, END_DONE);
		struct worker *w = worker_find(h, u->given.worker);
		if (w)
			worker_took(w, u->kind, u->took);
		if (u->running)
			letter_clear(&u->given);
		else
			unit_remove(h, u);
	}
	pthread_mutex_unlock(&h->lock);
}

static void reject(void *ctx, const char *id, const char *why)
{
	struct fleet_head *h = ctx;

	pthread_mutex_lock(&h->lock);
	struct unit *u = unit_find(h, id);
	if (u && u->given.worker) {
		link_ack(h->link, u->given.reply, LINK_ACK);
		unit_report(u, REPORT_FAILED, u->given.worker, u->given.result.attempt, why);
		head_count(h, u->given.worker, END_FAILED);
		letter_clear(&u->given);
		u->since = clock_now();
	}
	pthread_mutex_unlock(&h->lock);
}

/* Whether the worker has a model that units were asked for. */
static bool is_of_use(const struct fleet_head *h, const struct worker *w)
{
	for (const struct head_queue *q = h->queues; q; q = q->next)
		if (worker_serves(w, q->model))
			return true;
	return !h->queues;
}

static int64_t free_slots(const struct worker *w)
{
	return worker_lives(w) && w->beat.slots > w->elsewhere ? w->beat.slots - w->elsewhere : 0;
}

static int units_for(int64_t slots)
{
	return slots > HEAD_MOST / 2 ? HEAD_MOST : (int)(2 * slots);
}

static int capacity(void *ctx)
{
	struct fleet_head *h = ctx;
	int64_t slots = 0;

	pthread_mutex_lock(&h->lock);
	for (const struct worker *w = h->workers; w; w = w->next)
		slots += is_of_use(h, w) ? free_slots(w) : 0;
	pthread_mutex_unlock(&h->lock);
	return slots < 1 ? 1 : units_for(slots);
}

static int serves(void *ctx, const char *model)
{
	struct fleet_head *h = ctx;
	int64_t slots = 0, until = h->started + HELLO * CLOCK_SECOND;

	pthread_mutex_lock(&h->lock);
	do {
		for (const struct worker *w = h->workers; w; w = w->next)
			slots += worker_serves(w, model) ? free_slots(w) : 0;
	} while (!slots && cond_wait_until(&h->heard, &h->lock, until));
	pthread_mutex_unlock(&h->lock);
	return units_for(slots);
}

struct runner fleet_head_runner(struct fleet_head *h)
{
	return (struct runner){.run = head_run,
	                       .settle = settle,
	                       .reject = reject,
	                       .capacity = capacity,
	                       .serves = serves,
	                       .ctx = h};
}
