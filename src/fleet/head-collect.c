/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fleet/head-internal.h"

enum { PULL_MS = 1000, PAUSE = 200 * 1000 /* microseconds */ };

/* What is done with a result. */
enum outcome {
	KEPT,
	DROPPED,
	AGAIN, /* the same message, delivered once more */
};

/* Whether so many results of this worker are kept that no one has asked for:
 * more than it can have had before this head was started. */
static bool has_too_many(const struct fleet_head *h, const char *worker)
{
	size_t n = 0;

	for (const struct unit *u = h->units; u && n < HEAD_UNASKED; u = u->next)
		n += !u->running && u->n_letters && !strcmp(u->letters[0].worker, worker);
	return n >= HEAD_UNASKED;
}

static enum outcome post(struct fleet_head *h, struct letter *l)
{
	if (!unit_find(h, l->result.id) && has_too_many(h, l->worker))
		return DROPPED;
	struct unit *u = unit_find_or_add(h, l->result.id);

	if (!u)
		return DROPPED;
	if (u->given.worker && u->given.seq == l->seq)
		return AGAIN;
	for (size_t i = 0; i < u->n_letters; i++)
		if (u->letters[i].seq == l->seq)
			return AGAIN;
	/* A second result of a unit, or more than anyone sends. */
	if (u->given.worker || u->n_letters == HEAD_LETTERS)
		return DROPPED;
	u->letters[u->n_letters++] = *l;
	*l = (struct letter){0};
	if (u->running)
		wakeup_signal(u->wake);
	return KEPT;
}

static void take(struct fleet_head *h, natsMsg *m)
{
	AUTO(letter_clear) struct letter l = {0};
	char worker[FLEET_NAME_MAX + 1] = "";
	struct err e = {0};
	int64_t times = 0;
	const char *reply = natsMsg_GetReply(m);

	if (!reply || !wire_delivery(reply, &times, &l.seq))
		return;
	l.reply = mem_strdup(reply);
	/* vdet.HEAD.result.WORKER.done: the server holds a worker to its name. */
	int r = wire_result_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &l.result, &e);
	if (!r &&
	    (!wire_token(natsMsg_GetSubject(m), 3, worker, sizeof worker) || !fleet_name_valid(worker)))
		r = err_set(&e, ERR_FORMAT, "its subject names no worker");
	if (r) {
		log_warning("dropping a result in the NATS server: %s", e.msg);
		link_ack(h->link, reply, LINK_ACK);
		return;
	}
	l.worker = mem_strdup(worker);
	uint64_t seq = l.seq;

	pthread_mutex_lock(&h->lock);
	enum outcome outcome = post(h, &l);
	/* After it is posted: a unit that sees this number sees its letter. */
	h->seen = seq;
	h->warned = false;
	pthread_mutex_unlock(&h->lock);
	if (outcome == DROPPED) {
		log_debug("unit %s: dropping another result, of worker %s", l.result.id, worker);
		link_ack(h->link, reply, LINK_ACK);
	}
}

void *head_collect(void *head)
{
	struct fleet_head *h = head;
	/* What is there already comes before the first unit is given. */
	int64_t wait = 0;

	while (!cancel_fired(h->stop)) {
		AUTO(msg_freep) natsMsg *m = NULL;
		int r = puller_take(&h->puller, h->results, STREAMS_RESULTS_CONSUMER, wait, &m, NULL);
		if (r) {
			pthread_mutex_lock(&h->lock);
			h->mend = true;
			pthread_mutex_unlock(&h->lock);
			cancel_wait_until(h->stop, NULL, clock_now() + PAUSE);
		} else if (m) {
			take(h, m);
		} else {
			pthread_mutex_lock(&h->lock);
			h->idle++;
			wait = PULL_MS;
			pthread_mutex_unlock(&h->lock);
		}
	}
	return NULL;
}
