/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/head-internal.h"

static struct wire_queue_row *row_of(struct wire_notice *t, size_t *cap,
                                     const struct runner_unit *v)
{
	for (size_t i = 0; i < t->n_queues; i++)
		if (!strcmp(t->queues[i].source, v->source) && !strcmp(t->queues[i].model, v->model))
			return &t->queues[i];
	if (t->n_queues == WIRE_MAX_QUEUES)
		return NULL;
	t->queues = mem_room(t->queues, t->n_queues, cap, sizeof *t->queues);
	t->queues[t->n_queues] =
		(struct wire_queue_row){.model = mem_strdup(v->model), .source = mem_strdup(v->source)};
	return &t->queues[t->n_queues++];
}

static void queues_now(const struct fleet_head *h, struct wire_notice *t)
{
	size_t cap = 0;

	for (const struct unit *u = h->units; u; u = u->next) {
		if (!u->running || !u->seq)
			continue;
		struct wire_queue_row *row = row_of(t, &cap, &u->view);
		if (row)
			row->waiting += !u->last.attempt;
	}
}

static void notify(struct fleet_head *h, const char *whom, const struct wire_notice *t)
{
	AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
	char subject[WIRE_SUBJECT];

	snprintf(subject, sizeof subject, "vdet.%s.notice.%s", h->id, whom);
	if (!wire_notice_write(t, &text, NULL))
		link_publish(h->link, subject, text.data, text.len, NULL);
}

void head_notify_now(struct fleet_head *h)
{
	AUTO(wire_notice_clear) struct wire_notice t = {0};

	pthread_mutex_lock(&h->lock);
	queues_now(h, &t);
	h->notified = clock_now();
	h->notice = false;
	pthread_mutex_unlock(&h->lock);
	notify(h, "all", &t);
}

void head_notify(struct fleet_head *h)
{
	pthread_mutex_lock(&h->lock);
	bool soon = clock_now() - h->notified < NOTICE_GAP;
	h->notice = h->notice || soon;
	pthread_mutex_unlock(&h->lock);
	if (!soon)
		head_notify_now(h);
}

void head_notify_gone(struct fleet_head *h, const char *id, int64_t before)
{
	AUTO(wire_notice_clear) struct wire_notice t = {.gone = mem_strdup(id), .before = before};

	pthread_mutex_lock(&h->lock);
	queues_now(h, &t);
	pthread_mutex_unlock(&h->lock);
	notify(h, "all", &t);
}

int head_notify_drain(struct fleet_head *h, const char *worker, struct err *err)
{
	AUTO(wire_notice_clear) struct wire_notice t = {.drain = true};

	if (!link_up(h->link))
		return err_set(err, ERR_IO, "no connection to the NATS server");
	notify(h, worker, &t);
	return 0;
}
