/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dispatch.h"

#include <poll.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/mem.h"

struct dispatch_waiter {
	struct dispatch_waiter *next;
	struct placement_request want;
	struct cancel *turn; /* signalled when it is decided; for poll() */
	int backend;         /* or PLACEMENT_NONE */
};

void dispatch_init(struct dispatch *d)
{
	*d = (struct dispatch){.last = &d->first};
	pthread_mutex_init(&d->lock, NULL);
	d->idle = wakeup_new();
}

void dispatch_clear(struct dispatch *d)
{
	pthread_mutex_destroy(&d->lock);
	wakeup_free(d->idle);
}

/* With the lock held: chooses with the current limit and silences applied. */
static int pick(struct dispatch *d, struct placement_request *w, size_t queue)
{
	if (d->held)
		return PLACEMENT_WAIT;
	w->queue = queue;
	w->now = clock_now();
	int slots[ENDPOINTS_MAX];
	for (size_t i = 0; i < d->n; i++) {
		slots[i] = d->backends[i].slots;
		if (d->limit > 0 && d->limit < slots[i])
			d->backends[i].slots = d->limit;
		d->backends[i].silent = d->flight[i] ? (double)(w->now - d->heard[i]) / 1e6 : 0;
	}
	w->cloud_after = d->cloud_after;
	int m = placement_pick(d->backends, d->n, w);
	for (size_t i = 0; i < d->n; i++)
		d->backends[i].slots = slots[i];
	return m;
}

static void unqueue(struct dispatch *d, struct dispatch_waiter *w)
{
	for (struct dispatch_waiter **p = &d->first; *p; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (!*p)
			d->last = p;
		return;
	}
}

/* With the lock held: places the waiting requests, in order; one whose backends
 * are all busy does not block the next. */
static void hand_out(struct dispatch *d)
{
	size_t waiting = 0;
	for (const struct dispatch_waiter *w = d->first; w; w = w->next)
		waiting++;
	for (struct dispatch_waiter *w = d->first, *next; w; w = next) {
		next = w->next;
		waiting--;
		int m = pick(d, &w->want, waiting + (size_t)(d->expected > 0 ? d->expected : 0));
		if (m == PLACEMENT_WAIT)
			continue;
		if (m >= 0)
			d->backends[m].active++;
		w->backend = m;
		unqueue(d, w);
		cancel_fire(w->turn);
	}
}

void dispatch_kick(struct dispatch *d)
{
	pthread_mutex_lock(&d->lock);
	hand_out(d);
	pthread_mutex_unlock(&d->lock);
}

void dispatch_change(struct dispatch *d, size_t backend,
                     void (*fn)(struct placement_backend *, void *), void *ctx)
{
	pthread_mutex_lock(&d->lock);
	fn(&d->backends[backend], ctx);
	hand_out(d);
	pthread_mutex_unlock(&d->lock);
}

void dispatch_expect(struct dispatch *d, int64_t change)
{
	pthread_mutex_lock(&d->lock);
	d->expected += change;
	pthread_mutex_unlock(&d->lock);
}

void dispatch_hold(struct dispatch *d, bool held)
{
	pthread_mutex_lock(&d->lock);
	d->held = held;
	hand_out(d);
	pthread_mutex_unlock(&d->lock);
}

void dispatch_limit(struct dispatch *d, int limit)
{
	pthread_mutex_lock(&d->lock);
	d->limit = limit;
	hand_out(d);
	pthread_mutex_unlock(&d->lock);
}

/* Waits until it is decided; false if canceled before. Also looks periodically,
 * because breakers close by time. */
static bool wait_turn(struct dispatch *d, struct dispatch_waiter *waiter,
                      const struct dispatch_request *w)
{
	struct pollfd p[] = {{.fd = cancel_fd(waiter->turn), .events = POLLIN},
	                     {.fd = cancel_fd(w->cancel[0]), .events = POLLIN},
	                     {.fd = cancel_fd(w->cancel[1]), .events = POLLIN}};
	while (!cancel_fired(waiter->turn)) {
		if (cancel_fired(w->cancel[0]) || cancel_fired(w->cancel[1]))
			return false;
		if (w->waiting)
			w->waiting(w->ctx);
		poll(p, ARRAY_LEN(p), 1000);
		dispatch_kick(d);
	}
	return true;
}

/* With the lock held: sums up the time of requests. */
static void count_asking(struct dispatch *d, int change)
{
	int64_t now = clock_now();
	d->ask_time += d->asking * (now - d->ask_since);
	d->ask_since = now;
	d->asking += change;
}

int dispatch_acquire(struct dispatch *d, const struct dispatch_request *w, struct err *err)
{
	struct dispatch_waiter waiter = {
		.want = {.never = w->never, .later = w->later, .work = w->work, .pictures = w->pictures},
		.backend = PLACEMENT_WAIT};
	waiter.turn = cancel_new();
	pthread_mutex_lock(&d->lock);
	count_asking(d, 1);
	*d->last = &waiter;
	d->last = &waiter.next;
	hand_out(d);
	pthread_mutex_unlock(&d->lock);

	bool decided = wait_turn(d, &waiter, w);
	pthread_mutex_lock(&d->lock);
	if (!decided && cancel_fired(waiter.turn)) { /* it was decided at the same moment */
		if (waiter.backend >= 0)
			d->backends[waiter.backend].active--;
		hand_out(d);
	} else if (!decided) {
		unqueue(d, &waiter);
	}
	if (!decided || waiter.backend < 0)
		count_asking(d, -1);
	pthread_mutex_unlock(&d->lock);
	cancel_free(waiter.turn);
	if (!decided)
		return err_set(err, ERR_CANCELED, "interrupted");
	return waiter.backend >= 0 ? waiter.backend : err_set(err, ERR_NOENT, "no endpoint can answer");
}

void dispatch_release(struct dispatch *d, size_t backend)
{
	pthread_mutex_lock(&d->lock);
	d->backends[backend].active--;
	count_asking(d, -1);
	hand_out(d);
	pthread_mutex_unlock(&d->lock);
}

void dispatch_begin(struct dispatch *d, size_t backend)
{
	pthread_mutex_lock(&d->lock);
	int64_t now = clock_now();
	if (!d->busy++)
		d->busy_since = now;
	if (!d->flight[backend]++)
		d->since[backend] = d->heard[backend] = now;
	d->sums[backend].requests++;
	pthread_mutex_unlock(&d->lock);
}

void dispatch_end(struct dispatch *d, size_t backend, const struct dispatch_outcome *o)
{
	pthread_mutex_lock(&d->lock);
	struct placement_backend *m = &d->backends[backend];
	struct dispatch_sums *s = &d->sums[backend];
	int64_t now = clock_now();
	if (!--d->busy) {
		d->busy_time += now - d->busy_since;
		wakeup_signal(d->idle);
	}
	d->heard[backend] = now;
	if (!--d->flight[backend])
		s->busy += now - d->since[backend];
	s->prompt_tokens += o ? o->prompt_tokens : 0;
	s->output_tokens += o ? o->output_tokens : 0;
	if (o && o->good) {
		placement_measured(m, (double)o->time / 1e6, o->work);
		breaker_succeeded(&m->breaker);
	} else if (o) {
		s->failures++;
		/* Without blame it answered, even if it refused the request. */
		if (o->blame)
			breaker_failed(&m->breaker, now, o->asked, o->permanent);
		else if (m->breaker.state == BREAKER_HALF_OPEN)
			breaker_succeeded(&m->breaker);
	}
	pthread_mutex_unlock(&d->lock);
}

int64_t dispatch_busy_time(struct dispatch *d)
{
	pthread_mutex_lock(&d->lock);
	int64_t t = d->busy_time + (d->busy ? clock_now() - d->busy_since : 0);
	pthread_mutex_unlock(&d->lock);
	return t;
}

int64_t dispatch_ask_time(struct dispatch *d)
{
	pthread_mutex_lock(&d->lock);
	count_asking(d, 0);
	int64_t t = d->ask_time;
	pthread_mutex_unlock(&d->lock);
	return t;
}

int64_t dispatch_forecast(struct dispatch *d)
{
	pthread_mutex_lock(&d->lock);
	size_t queue = (size_t)(d->expected > 0 ? d->expected : 0);
	double work = 1;
	for (const struct dispatch_waiter *w = d->first; w; w = w->next) {
		queue++;
		work = w->want.work;
	}
	int64_t t = placement_forecast(d->backends, d->n, queue, work);
	pthread_mutex_unlock(&d->lock);
	return t;
}

int dispatch_in_flight(struct dispatch *d)
{
	pthread_mutex_lock(&d->lock);
	int n = d->busy;
	pthread_mutex_unlock(&d->lock);
	return n;
}

bool dispatch_wait_idle(struct dispatch *d, struct cancel *cancel)
{
	while (dispatch_in_flight(d) > 0 && wakeup_wait(d->idle, cancel, -1))
		;
	return !cancel_fired(cancel);
}

void dispatch_look(struct dispatch *d, size_t backend, struct placement_backend *ret,
                   struct dispatch_sums *ret_sums)
{
	pthread_mutex_lock(&d->lock);
	*ret = d->backends[backend];
	*ret_sums = d->sums[backend];
	if (d->flight[backend])
		ret_sums->busy += clock_now() - d->since[backend];
	pthread_mutex_unlock(&d->lock);
}
