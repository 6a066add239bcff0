/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fleet/flood.h"
#include "fleet/head-internal.h"

enum {
	TICK_MS = 100,
	MEND_GAP = 1, /* seconds */
	CHANGES = 3,  /* of a worker's instance that are no restarts */
	GRACE = 2,    /* seconds in which a beat may be older than a start */
};

/* ---- listening to workers */

static struct worker *worker_of(struct fleet_head *h, const char *name)
{
	struct worker *w = worker_find(h, name);

	if (!w && h->n_workers < HEAD_WORKERS) {
		w = mem_alloc(1, sizeof *w);
		snprintf(w->name, sizeof w->name, "%s", name);
		w->next = h->workers;
		h->workers = w;
		h->n_workers++;
	}
	return w;
}

/* A worker that has begun a unit and does not name it any more has ended it,
 * or lost it. */
static void look_for_ended(struct fleet_head *h, const struct worker *w)
{
	int64_t now = clock_now();

	for (struct unit *u = h->units; u; u = u->next)
		if (u->running && u->last.attempt && !strcmp(u->last_worker, w->name) &&
		    u->last_at + GRACE * CLOCK_SECOND < now && !worker_has(w, u->id)) {
			u->check = true;
			wakeup_signal(u->wake);
		}
}

/* Those of earlier heads of this id count as well, as they end soon. */
static int64_t count_elsewhere(struct fleet_head *h, const struct wire_beat *b)
{
	int64_t n = 0;

	for (size_t i = 0; i < b->n_units; i++)
		n += !unit_find(h, b->units[i]);
	return n;
}

/* It may have begun them without a word of that. */
static void note_held(struct fleet_head *h, const struct wire_beat *b)
{
	for (size_t i = 0; i < b->n_units; i++) {
		struct unit *u = unit_find(h, b->units[i]);
		if (u && u->running && u->seq && !u->held)
			u->held = clock_now();
	}
}

static void take_beat(struct fleet_head *h, const char *name, const natsMsg *m)
{
	AUTO(wire_beat_clear) struct wire_beat b = {0};
	struct err e = {0};

	if (wire_beat_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &b, &e)) {
		log_warning("worker %s: %s", name, e.msg);
		return;
	}
	pthread_mutex_lock(&h->lock);
	struct worker *w = worker_of(h, name);
	bool two = false;
	if (w) {
		if (*w->beat.instance && strcmp(w->beat.instance, b.instance) != 0)
			two = ++w->changes == CHANGES;
		wire_beat_clear(&w->beat);
		w->beat = b;
		b = (struct wire_beat){0};
		w->heard = clock_now();
		history_add(&w->history, w->heard, &w->beat.figures);
		w->elsewhere = count_elsewhere(h, &w->beat);
		note_held(h, &w->beat);
		look_for_ended(h, w);
		pthread_cond_broadcast(&h->heard);
	}
	pthread_mutex_unlock(&h->lock);
	if (two)
		log_warning("worker %s was started several times, or two workers have this name: give each "
		            "one of its own with --fleet-name",
		            name);
}

/* It may begin before the server's answer to publishing is here. */
static bool is_given(const struct fleet_head *h, const struct unit *u, const struct wire_start *s,
                     const char *worker)
{
	char nonce[WIRE_NONCE];

	if (!u || !u->running || s->attempt < u->attempt || s->attempt > u->attempt + 1 ||
	    (u->view.not_by && !strcmp(u->view.not_by, worker)))
		return false;
	wire_nonce(h->owner.secret, &u->view, s->attempt, nonce);
	return !strcmp(nonce, s->nonce);
}

static void take_start(struct fleet_head *h, const char *name, const natsMsg *m)
{
	struct wire_start s;

	if (wire_start_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &s, NULL))
		return;
	pthread_mutex_lock(&h->lock);
	struct unit *u = unit_find(h, s.id);
	if (is_given(h, u, &s, name)) {
		unit_start(h, u, &s, name);
		wakeup_signal(u->wake);
	}
	pthread_mutex_unlock(&h->lock);
}

/* Whether to look at a message of the worker. */
static bool admit(struct flood *f, const char *worker, const natsMsg *m)
{
	enum flood_verdict v = flood_take(f, worker, (size_t)natsMsg_GetDataLength(m), clock_now());

	if (v == FLOOD_WARN)
		log_warning("worker %s sends more than %d messages a second: dropping some of them; if it "
		            "goes on, remove its credentials",
		            worker, FLOOD_RATE);
	return v == FLOOD_TAKE;
}

static void take_note(struct fleet_head *h, struct flood *f, const natsMsg *m)
{
	char name[FLEET_NAME_MAX + 1], what[16];
	const char *subject = natsMsg_GetSubject(m);

	/* vdet.HEAD.result.WORKER.note.WHAT */
	if (!wire_token(subject, 3, name, sizeof name) || !fleet_name_valid(name) ||
	    !wire_token(subject, 5, what, sizeof what) || !admit(f, name, m))
		return;
	if (!strcmp(what, "beat"))
		take_beat(h, name, m);
	else if (!strcmp(what, "start"))
		take_start(h, name, m);
}

/* ---- what is done from time to time */

static void mend(struct fleet_head *h)
{
	struct err e = {0};

	pthread_mutex_lock(&h->lock);
	bool now = h->mend;
	h->mend = false;
	pthread_mutex_unlock(&h->lock);
	if (!now || !link_up(h->link))
		return;
	int r = streams_ensure(h->link, h->id, h->replicas, &e);
	r = r ? r : owner_mend(h->link, h->id, h->replicas, &h->owner, &e);

	/* Their list only grows at its beginning, and shrinks in this thread. */
	pthread_mutex_lock(&h->lock);
	struct head_queue *q = h->queues;
	pthread_mutex_unlock(&h->lock);
	for (; q && !r; q = q->next)
		r = streams_ensure_queue(h->link, h->id, q->model, q->source, h->ack_wait, &e);
	if (r) {
		pthread_mutex_lock(&h->lock);
		bool warned = h->warned;
		h->warned = h->mend = true;
		pthread_mutex_unlock(&h->lock);
		if (!warned)
			log_warning("work waits for the NATS server: %s", e.msg);
	}
}

/* With the lock held. */
static void wake_all(struct fleet_head *h)
{
	for (struct unit *u = h->units; u; u = u->next)
		if (u->running)
			wakeup_signal(u->wake);
}

static void renew(struct fleet_head *h)
{
	struct err e = {0};

	if (!link_up(h->link))
		return;
	int r = owner_renew(&h->owner, &e);
	if (!r)
		return;
	pthread_mutex_lock(&h->lock);
	h->mend = true;
	if (r == -ERR_BUSY && !*h->lost) {
		snprintf(h->lost, sizeof h->lost, "%.*s", (int)sizeof h->lost - 1, e.msg);
		wake_all(h);
	}
	pthread_mutex_unlock(&h->lock);
}

/* Results that no one asks for: they may be of before a restart. */
static void drop_old_units(struct fleet_head *h, int64_t now)
{
	for (struct unit *u = h->units, *next; u; u = next) {
		next = u->next;
		if (u->running || u->given.worker || u->since + KEEP * CLOCK_SECOND > now)
			continue;
		for (size_t i = 0; i < u->n_letters; i++)
			link_ack(h->link, u->letters[i].reply, LINK_ACK);
		unit_remove(h, u);
	}
}

static void drop_old_workers(struct fleet_head *h, int64_t now)
{
	for (struct worker **at = &h->workers; *at;) {
		struct worker *w = *at;
		if (w->heard + WORKER_FORGET * CLOCK_SECOND > now) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		h->n_workers--;
		wire_beat_clear(&w->beat);
		free(w);
	}
}

/* Takes a queue out of the list that has had no unit for a while; else NULL. */
static struct head_queue *unused_queue(struct fleet_head *h, int64_t now)
{
	struct head_queue *found = NULL;

	pthread_mutex_lock(&h->lock);
	for (struct head_queue **at = &h->queues; *at && !found;) {
		bool used = (*at)->used + KEEP * CLOCK_SECOND > now;
		for (const struct unit *u = h->units; u && !used; u = u->next)
			used = u->running && !strcmp(u->view.model, (*at)->model) &&
			       !strcmp(u->view.source, (*at)->source);
		if (used) {
			at = &(*at)->next;
			continue;
		}
		found = *at;
		*at = found->next;
	}
	pthread_mutex_unlock(&h->lock);
	return found;
}

static void tidy(struct fleet_head *h)
{
	int64_t now = clock_now();
	struct orphan *old = NULL;
	struct head_queue *q;

	pthread_mutex_lock(&h->lock);
	drop_old_units(h, now);
	drop_old_workers(h, now);
	if (h->started + KEEP * CLOCK_SECOND < now) {
		old = h->orphans;
		h->orphans = NULL;
	}
	pthread_mutex_unlock(&h->lock);
	for (struct orphan *next; old; old = next) {
		next = old->next;
		streams_delete(h->link, h->stream, old->seq);
		free(old);
	}
	while (link_up(h->link) && (q = unused_queue(h, now))) {
		streams_remove_queue(h->link, h->id, q->name);
		free(q->model);
		free(q->source);
		free(q);
	}
}

static void take_orders(struct fleet_head *h)
{
	uint64_t n = 0;

	while (!natsSubscription_QueuedMsgs(h->order_sub, &n) && n) {
		AUTO(msg_freep) natsMsg *m = NULL;
		if (natsSubscription_NextMsg(&m, h->order_sub, TICK_MS))
			return;
		head_order(h, m);
	}
}

void *head_notes(void *head)
{
	struct fleet_head *h = head;
	AUTO(flood_clear) struct flood flood = {0};

	while (!cancel_fired(h->stop)) {
		AUTO(msg_freep) natsMsg *m = NULL;
		natsStatus s = natsSubscription_NextMsg(&m, h->note_sub, TICK_MS);
		if (!s)
			take_note(h, &flood, m);
		else if (s != NATS_TIMEOUT)
			cancel_wait_until(h->stop, NULL, clock_now() + TICK_MS * 1000);
		take_orders(h);
		head_note_load(h);
		pthread_mutex_lock(&h->lock);
		bool due = clock_now() - h->notified >= (h->notice ? NOTICE_GAP : BEAT * CLOCK_SECOND);
		pthread_mutex_unlock(&h->lock);
		if (due)
			head_notify_now(h);
	}
	return NULL;
}

/* What may wait for the server is done here: else what workers send meanwhile
 * would be too much. */
void *head_keep(void *head)
{
	struct fleet_head *h = head;
	int64_t next_renew = 0, next_mend = 0, next_tidy = 0;
	bool ended = false;

	do {
		if (!ended && link_ended(h->link)) { /* for good: no unit can go on */
			ended = true;
			pthread_mutex_lock(&h->lock);
			wake_all(h);
			pthread_mutex_unlock(&h->lock);
		}
		if (clock_now() >= next_renew) {
			renew(h);
			next_renew = clock_now() + OWNER_RENEW * CLOCK_SECOND;
		}
		if (clock_now() >= next_mend) {
			mend(h);
			next_mend = clock_now() + MEND_GAP * CLOCK_SECOND;
		}
		if (clock_now() >= next_tidy) {
			tidy(h);
			next_tidy = clock_now() + CLOCK_SECOND;
		}
	} while (!cancel_wait_until(h->stop, NULL, clock_now() + TICK_MS * 1000));
	return NULL;
}

/* ---- questions */

static void answer(struct fleet_head *h, struct flood *f, const natsMsg *m)
{
	char worker[FLEET_NAME_MAX + 1], topic[FLEET_NAME_MAX + 1];
	const char *subject = natsMsg_GetSubject(m), *reply = natsMsg_GetReply(m);
	AUTO(mem_freep) char *body = NULL, *text = NULL, *whole = NULL;
	struct err e = {0};

	/* vdet.HEAD.ask.WORKER.TOPIC */
	if (!reply || !wire_token(subject, 3, worker, sizeof worker) || !fleet_name_valid(worker) ||
	    !wire_token(subject, 4, topic, sizeof topic) || !fleet_name_valid(topic) ||
	    !admit(f, worker, m))
		return;
	/* The server lets a worker name any subject, and this head may publish
	 * where a worker may not. */
	AUTO(mem_freep) char *inbox = mem_printf("_vdet.%s.", worker);
	if (strncmp(reply, inbox, strlen(inbox)) != 0)
		return;
	body = mem_printf("%.*s", natsMsg_GetDataLength(m), natsMsg_GetData(m));
	int r = h->hooks.answer ? h->hooks.answer(h->hooks.ctx, worker, topic, body, &text, &e)
	                        : err_set(&e, ERR_UNSUPPORTED, "this head answers no questions");
	whole = r ? mem_printf("error %s", e.msg) : mem_printf("ok %s", text ? text : "");
	link_publish(h->link, reply, whole, strlen(whole), NULL);
}

void *head_asks(void *head)
{
	struct fleet_head *h = head;
	AUTO(flood_clear) struct flood flood = {0};

	while (!cancel_fired(h->stop)) {
		AUTO(msg_freep) natsMsg *m = NULL;
		natsStatus s = natsSubscription_NextMsg(&m, h->ask_sub, 2 * TICK_MS);
		if (!s)
			answer(h, &flood, m);
		else if (s != NATS_TIMEOUT)
			cancel_wait_until(h->stop, NULL, clock_now() + TICK_MS * 1000);
	}
	return NULL;
}
