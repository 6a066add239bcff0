/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "fleet/worker-internal.h"

enum {
	ASK_MS = 10000,
	RETRY = 1,     /* seconds between attempts to send a result */
	ACK_TRIES = 3, /* of acknowledging: a unit that is done twice only costs time */
	AWAY = 10,     /* seconds without a notice of a head, which sends one every two */
	SIGNS = 3,     /* of progress in the time after which a unit is given to another */
	PATIENCE = 60, /* seconds that a worker that ends waits for a head that is gone */
};

/* ---- for work() */

bool fleet_progress(struct fleet_token *t)
{
	t->progress = clock_now();
	return !cancel_fired(t->cancel);
}

struct cancel *fleet_token_cancel(struct fleet_token *t)
{
	return t->cancel;
}

const char *fleet_token_head(const struct fleet_token *t)
{
	return t->head;
}

int fleet_ask(struct fleet_token *t, const char *topic, const char *body, char **ret_reply,
              struct err *err)
{
	AUTO(msg_freep) natsMsg *m = NULL;
	char subject[WIRE_SUBJECT];

	if (!fleet_name_valid(topic))
		return err_set(err, ERR_ARG, "\"%.40s\" is not a topic", topic);
	snprintf(subject, sizeof subject, "vdet.%s.ask.%s.%s", t->head, t->w->name, topic);
	natsStatus s = natsConnection_RequestString(&m, t->w->link->nc, subject, body, ASK_MS);
	if (s == NATS_NO_RESPONDERS)
		return err_set(err, ERR_IO, "head %s is not there now", t->head);
	if (s)
		return link_err(err, s, 0, "asking head %s for %s", t->head, topic);

	int len = natsMsg_GetDataLength(m);
	const char *text = natsMsg_GetData(m);
	if (len >= 3 && !memcmp(text, "ok ", 3)) {
		*ret_reply = mem_printf("%.*s", len - 3, text + 3);
		return 0;
	}
	if (len >= 6 && !memcmp(text, "error ", 6))
		return err_set(err, ERR_NOENT, "%s: head %s: %.*s", topic, t->head, len - 6, text + 6);
	return err_set(err, ERR_PROTO, "head %s gave no answer that can be read", t->head);
}

/* ---- looking after units in progress */

/* clock_now() of the last notice of the head; with the lock held. */
static int64_t heard_of(const struct serving *w, const char *head)
{
	for (size_t i = 0; i < w->n_heads; i++)
		if (!strcmp(w->heads[i].id, head))
			return w->heads[i].heard;
	return 0;
}

/* Of a worker that ends: whether the unit waits for a head that has ended, as
 * each thing that it needs would, one after the other. */
static bool waits_for_no_one(struct serving *w, const struct fleet_token *t, int64_t now)
{
	int64_t patience = w->o->patience ? w->o->patience : PATIENCE * CLOCK_SECOND;

	return serving_ends(w) && now - t->progress > patience && now - heard_of(w, t->head) > patience;
}

static void look_after(struct fleet_token *t, int64_t now)
{
	int64_t timeout = t->unit.timeout;

	if (!t->left && waits_for_no_one(t->w, t, now)) {
		log_warning("giving back unit %s: this worker ends, and head %s is gone", t->unit.id,
		            t->head);
		t->left = true;
		cancel_fire(t->cancel);
	}

	if (timeout && now - t->progress > timeout && !t->stalled) {
		t->stalled = true;
		cancel_fire(t->cancel);
	}
	if (t->progress > t->sent && now - t->sent >= t->unit.ack_wait / SIGNS) {
		t->sent = now;
		link_ack(t->w->link, t->reply, LINK_PROGRESS);
	}
}

void serving_look_after(struct serving *w)
{
	int64_t now = clock_now();
	bool stop = cancel_fired(w->cancel);

	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < w->o->slots; i++) {
		if (!w->tokens[i])
			continue;
		if (stop)
			cancel_fire(w->tokens[i]->cancel);
		look_after(w->tokens[i], now);
	}
	pthread_mutex_unlock(&w->lock);
}

/* ---- results */

static void send_start(struct serving *w, const struct fleet_token *t)
{
	AUTO(buf_free) struct buf text = BUF(4096);
	struct wire_start s = {.attempt = t->unit.attempt, .delivery = t->delivery};
	char subject[WIRE_SUBJECT];

	snprintf(s.id, sizeof s.id, "%s", t->unit.id);
	memcpy(s.nonce, t->unit.nonce, sizeof s.nonce);
	wire_start_write(&s, &text);
	snprintf(subject, sizeof subject, "vdet.%s.result.%s.note.start", t->head, w->name);
	link_publish(w->link, subject, text.data, text.len, NULL);
}

/* Sends a result until the server has confirmed it; false if it is not wanted
 * any more, or the worker ends. */
static bool send_result(struct serving *w, struct fleet_token *t, const struct buf *text)
{
	char subject[WIRE_SUBJECT], id[RUNNER_MAX_ID + FLEET_NAME_MAX + WIRE_NONCE + 64];
	bool warned = false;

	snprintf(subject, sizeof subject, "vdet.%s.result.%s.done", t->head, w->name);
	snprintf(id, sizeof id, "%s:%" PRId64 ":%" PRId64 ":%s:%s", t->unit.id, t->unit.attempt,
	         t->delivery, w->name, t->unit.nonce);
	for (;;) {
		uint64_t seq;
		bool twice;
		struct err e = {0};
		if (!streams_publish(w->link, subject, id, text, &seq, &twice, &e))
			return true;
		if (!warned)
			log_warning("unit %s: its result waits for the NATS server: %s", t->unit.id, e.msg);
		warned = true;
		if (cancel_wait_until(w->cancel, NULL, clock_now() + RETRY * CLOCK_SECOND) || t->gone ||
		    link_ended(w->link))
			return false;
	}
}

static void acknowledge(struct serving *w, const struct fleet_token *t)
{
	struct err e = {0};

	for (int i = 0; i < ACK_TRIES; i++)
		if (!link_ack_sure(w->link, t->reply, &e))
			return;
	log_info("unit %s: %s; another worker may do it again", t->unit.id, e.msg);
}

static int put_blobs(struct serving *w, struct fleet_token *t, const struct runner_result *result,
                     struct wire_result *out, struct err *err)
{
	if (result->n_blobs > RUNNER_MAX_BLOBS)
		return err_set(err, ERR_LIMIT, "the result names too many data");
	out->blobs = mem_alloc(result->n_blobs + 1, sizeof *out->blobs);
	for (size_t i = 0; i < result->n_blobs; i++) {
		if (!w->o->put)
			return err_set(err, ERR_UNSUPPORTED, "this worker cannot send data");
		int r = w->o->put(w->o->ctx, t, &result->blobs[i], err);
		if (r)
			return err_wrap(err, "sending data to head %s", t->head);
		memcpy(out->blobs[out->n_blobs++], result->blobs[i].sha256, HASH_HEX);
		fleet_progress(t);
	}
	return 0;
}

static int do_work(struct serving *w, struct fleet_token *t, struct wire_result *out,
                   struct err *err)
{
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct runner_unit view = wire_unit_view(&t->unit);

	int r = w->o->work(w->o->ctx, &view, t, &result, err);
	if (r)
		return r;
	fleet_progress(t);
	r = put_blobs(w, t, &result, out, err);
	if (r)
		return r;
	if (!result.body || strlen(result.body) > RUNNER_MAX_BODY)
		return err_set(err, ERR_LIMIT, "the result is missing, or has more than %d bytes",
		               RUNNER_MAX_BODY);
	out->body = TAKE(result.body);
	return 0;
}

static bool is_away(struct serving *w, const char *head)
{
	pthread_mutex_lock(&w->lock);
	int64_t heard = heard_of(w, head);
	pthread_mutex_unlock(&w->lock);
	return heard + AWAY * CLOCK_SECOND < clock_now();
}

/* The state of what has failed; false if the unit is only given back. */
static bool failure(struct serving *w, struct fleet_token *t, int r, const struct err *e,
                    struct wire_result *out)
{
	if (t->gone || t->left || (r == -ERR_CANCELED && !t->stalled))
		return false;
	/* What a cancellation causes has many names. */
	if (cancel_fired(w->cancel) && !t->stalled)
		return false;
	/* Without its head, or a place for data, a worker gets no video, and can
	 * send no data: that says nothing of the unit. */
	bool around = r == -ERR_IO || r == -ERR_TIMEOUT || r == -ERR_NOSPC;
	if (around && !t->stalled && is_away(w, t->head))
		return false;
	out->state = r == -ERR_UNSUPPORTED   ? WIRE_REFUSED
	             : around && !t->stalled ? WIRE_BACK
	                                     : WIRE_FAILED;
	out->fault = t->stalled ? mem_printf("no progress for %lld seconds",
	                                     (long long)(t->unit.timeout / CLOCK_SECOND))
	                        : mem_strdup(e->msg);
	return true;
}

void serving_do(struct serving *w, struct fleet_token *t)
{
	AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
	AUTO(wire_result_clear)
	struct wire_result out = {
		.id = mem_strdup(t->unit.id), .attempt = t->unit.attempt, .delivery = t->delivery};
	struct err e = {0};

	memcpy(out.nonce, t->unit.nonce, sizeof out.nonce);
	send_start(w, t);
	int r = do_work(w, t, &out, &e);
	bool speaks = !r || failure(w, t, r, &e, &out);
	if (speaks && wire_result_write(&out, &text, &e)) {
		/* Its body is too large with what belongs to it. */
		free(TAKE(out.body));
		free(TAKE(out.fault));
		out.n_blobs = 0;
		out.state = WIRE_FAILED;
		out.fault = mem_strdup(e.msg);
		buf_clear(&text);
		speaks = !wire_result_write(&out, &text, NULL);
	}
	if (out.state == WIRE_REFUSED || out.state == WIRE_BACK)
		log_warning("this worker cannot do unit %s%s: %s", t->unit.id,
		            out.state == WIRE_BACK ? " now" : "", out.fault);
	else if (out.state == WIRE_FAILED && speaks)
		log_warning("unit %s failed here: %s", t->unit.id, out.fault);
	int64_t sending = clock_now();
	if (speaks && send_result(w, t, &text)) {
		w->done += out.state == WIRE_DONE;
		w->failed += out.state == WIRE_FAILED;
		acknowledge(w, t);
	} else if (!t->gone) {
		link_ack(w->link, t->reply, LINK_BACK);
	}
	w->send += clock_now() - sending;
}
