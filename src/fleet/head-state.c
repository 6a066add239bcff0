/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "fleet/head-internal.h"

enum { ORDER_MS = 5000 };

static json_t *worker_json(const struct worker *w)
{
	int64_t age = clock_now() - w->heard;
	json_t *models = json_array(), *units = json_array();
	json_t *report = json_loads(w->beat.report ? w->beat.report : "{}", 0, NULL);

	for (size_t i = 0; i < w->beat.n_models; i++)
		json_array_append_new(models, json_string(w->beat.models[i]));
	for (size_t i = 0; i < w->beat.n_units; i++)
		json_array_append_new(units, json_string(w->beat.units[i]));
	return json_pack("{s:s, s:s, s:f, s:I, s:o, s:o, s:I, s:I, s:o}", "name", w->name, "state",
	                 age > WORKER_LOST * CLOCK_SECOND ? "lost"
	                 : w->beat.draining               ? "draining"
	                                                  : "working",
	                 "age", (double)age / CLOCK_SECOND, "slots", (json_int_t)w->beat.slots,
	                 "models", models, "units", units, "done", (json_int_t)w->done, "failed",
	                 (json_int_t)w->failed, "report", report);
}

json_t *fleet_head_state(struct fleet_head *h)
{
	json_t *workers = json_array();
	int64_t waiting = 0, begun = 0, unsettled = 0;

	pthread_mutex_lock(&h->lock);
	for (const struct worker *w = h->workers; w; w = w->next)
		json_array_append_new(workers, worker_json(w));
	for (const struct unit *u = h->units; u; u = u->next) {
		begun += u->running && u->last.attempt;
		waiting += u->running && !u->last.attempt;
		unsettled += u->given.worker != NULL;
	}
	json_t *o =
		json_pack("{s:s, s:b, s:{s:I, s:I, s:I}, s:o}", "head", h->id, "connected",
	              link_up(h->link), "units", "waiting", (json_int_t)waiting, "begun",
	              (json_int_t)begun, "unsettled", (json_int_t)unsettled, "workers", workers);
	pthread_mutex_unlock(&h->lock);
	return o;
}

static struct worker **find(struct fleet_head *h, const char *worker)
{
	struct worker **at = &h->workers;

	while (*at && strcmp((*at)->name, worker) != 0)
		at = &(*at)->next;
	return at;
}

static int unknown(const char *worker, struct err *err)
{
	return err_set(err, ERR_NOENT, "this head knows no worker %s", worker);
}

int fleet_head_drain(struct fleet_head *h, const char *worker, struct err *err)
{
	pthread_mutex_lock(&h->lock);
	bool known = *find(h, worker) != NULL;
	pthread_mutex_unlock(&h->lock);
	return known ? head_notify_drain(h, worker, err) : unknown(worker, err);
}

int fleet_head_forget(struct fleet_head *h, const char *worker, struct err *err)
{
	pthread_mutex_lock(&h->lock);
	struct worker **at = find(h, worker), *w = *at;
	if (w) {
		*at = w->next;
		h->n_workers--;
		wire_beat_clear(&w->beat);
		free(w);
	}
	pthread_mutex_unlock(&h->lock);
	return w ? 0 : unknown(worker, err);
}

static int do_order(struct fleet_head *h, const char *order, const char *worker, struct err *err)
{
	if (!strcmp(order, "state"))
		return 0;
	if (!strcmp(order, "drain"))
		return fleet_head_drain(h, worker, err);
	if (!strcmp(order, "forget"))
		return fleet_head_forget(h, worker, err);
	return err_set(err, ERR_ARG, "unknown order %.40s", order);
}

void head_order(struct fleet_head *h, const natsMsg *m)
{
	char order[16], worker[FLEET_NAME_MAX + 1] = "";
	struct err e = {0};
	const char *reply = natsMsg_GetReply(m);

	/* vdet.HEAD.order.WHAT, with the name of a worker. */
	if (!reply || !wire_token(natsMsg_GetSubject(m), 3, order, sizeof order))
		return;
	snprintf(worker, sizeof worker, "%.*s", natsMsg_GetDataLength(m), natsMsg_GetData(m));
	int r = do_order(h, order, worker, &e);
	json_t *o =
		r ? json_pack("{s:s, s:i}", "error", e.msg, "code", (int)e.code) : fleet_head_state(h);
	AUTO(mem_freep) char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text)
		link_publish(h->link, reply, text, strlen(text), NULL);
}

int fleet_head_order(const struct fleet_options *o, const char *id, const char *order,
                     const char *worker, json_t **ret, struct err *err)
{
	AUTO(link_freep) struct link *l = NULL;
	AUTO(msg_freep) natsMsg *m = NULL;
	char subject[WIRE_SUBJECT];

	int r = link_open(o, "_vdet.admin", &l, err);
	if (r)
		return r;
	snprintf(subject, sizeof subject, "vdet.%.16s.order.%.15s", id, order);
	natsStatus s = natsConnection_RequestString(&m, l->nc, subject, worker ? worker : "", ORDER_MS);
	if (s == NATS_NO_RESPONDERS)
		return err_set(err, ERR_NOENT,
		               "no head with the id %s is connected to the NATS server at %s", id, o->url);
	if (s)
		return link_err(err, s, 0, "asking head %s", id);

	json_auto_t *answer = NULL;
	r = json_read_foreign(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &answer, err);
	if (r)
		return err_wrap(err, "the answer of head %s", id);
	if (*json_text(answer, "error"))
		return err_set(err,
		               (enum err_code)json_integer_value(json_object_get(answer, "code")) ==
		                       ERR_NOENT
		                   ? ERR_NOENT
		                   : ERR_ARG,
		               "%s", json_text(answer, "error"));
	*ret = TAKE(answer);
	return 0;
}
