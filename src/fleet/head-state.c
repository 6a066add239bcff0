/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "fleet/head-internal.h"

enum { ORDER_MS = 5000 };

/* ---- the state */

static const char *state_of(const struct worker *w)
{
	if (w->heard + WORKER_LOST * CLOCK_SECOND < clock_now())
		return "silent";
	return w->beat.draining ? "draining" : "working";
}

/* What was done lately, since there is work; null if that is not known yet. */
static json_t *recent_json(const struct worker *w)
{
	struct fleet_figures f;

	return history_recent(&w->history, &f) ? fleet_figures_json(&f) : json_null();
}

static json_t *worker_json(const struct worker *w)
{
	json_t *models = json_array(), *units = json_array();
	json_t *report = json_loads(w->beat.report ? w->beat.report : "{}", 0, NULL);

	for (size_t i = 0; i < w->beat.n_models; i++)
		json_array_append_new(models, json_string(w->beat.models[i]));
	for (size_t i = 0; i < w->beat.n_units; i++)
		json_array_append_new(units, json_string(w->beat.units[i]));
	return json_pack("{s:I, s:I, s:s, s:s, s:f, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
	                 "compared", (json_int_t)w->compared, "differed", (json_int_t)w->differed,
	                 "name", w->name, "state", state_of(w), "age",
	                 (double)(clock_now() - w->heard) / CLOCK_SECOND, "slots",
	                 (json_int_t)w->beat.slots, "models", models, "units", units, "done",
	                 (json_int_t)w->done, "failed", (json_int_t)w->failed, "refused",
	                 (json_int_t)w->refused, "silent", (json_int_t)w->silent, "report", report,
	                 "figures", fleet_figures_json(&w->beat.figures), "recent", recent_json(w));
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct worker *const *)a)->name,
	              (*(const struct worker *const *)b)->name);
}

static json_t *workers_json(const struct fleet_head *h)
{
	json_t *all = json_array();
	AUTO(mem_freep)
	const struct worker **sorted = mem_alloc(h->n_workers + 1, sizeof *sorted);
	size_t n = 0;

	for (const struct worker *w = h->workers; w; w = w->next)
		sorted[n++] = w;
	qsort(sorted, n, sizeof *sorted, by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, worker_json(sorted[i]));
	return all;
}

static json_t *units_json(const struct fleet_head *h)
{
	struct head_units n = head_count_units(h);

	return json_pack("{s:I, s:I, s:I, s:I}", "waiting", (json_int_t)n.waiting, "begun",
	                 (json_int_t)n.begun, "results", (json_int_t)n.results, "unsettled",
	                 (json_int_t)n.unsettled);
}

static json_t *counts_json(const struct head_counts *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "given", (json_int_t)c->given,
	                 "redelivered", (json_int_t)c->redelivered, "done", (json_int_t)c->done,
	                 "failed", (json_int_t)c->failed, "refused", (json_int_t)c->refused, "silent",
	                 (json_int_t)c->silent, "holes", (json_int_t)c->holes);
}

json_t *fleet_head_state(struct fleet_head *h)
{
	bool up = link_up(h->link);

	pthread_mutex_lock(&h->lock);
	json_t *o = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "head", h->id, "connected", up, "units",
	                      units_json(h), "load", head_load_json(h), "counts",
	                      counts_json(&h->counts), "workers", workers_json(h));
	pthread_mutex_unlock(&h->lock);
	if (h->hooks.describe)
		h->hooks.describe(h->hooks.ctx, o);
	return o;
}

/* As text that fits into a message: of very many workers, the first ones. */
static char *state_text(struct fleet_head *h)
{
	json_auto_t *o = fleet_head_state(h);
	json_t *workers = json_object_get(o, "workers");
	const size_t all = json_array_size(workers);
	char *text = json_dumps(o, JSON_COMPACT);

	while (text && strlen(text) > WIRE_MAX && json_array_size(workers)) {
		for (size_t n = json_array_size(workers), keep = n / 2; n > keep; n--)
			json_array_remove(workers, n - 1);
		json_object_set_new(o, "left_out",
		                    json_integer((json_int_t)(all - json_array_size(workers))));
		free(text);
		text = json_dumps(o, JSON_COMPACT);
	}
	return text;
}

/* ---- orders */

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
	json_auto_t *o = r ? json_pack("{s:s, s:i}", "error", e.msg, "code", (int)e.code) : NULL;
	AUTO(mem_freep) char *text = o ? json_dumps(o, JSON_COMPACT) : state_text(h);
	if (text)
		link_publish(h->link, reply, text, strlen(text), NULL);
}

/* The server says what it does not permit before it answers to a flush. */
static int ask_head(struct link *l, const struct fleet_options *o, const char *subject,
                    const char *body, natsMsg **ret, struct err *err)
{
	AUTO(sub_freep) natsSubscription *sub = NULL;
	char unique[WIRE_NONCE];

	wire_random(unique);
	AUTO(mem_freep) char *inbox = mem_printf("%s.%s", l->inbox, unique);
	natsStatus s = natsConnection_SubscribeSync(&sub, l->nc, inbox);
	s = s ? s : natsConnection_PublishRequestString(l->nc, subject, inbox, body);
	s = s ? s : natsConnection_FlushTimeout(l->nc, ORDER_MS);
	int r = link_check_permitted(l, o,
	                             "those of an administrator, admin.creds of the folder that "
	                             "`vdet fleet creds` wrote",
	                             err);
	if (r)
		return r;
	s = s ? s : natsSubscription_NextMsg(ret, sub, ORDER_MS);
	if (!s && natsMsg_IsNoResponders(*ret))
		s = NATS_NO_RESPONDERS;
	if (s == NATS_TIMEOUT)
		return err_set(err, ERR_TIMEOUT,
		               "it does not reply within %d seconds; it may be stopped, or cut off from "
		               "the NATS server",
		               ORDER_MS / 1000);
	return s == NATS_NO_RESPONDERS ? -ERR_NOENT : s ? link_err(err, s, 0, "a request") : 0;
}

int fleet_head_order(const struct fleet_options *o, const char *id, const char *order,
                     const char *worker, json_t **ret, struct err *err)
{
	AUTO(link_freep) struct link *l = NULL;
	AUTO(msg_freep) natsMsg *m = NULL;
	struct fleet_options quiet = *o;
	char subject[WIRE_SUBJECT];

	quiet.quiet = true;
	int r = link_open(&quiet, "_vdet.admin", &l, err);
	if (r)
		return r;
	snprintf(subject, sizeof subject, "vdet.%.16s.order.%.15s", id, order);
	r = ask_head(l, o, subject, worker ? worker : "", &m, err);
	if (r == -ERR_NOENT)
		return err_set(err, ERR_NOENT,
		               "no head with the id %s is connected to the NATS server at %s", id, o->url);
	if (r)
		return r == -ERR_PERM ? r : err_wrap(err, "asking head %s", id);

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
