/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "fleet/head-internal.h"

enum {
	RETRY = 1, /* seconds after a failure to reach the server */
	BLOBS_MOST = 64 << 20,
};

/* ---- publishing */

/* Takes a unit of an earlier head with this id out of the list; NULL if there
 * is none. */
static struct orphan *next_orphan(struct fleet_head *h, const char *id)
{
	struct orphan *found = NULL;

	pthread_mutex_lock(&h->lock);
	for (struct orphan **at = &h->orphans; *at && !found;) {
		if (strcmp((*at)->id, id) != 0) {
			at = &(*at)->next;
			continue;
		}
		found = *at;
		*at = found->next;
	}
	pthread_mutex_unlock(&h->lock);
	return found;
}

/* Goes on with the unit that an earlier head has published, if it is the
 * same. */
static bool adopt(struct fleet_head *h, struct unit *u)
{
	struct orphan *o;
	bool found = false;

	while ((o = next_orphan(h, u->id))) {
		char nonce[WIRE_NONCE];
		wire_nonce(h->owner.secret, &u->view, o->attempt, nonce);
		bool same = !found && !strcmp(nonce, o->nonce);
		pthread_mutex_lock(&h->lock);
		u->attempt = o->attempt > u->attempt ? o->attempt : u->attempt;
		if (same) {
			u->seq = o->seq;
			u->held = 0;
			u->put = clock_now();
			memcpy(u->nonce, nonce, sizeof nonce);
			found = true;
		}
		pthread_mutex_unlock(&h->lock);
		if (!same) {
			streams_delete(h->link, h->stream, o->seq);
			head_notify_gone(h, u->id, o->attempt + 1);
		}
		free(o);
	}
	return found;
}

/* Makes the consumer of the unit's queue, once. */
static int use_queue(struct fleet_head *h, const struct runner_unit *v, struct err *err)
{
	char name[WIRE_QUEUE];
	struct head_queue *q;

	wire_queue(v->model, v->source, name);
	pthread_mutex_lock(&h->lock);
	for (q = h->queues; q && strcmp(q->name, name) != 0;)
		q = q->next;
	if (q)
		q->used = clock_now();
	pthread_mutex_unlock(&h->lock);
	if (q)
		return 0;

	int r = streams_ensure_queue(h->link, h->id, v->model, v->source, h->ack_wait, err);
	if (r)
		return r;
	q = mem_alloc(1, sizeof *q);
	memcpy(q->name, name, sizeof name);
	q->model = mem_strdup(v->model);
	q->source = mem_strdup(v->source);
	q->used = clock_now();
	pthread_mutex_lock(&h->lock);
	/* Two threads may have made it; the second entry does no harm. */
	q->next = h->queues;
	h->queues = q;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

/* Writes the unit's next attempt. */
static int write_attempt(struct fleet_head *h, struct unit *u, int64_t attempt,
                         char nonce[static WIRE_NONCE], struct buf *out, struct err *err)
{
	const char *avoid[WIRE_MAX_AVOID + 1];

	pthread_mutex_lock(&h->lock);
	unit_avoid(h, u, avoid);
	wire_nonce(h->owner.secret, &u->view, attempt, nonce);
	int r = wire_unit_write(&u->view, attempt, nonce, h->ack_wait, avoid, out, err);
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* Publishes the next attempt; ERR_OFFSET if this one was published before. */
static int publish_once(struct fleet_head *h, struct unit *u, struct err *err)
{
	AUTO(buf_free) struct buf data = BUF(WIRE_MAX);
	char nonce[WIRE_NONCE], id[RUNNER_MAX_ID + 32], subject[WIRE_SUBJECT];
	uint64_t seq = 0;
	bool twice = false;
	int64_t attempt = u->attempt + 1;

	/* Before it is published: then a worker may begin it. */
	pthread_mutex_lock(&h->lock);
	u->held = 0;
	u->put = clock_now();
	pthread_mutex_unlock(&h->lock);
	int r = use_queue(h, &u->view, err);
	r = r ? r : write_attempt(h, u, attempt, nonce, &data, err);
	if (r)
		return r;
	snprintf(id, sizeof id, "%s:%" PRId64, u->id, attempt);
	wire_unit_subject(h->id, u->view.model, u->view.source, subject);
	r = streams_publish(h->link, subject, id, &data, &seq, &twice, err);
	if (r)
		return r;
	/* An answer that was lost, or an earlier life of this head. */
	int there = twice ? streams_has(h->link, h->stream, seq, nonce, err) : 1;
	if (there < 0)
		return there;
	pthread_mutex_lock(&h->lock);
	u->attempt = attempt;
	if (there) {
		u->seq = seq;
		memcpy(u->nonce, nonce, sizeof nonce);
		h->counts.given++;
		h->counts.redelivered += attempt > 1;
	}
	pthread_mutex_unlock(&h->lock);
	return there ? 0 : -ERR_OFFSET;
}

static int publish(struct fleet_head *h, struct unit *u, struct err *err)
{
	int r;

	if (adopt(h, u))
		return use_queue(h, &u->view, err);
	do
		r = publish_once(h, u, err);
	while (r == -ERR_OFFSET);
	if (!r)
		head_notify(h);
	return r;
}

/* ---- results */

/* Each is named once, and all of one result have a limit. */
static int fetch_blobs(struct fleet_head *h, const struct letter *l, struct runner_result *ret,
                       struct err *err)
{
	const struct wire_result *w = &l->result;
	size_t all = 0;

	ret->blobs = mem_alloc(w->n_blobs + 1, sizeof *ret->blobs);
	for (size_t i = 0; i < w->n_blobs; i++) {
		struct runner_blob *b = &ret->blobs[i];
		if (!h->hooks.blob)
			return err_set(err, ERR_PROTO, "the result names data, and this head takes none");
		if (runner_find_blob(ret, w->blobs[i]))
			return err_set(err, ERR_PROTO, "the result names data twice");
		int r = h->hooks.blob(h->hooks.ctx, l->worker, w->blobs[i], &b->data, &b->len, err);
		if (r)
			return err_wrap(err, "data %.12s", w->blobs[i]);
		ret->n_blobs++;
		memcpy(b->sha256, w->blobs[i], HASH_HEX);
		all += b->len;
		if (all > BLOBS_MOST)
			return err_set(err, ERR_LIMIT, "the result has more than %d bytes of data", BLOBS_MOST);
	}
	return 0;
}

/* It waits, so that it does not go to and fro at once; true if the user should
 * know. With the lock held. */
static bool hold_back(struct fleet_head *h, struct unit *u)
{
	int64_t now = clock_now();
	bool news = !h->backed || h->backed + BACK_WARN * CLOCK_SECOND < now;

	u->back_since = u->back_since ? u->back_since : now;
	u->hold = now + BACK_PAUSE * CLOCK_SECOND;
	h->backed = news ? now : h->backed;
	return news;
}

/* A report instead of a result: the message is used up. */
static void take_report(struct fleet_head *h, struct unit *u, struct letter *l,
                        enum report_kind kind, const char *text)
{
	pthread_mutex_lock(&h->lock);
	unit_report(u, kind, l->worker, l->result.attempt, text);
	if (l->result.attempt == u->last.attempt)
		u->last = (struct wire_start){0};
	if (kind != REPORT_BACK)
		head_count(h, l->worker, kind == REPORT_FAILED ? END_FAILED : END_REFUSED);
	if (l->result.attempt == u->attempt)
		u->seq = 0;
	bool news = kind == REPORT_BACK && hold_back(h, u);
	pthread_mutex_unlock(&h->lock);
	link_ack(h->link, l->reply, LINK_ACK);
	log_write(news ? LOG_WARNING : LOG_INFO, "unit %s: worker %s %s: %s", u->id, l->worker,
	          kind == REPORT_BACK      ? "gives it back"
	          : kind == REPORT_REFUSED ? "refuses"
	                                   : "reports",
	          text);
}

/* Looks at a result: true if it is one, which is then the caller's. */
static bool take_letter(struct fleet_head *h, struct unit *u, struct letter *l,
                        struct runner_result *ret)
{
	static const enum report_kind kinds[] = {
		[WIRE_FAILED] = REPORT_FAILED, [WIRE_REFUSED] = REPORT_REFUSED, [WIRE_BACK] = REPORT_BACK};
	char nonce[WIRE_NONCE];
	struct err e = {0};

	wire_nonce(h->owner.secret, &u->view, l->result.attempt, nonce);
	if (strcmp(nonce, l->result.nonce) != 0) {
		log_warning("unit %s: dropping a result of worker %s, which was not given it", u->id,
		            l->worker);
		link_ack(h->link, l->reply, LINK_ACK);
		return false;
	}
	if (u->view.not_by && !strcmp(u->view.not_by, l->worker)) {
		log_warning("unit %s: dropping a result of worker %s, which was not to do it", u->id,
		            l->worker);
		link_ack(h->link, l->reply, LINK_ACK);
		return false;
	}
	if (unit_was_reported(u, l->worker, l->result.attempt)) {
		log_debug("unit %s: dropping another report of worker %s", u->id, l->worker);
		link_ack(h->link, l->reply, LINK_ACK);
		return false;
	}
	if (l->result.state != WIRE_DONE) {
		take_report(h, u, l, kinds[l->result.state], l->result.fault);
		return false;
	}
	int r = fetch_blobs(h, l, ret, &e);
	if (r) {
		/* Those of a head that was away for long are not kept for ever. */
		bool around = r == -ERR_NOENT || r == -ERR_IO || r == -ERR_NOSPC;
		runner_result_clear(ret);
		take_report(h, u, l, around ? REPORT_BACK : REPORT_FAILED, e.msg);
		return false;
	}
	ret->body = mem_strdup(l->result.body);
	ret->worker = mem_strdup(l->worker);
	return true;
}

static bool next_letter(struct fleet_head *h, struct unit *u, struct letter *ret)
{
	pthread_mutex_lock(&h->lock);
	bool any = u->n_letters > 0;
	if (any) {
		*ret = u->letters[0];
		memmove(u->letters, u->letters + 1, sizeof *u->letters * --u->n_letters);
		u->letters[u->n_letters] = (struct letter){0};
	}
	pthread_mutex_unlock(&h->lock);
	return any;
}

/* Removes what of the unit is still in the stream, and stops who works on
 * it. */
static void withdraw(struct fleet_head *h, struct unit *u)
{
	uint64_t seq = u->seq; /* only this thread changes it */

	if (seq)
		streams_delete(h->link, h->stream, seq);
	pthread_mutex_lock(&h->lock);
	u->seq = 0;
	pthread_mutex_unlock(&h->lock);
	head_notify_gone(h, u->id, u->attempt + 1);
}

/* Whether a worker's result of a unit that is canceled will be of use: this
 * head ends, and the next one asks for the same unit. */
static bool is_left(struct fleet_head *h, const struct unit *u)
{
	if (!h->hooks.ending || !cancel_fired(h->hooks.ending))
		return false;
	pthread_mutex_lock(&h->lock);
	bool left = u->seq && u->last.attempt;
	pthread_mutex_unlock(&h->lock);
	return left;
}

static bool take_result(struct fleet_head *h, struct unit *u, struct runner_result *ret)
{
	AUTO(letter_clear) struct letter l = {0};

	while (next_letter(h, u, &l)) {
		if (take_letter(h, u, &l, ret)) {
			/* Another worker may have it too. */
			if (l.result.attempt != u->attempt || l.result.delivery > 1)
				withdraw(h, u);
			pthread_mutex_lock(&h->lock);
			ret->attempts = u->starts > 1 ? u->starts : 1;
			letter_clear(&u->given);
			u->took = unit_took(u, &l);
			snprintf(u->kind, sizeof u->kind, "%s", u->view.kind);
			u->given = l;
			u->seq = 0;
			u->last = (struct wire_start){0};
			l = (struct letter){0};
			pthread_mutex_unlock(&h->lock);
			return true;
		}
		letter_clear(&l);
	}
	return false;
}

/* ---- a unit from beginning to end */

static void warn_once(struct fleet_head *h, const struct err *e)
{
	pthread_mutex_lock(&h->lock);
	bool warned = h->warned;
	h->warned = h->mend = true;
	pthread_mutex_unlock(&h->lock);
	if (!warned)
		log_warning("work waits for the NATS server: %s", e->msg);
}

static bool is_old(const struct unit *u, int seconds)
{
	return u->asked + seconds * CLOCK_SECOND < clock_now();
}

/* Why the unit cannot go on; 0 if it can. */
static int obstacle(struct fleet_head *h, struct unit *u, struct cancel *cancel, struct err *err)
{
	int r = 0;

	if (cancel_fired(cancel) || cancel_fired(h->stop))
		return err_set(err, ERR_CANCELED, "canceled");
	if (link_ended(h->link))
		return err_set(err, ERR_PERM, "the NATS server refuses the credentials of this head now");
	pthread_mutex_lock(&h->lock);
	if (*h->lost)
		r = err_set(err, ERR_BUSY, "%s", h->lost);
	else if (unit_has_failed(h, u, err))
		r = -(int)err->code;
	else if (!u->starts && ((u->view.optional && is_old(u, OPTIONAL_MOST)) ||
	                        (u->view.not_by && is_old(u, TWICE_MOST))))
		r = err_set(err, ERR_NOENT, "the workers that are there do not begin it");
	else if (u->view.optional && !unit_has_worker(h, u))
		r = err_set(err, ERR_NOENT, "no worker is there that can do it");
	else if (u->view.not_by && !unit_has_other(h, u))
		r = err_set(err, ERR_NOENT, "no other worker is there");
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* Puts the unit into the stream, where it is not; a failure of the server only
 * delays it. */
static int give(struct fleet_head *h, struct unit *u, int64_t *ret_wait, struct err *err)
{
	struct err e = {0};

	/* A result that an earlier head did not settle comes first. */
	pthread_mutex_lock(&h->lock);
	bool ready = h->idle > 0;
	int64_t hold = u->hold - clock_now();
	pthread_mutex_unlock(&h->lock);
	if (!ready || hold > 0) {
		*ret_wait = ready ? hold : CLOCK_SECOND / 50;
		return 0;
	}
	int r = publish(h, u, &e);
	if (!r) {
		*ret_wait = h->check_every;
		return 0;
	}
	if (r == -ERR_ARG || r == -ERR_LIMIT || r == -ERR_FORMAT) {
		*err = e;
		return r;
	}
	warn_once(h, &e);
	*ret_wait = RETRY * CLOCK_SECOND;
	return 0;
}

static bool wants_check(struct fleet_head *h, struct unit *u)
{
	pthread_mutex_lock(&h->lock);
	bool now = u->check;
	u->check = false;
	pthread_mutex_unlock(&h->lock);
	return now;
}

static int go_on(struct fleet_head *h, struct unit *u, struct cancel *cancel,
                 struct runner_result *ret, struct err *err)
{
	int64_t next = clock_now() + h->check_every;

	for (;;) {
		if (take_result(h, u, ret))
			return 0;
		int r = obstacle(h, u, cancel, err);
		int64_t wait = next - clock_now();
		if (!r && !u->seq) {
			r = give(h, u, &wait, err);
			next = clock_now() + h->check_every;
		}
		if (r)
			return r;
		/* Workers may be gone meanwhile, or not begin it. */
		if ((u->view.optional || u->view.not_by) && wait > CLOCK_SECOND)
			wait = CLOCK_SECOND;
		wakeup_wait(u->wake, cancel, wait > 0 ? wait : 0);
		if (wants_check(h, u) || clock_now() >= next) {
			r = unit_check(h, u, cancel, err);
			if (r)
				return r;
			next = clock_now() + h->check_every;
		}
	}
}

static int begin(struct fleet_head *h, const struct runner_unit *v, struct unit **ret,
                 struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&h->lock);
	struct unit *u = runner_id_valid(v->id) ? unit_find_or_add(h, v->id) : NULL;
	if (!u) {
		r = err_set(err, ERR_LIMIT, "too many units, or \"%.130s\" is not a valid id of one",
		            v->id);
	} else if (u->running) {
		r = err_set(err, ERR_BUSY, "unit %s was given twice at the same time", v->id);
	} else {
		u->running = true;
		u->asked = clock_now();
		u->view = *v;
		if (!u->wake)
			u->wake = wakeup_new();
		/* Not settled: it is looked at again, and returned. */
		if (u->given.worker && u->n_letters < HEAD_LETTERS) {
			u->letters[u->n_letters++] = u->given;
			u->given = (struct letter){0};
		}
		*ret = u;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

int head_run(void *ctx, const struct runner_unit *v, struct cancel *cancel,
             struct runner_result *ret, struct err *err)
{
	struct fleet_head *h = ctx;
	struct unit *u = NULL;
	struct err e = {0};

	int r = begin(h, v, &u, err);
	if (r)
		return r;
	*ret = (struct runner_result){0};
	r = go_on(h, u, cancel, ret, &e);
	if (r && err)
		*err = e;
	if (r && r != -ERR_BUSY && !(r == -ERR_CANCELED && is_left(h, u)))
		withdraw(h, u);

	pthread_mutex_lock(&h->lock);
	u->running = false;
	u->view = (struct runner_unit){0};
	u->since = clock_now();
	h->counts.holes +=
		r == -ERR_ENGINE || r == -ERR_DIED || r == -ERR_ARG || r == -ERR_LIMIT || r == -ERR_FORMAT;
	/* A failure is final; a later run() begins with no history. */
	if (r)
		unit_remove(h, u);
	pthread_mutex_unlock(&h->lock);
	return r;
}
