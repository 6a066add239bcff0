/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "fleet/worker-internal.h"

enum {
	ANY_WAIT = 200 * 1000, /* microseconds before sources that it does not hold */
	BACK_WAIT = 2,         /* seconds before a unit is offered again that another should do */
	MALFORMED_WAIT = 60,   /* likewise of one that is none */
};

void token_free(struct fleet_token *t)
{
	if (!t)
		return;
	wire_unit_clear(&t->unit);
	free(t->reply);
	cancel_free(t->cancel);
	free(t);
}

static bool serves(const struct serving *w, const char *model)
{
	for (size_t i = 0; i < w->o->n_models; i++)
		if (!strcmp(w->o->models[i], model))
			return true;
	return !*model;
}

/* The queues that this worker can serve; the caller frees them. */
static struct place *list(struct serving *w, bool all, size_t *ret_n)
{
	struct place *places = NULL;
	size_t n = 0, cap = 0;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_heads; i++) {
		const struct known_head *h = &w->heads[i];
		for (size_t j = 0; j < h->notice.n_queues; j++) {
			const struct wire_queue_row *q = &h->notice.queues[j];
			if (!serves(w, q->model) || (!all && !q->waiting))
				continue;
			if (w->o->takes && !w->o->takes(w->o->ctx, q->model))
				continue;
			places = mem_room(places, n, &cap, sizeof *places);
			struct place *p = &places[n++];
			*p = (struct place){.waiting = q->waiting > 0};
			memcpy(p->head, h->id, sizeof p->head);
			wire_queue(q->model, q->source, p->queue);
			p->held = *q->source && w->o->holds && w->o->holds(w->o->ctx, q->source);
		}
	}
	pthread_mutex_unlock(&w->lock);
	*ret_n = n;
	return places;
}

/* So that not all workers ask in the same order. */
static void shuffle(struct place *p, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = randombytes_uniform((uint32_t)i);
		struct place swap = p[i - 1];
		p[i - 1] = p[j];
		p[j] = swap;
	}
}

static bool avoids(const struct serving *w, const struct wire_unit *u)
{
	for (size_t i = 0; i < u->n_avoid; i++)
		if (!strcmp(u->avoid[i], w->name))
			return true;
	return false;
}

/* Whose unit it is: a message that comes late may be of another head than the
 * one that was asked last. */
static bool read_head(const char *reply, char head[static 33])
{
	char stream[STREAM_NAME];

	if (!wire_stream(reply, stream, sizeof stream) || strncmp(stream, "vdet-", 5) != 0 ||
	    strlen(stream + 5) > 32 || !fleet_name_valid(stream + 5))
		return false;
	memcpy(head, stream + 5, strlen(stream + 5) + 1);
	return true;
}

static struct fleet_token *open_message(struct serving *w, const natsMsg *m)
{
	struct fleet_token *t = mem_alloc(1, sizeof *t);
	const char *reply = natsMsg_GetReply(m);
	uint64_t seq;
	struct err e = {0};

	t->w = w;
	t->reply = mem_strdup(reply ? reply : "");
	t->cancel = cancel_new();
	t->progress = t->sent = clock_now();
	int r = wire_unit_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &t->unit, &e);
	if (!wire_delivery(t->reply, &t->delivery, &seq) || !read_head(t->reply, t->head)) {
		log_warning("dropping a message without a place in a stream of a head");
	} else if (r) {
		log_warning("a unit of head %s: %s", t->head, e.msg);
		link_back(w->link, t->reply, MALFORMED_WAIT * CLOCK_SECOND);
	} else if (avoids(w, &t->unit)) {
		link_back(w->link, t->reply, BACK_WAIT * CLOCK_SECOND);
	} else {
		return t;
	}
	token_free(t);
	return NULL;
}

static struct fleet_token *ask(struct serving *w, const struct place *p)
{
	AUTO(msg_freep) natsMsg *m = NULL;
	char stream[STREAM_NAME];

	streams_units(p->head, stream);
	/* Its consumer may not exist any more, or not yet again. */
	if (puller_take(&w->puller, stream, p->queue, 0, &m, NULL) || !m)
		return NULL;
	return open_message(w, m);
}

static struct fleet_token *ask_all(struct serving *w, const struct place *p, size_t n, bool held)
{
	struct fleet_token *t = NULL;

	for (int waiting = 1; waiting >= 0 && !t; waiting--)
		for (size_t i = 0; i < n && !t && !serving_ends(w) && link_up(w->link); i++)
			if (p[i].held == held && p[i].waiting == (bool)waiting)
				t = ask(w, &p[i]);
	return t;
}

struct fleet_token *serving_fetch(struct serving *w, bool all)
{
	size_t n = 0, held = 0;

	pthread_mutex_lock(&w->fetch);
	AUTO(mem_freep) struct place *places = list(w, all, &n);
	shuffle(places, n);
	for (size_t i = 0; i < n; i++)
		held += places[i].held;

	struct fleet_token *t = held ? ask_all(w, places, n, true) : NULL;
	if (!t && held && held < n) {
		/* A unit of a source that it holds may be on its way. */
		cancel_wait_until(w->cancel, w->drain, clock_now() + ANY_WAIT);
		t = ask_all(w, places, n, true);
	}
	if (!t && held < n)
		t = ask_all(w, places, n, false);
	pthread_mutex_unlock(&w->fetch);
	return t;
}
