/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/worker.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "fleet/worker-internal.h"

enum {
	TICK_MS = 100,
	BEAT = 5,         /* seconds between what it says of itself */
	POLL = 1,         /* seconds between looks at all queues */
	HEAD_LOST = 3600, /* seconds after which a head is not asked for units any more */
};

/* ---- slots */

struct slot {
	struct serving *w;
	int number;
	pthread_t thread;
	bool there;
};

static void set_token(struct serving *w, int slot, struct fleet_token *t)
{
	int64_t now = clock_now();
	pthread_mutex_lock(&w->lock);
	if (t)
		t->begun = now;
	else
		w->busy += now - w->tokens[slot]->begun;
	w->tokens[slot] = t;
	pthread_mutex_unlock(&w->lock);
}

/* Waits until there may be units; true if none were announced. */
static bool wait_for_news(struct serving *w, uint64_t *seen)
{
	/* Not all workers of a fleet at the same moment. */
	int64_t until = clock_now() + POLL * CLOCK_SECOND + (int64_t)getpid() % 100 * 1000;
	bool quiet = false;

	pthread_mutex_lock(&w->lock);
	while (w->n_news == *seen && !quiet && !serving_ends(w))
		quiet = !cond_wait_until(&w->news, &w->lock, until);
	*seen = w->n_news;
	pthread_mutex_unlock(&w->lock);
	return quiet;
}

static void *slot_main(void *arg)
{
	struct slot *s = arg;
	struct serving *w = s->w;
	uint64_t seen = 0;
	bool all = true;

	while (!serving_ends(w)) {
		struct fleet_token *t = serving_fetch(w, all);
		if (t) {
			set_token(w, s->number, t);
			serving_do(w, t);
			set_token(w, s->number, NULL);
			token_free(t);
		} else {
			all = wait_for_news(w, &seen);
		}
	}
	w->active--;
	return NULL;
}

/* ---- heads */

static struct known_head *head_of(struct serving *w, const char *id)
{
	for (size_t i = 0; i < w->n_heads; i++)
		if (!strcmp(w->heads[i].id, id))
			return &w->heads[i];
	if (w->n_heads == WORKER_HEADS)
		return NULL;
	struct known_head *h = &w->heads[w->n_heads++];
	*h = (struct known_head){0};
	snprintf(h->id, sizeof h->id, "%s", id);
	return h;
}

/* A unit that is not wanted any more. */
static void drop(struct serving *w, const char *head, const struct wire_notice *t)
{
	for (int i = 0; i < w->o->slots; i++) {
		struct fleet_token *k = w->tokens[i];
		if (k && !strcmp(k->head, head) && !strcmp(k->unit.id, t->gone) &&
		    k->unit.attempt < t->before) {
			k->gone = true;
			cancel_fire(k->cancel);
		}
	}
}

static void hear(struct serving *w, const natsMsg *m, bool own)
{
	AUTO(wire_notice_clear) struct wire_notice t = {0};
	char id[33];
	struct err e = {0};

	/* vdet.HEAD.notice.all or vdet.HEAD.notice.NAME */
	if (!wire_token(natsMsg_GetSubject(m), 1, id, sizeof id) || !fleet_name_valid(id))
		return;
	if (wire_notice_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &t, &e)) {
		log_warning("head %s: %s", id, e.msg);
		return;
	}
	if (own) {
		if (t.drain && !w->draining) {
			log_info("head %s ends this worker after the units in progress", id);
			w->draining = true;
		}
		return;
	}
	pthread_mutex_lock(&w->lock);
	struct known_head *h = head_of(w, id);
	if (t.gone)
		drop(w, id, &t);
	if (h) {
		for (size_t i = 0; i < t.n_queues; i++)
			if (t.queues[i].waiting) {
				w->n_news++;
				pthread_cond_broadcast(&w->news);
				break;
			}
		wire_notice_clear(&h->notice);
		h->notice = t;
		t = (struct wire_notice){0};
		h->heard = clock_now();
	}
	pthread_mutex_unlock(&w->lock);
}

static int write_beat(struct serving *w, struct buf *out, struct err *err)
{
	int64_t now = clock_now();
	AUTO(wire_beat_clear)
	struct wire_beat b = {
		.slots = w->o->slots,
		.draining = serving_ends(w),
		.figures = {
			.uptime = now - w->started, .done = w->done, .failed = w->failed, .send = w->send}};

	memcpy(b.instance, w->instance, sizeof b.instance);
	b.report = w->o->report ? mem_strdup(w->o->report) : NULL;
	for (size_t i = 0; i < w->o->n_models; i++)
		b.models[b.n_models++] = mem_strdup(w->o->models[i]);
	pthread_mutex_lock(&w->lock);
	b.figures.busy = w->busy;
	for (int i = 0; i < w->o->slots; i++)
		if (w->tokens[i]) {
			b.units[b.n_units++] = mem_strdup(w->tokens[i]->unit.id);
			b.figures.busy += now > w->tokens[i]->begun ? now - w->tokens[i]->begun : 0;
		}
	pthread_mutex_unlock(&w->lock);
	if (w->o->figures)
		w->o->figures(w->o->ctx, &b.figures);
	return wire_beat_write(&b, out, err);
}

/* Sends heads a beat of this worker, each when it is time, or all. */
static void beat(struct serving *w, bool all)
{
	AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
	char subjects[WORKER_HEADS][WIRE_SUBJECT], fresh[WORKER_HEADS][33];
	size_t n = 0, n_fresh = 0;
	int64_t now = clock_now();

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_heads; i++) {
		struct known_head *h = &w->heads[i];
		if (now - h->heard > HEAD_LOST * CLOCK_SECOND) {
			wire_notice_clear(&h->notice);
			*h = w->heads[--w->n_heads];
			i--;
			continue;
		}
		/* One that was heard of since the connection was made. */
		bool first = h->shown != w->connects && h->heard >= w->connected;
		if (!all && !first && h->notified && now - h->notified < BEAT * CLOCK_SECOND)
			continue;
		if (first)
			memcpy(fresh[n_fresh++], h->id, sizeof h->id);
		h->shown = first ? w->connects : h->shown;
		h->notified = now;
		snprintf(subjects[n++], WIRE_SUBJECT, "vdet.%s.result.%s.note.beat", h->id, w->name);
	}
	pthread_mutex_unlock(&w->lock);
	if (!n || write_beat(w, &text, NULL))
		return;
	for (size_t i = 0; i < n; i++)
		link_publish(w->link, subjects[i], text.data, text.len, NULL);
	for (size_t i = 0; i < n_fresh; i++)
		serving_say_head(w, fresh[i]);
}

/* ---- the worker */

static void name_of_machine(char out[static FLEET_NAME_MAX + 1])
{
	char host[FLEET_NAME_MAX + 1] = "";

	gethostname(host, FLEET_NAME_MAX);
	for (char *p = host; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			*p = '_';
	snprintf(out, FLEET_NAME_MAX + 1, "%s", *host ? host : "worker");
}

/* The name that the options, the credentials or the machine give. */
static int find_name(struct serving *w, struct err *err)
{
	const char *given = w->o->link.name, *user = w->creds.user;

	if (given && user && strcmp(given, user) != 0)
		return err_set(err, ERR_ARG,
		               "these are the credentials of %s, and the worker's name is %s: both must be "
		               "the same",
		               user, given);
	if (!given && !user) {
		name_of_machine(w->name);
		return 0;
	}
	const char *name = given ? given : user;
	if (!fleet_name_valid(name) || !strcmp(name, "admin") || !strncmp(name, "head-", 5))
		return err_set(
			err, ERR_ARG,
			"\"%.80s\" cannot be the name of a worker: letters, digits, _ and -, at most "
			"%d, and not \"admin\" or \"head-…\"",
			name, FLEET_NAME_MAX);
	snprintf(w->name, sizeof w->name, "%s", name);
	return 0;
}

static int check_options(const struct fleet_worker_options *o, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(WIRE_MAX);

	if (o->slots < 1 || o->slots > WORKER_SLOTS)
		return err_set(err, ERR_ARG, "a worker has 1 to %d slots", WORKER_SLOTS);
	if (o->n_models > WIRE_MAX_MODELS)
		return err_set(err, ERR_ARG, "a worker serves at most %d models", WIRE_MAX_MODELS);
	struct wire_beat b = {.slots = 1, .report = (char *)o->report};
	return wire_beat_write(&b, &text, err);
}

static int subscribe(struct serving *w, const char *whom, natsSubscription **ret, struct err *err)
{
	char subject[WIRE_SUBJECT];

	snprintf(subject, sizeof subject, "vdet.%s.notice.%s", w->creds.head ? w->creds.head : "*",
	         whom);
	natsStatus s = natsConnection_SubscribeSync(ret, w->link->nc, subject);
	return s ? link_err(err, s, 0, "listening to %s", subject) : 0;
}

static int connect_worker(struct serving *w, struct err *err)
{
	struct fleet_options o = w->o->link;

	int r = o.creds ? link_read_creds(o.creds, &w->creds, err) : 0;
	r = r ? r : find_name(w, err);
	if (r)
		return r;
	AUTO(mem_freep) char *inbox = mem_printf("_vdet.%s", w->name);
	o.name = w->name;
	return link_open(&o, inbox, &w->link, err);
}

static int listen_to_heads(struct serving *w, natsSubscription *all, natsSubscription *own,
                           struct err *err)
{
	bool ending = false;

	serving_say_link(w); /* heads that are heard of from now on */
	while (w->active > 0) {
		AUTO(msg_freep) natsMsg *m = NULL, *mine = NULL;
		uint64_t n = 0;
		natsStatus s = natsSubscription_NextMsg(&m, all, TICK_MS);
		if (!s)
			hear(w, m, false);
		else if (s != NATS_TIMEOUT)
			cancel_wait_until(NULL, NULL, clock_now() + TICK_MS * 1000);
		if (!natsSubscription_QueuedMsgs(own, &n) && n &&
		    !natsSubscription_NextMsg(&mine, own, TICK_MS))
			hear(w, mine, true);
		serving_look_after(w);
		serving_say_link(w);
		if (link_ended(w->link) && !w->draining) {
			w->draining = true;
			err_set(err, ERR_PERM,
			        "the NATS server refuses this worker now; its credentials may have expired, or "
			        "were removed");
		}
		beat(w, serving_ends(w) && !ending);
		ending = ending || serving_ends(w);
		if (ending) {
			pthread_mutex_lock(&w->lock);
			pthread_cond_broadcast(&w->news);
			pthread_mutex_unlock(&w->lock);
		}
	}
	return link_ended(w->link) ? -ERR_PERM : 0;
}

static int run_slots(struct serving *w, natsSubscription *all, natsSubscription *own,
                     struct err *err)
{
	AUTO(mem_freep) struct slot *slots = mem_alloc((size_t)w->o->slots, sizeof *slots);

	for (int i = 0; i < w->o->slots; i++) {
		slots[i] = (struct slot){.w = w, .number = i};
		w->active++;
		slots[i].there = !pthread_create(&slots[i].thread, NULL, slot_main, &slots[i]);
		if (!slots[i].there) {
			log_warning("cannot start the thread of slot %d", i + 1);
			w->active--;
		}
	}
	int r = listen_to_heads(w, all, own, err);
	for (int i = 0; i < w->o->slots; i++)
		if (slots[i].there)
			pthread_join(slots[i].thread, NULL);
	return r;
}

static int run(struct serving *w, struct err *err)
{
	AUTO(sub_freep) natsSubscription *all = NULL;
	AUTO(sub_freep) natsSubscription *own = NULL;

	int r = connect_worker(w, err);
	r = r ? r : puller_open(w->link, &w->puller, err);
	r = r ? r : subscribe(w, "all", &all, err);
	r = r ? r : subscribe(w, w->name, &own, err);
	return r ? r : run_slots(w, all, own, err);
}

int fleet_worker_run(const struct fleet_worker_options *o, struct cancel *drain,
                     struct cancel *cancel, struct err *err)
{
	struct serving w = {.o = o, .drain = drain, .cancel = cancel, .started = clock_now()};

	int r = check_options(o, err);
	if (r)
		return r;
	wire_random(w.instance);
	pthread_mutex_init(&w.lock, NULL);
	pthread_mutex_init(&w.fetch, NULL);
	cond_init(&w.news);
	r = run(&w, err);
	puller_clear(&w.puller);
	link_free(w.link);
	link_creds_clear(&w.creds);
	for (size_t i = 0; i < w.n_heads; i++)
		wire_notice_clear(&w.heads[i].notice);
	pthread_cond_destroy(&w.news);
	pthread_mutex_destroy(&w.fetch);
	pthread_mutex_destroy(&w.lock);
	return r;
}
