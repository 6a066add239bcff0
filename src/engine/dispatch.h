/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of requests that wait for a backend, in the order in which they
 * came; placement_pick() chooses. Also keeps what is measured of each backend,
 * and the time during which any request was in flight. Thread-safe; only
 * dispatch_acquire() and dispatch_wait_idle() block. Times: microseconds. */
#ifndef VDET_ENGINE_DISPATCH_H
#define VDET_ENGINE_DISPATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/wakeup.h"
#include "engine/endpoint-config.h"
#include "engine/placement.h"

struct dispatch_waiter;

/* What was measured of one backend since the start. */
struct dispatch_sums {
	int64_t requests, failures;
	int64_t prompt_tokens, output_tokens;
	int64_t busy; /* microseconds with at least one request in flight */
};

struct dispatch {
	pthread_mutex_t lock;
	struct placement_backend backends[ENDPOINTS_MAX];
	struct dispatch_sums sums[ENDPOINTS_MAX];
	int flight[ENDPOINTS_MAX];    /* requests in flight */
	int64_t since[ENDPOINTS_MAX]; /* it is busy, by clock_now() */
	int64_t heard[ENDPOINTS_MAX]; /* it became busy, or a request ended, whichever is later */
	size_t n;
	int64_t cloud_after;
	int64_t expected; /* requests that will come, in addition to those that wait here */
	bool held;        /* no request is admitted */
	int limit;        /* requests at the same time on each backend; 0 = its slots */
	struct dispatch_waiter *first, **last;
	int busy; /* requests in flight */
	int64_t busy_since, busy_time;
	int asking; /* requests that wait or are in flight */
	int64_t ask_since, ask_time;
	struct wakeup *idle; /* the last request in flight has ended */
};

void dispatch_init(struct dispatch *d);
void dispatch_clear(struct dispatch *d);
/* Calls fn with the lock held, to change what is known of a backend; then looks
 * at the waiting requests again. fn must not call this module. */
void dispatch_change(struct dispatch *d, size_t backend,
                     void (*fn)(struct placement_backend *m, void *ctx), void *ctx);
void dispatch_kick(struct dispatch *d); /* looks at the waiting requests again */
/* See engine_expect(), engine_hold(), engine_limit(). */
void dispatch_expect(struct dispatch *d, int64_t change);
void dispatch_hold(struct dispatch *d, bool held);
void dispatch_limit(struct dispatch *d, int limit);

/* What a request needs; the fields as in struct placement_request, whose other
 * fields dispatch_acquire() fills in. */
struct dispatch_request {
	uint32_t never, later;
	double work;
	bool pictures;
	struct cancel *cancel[2]; /* may be NULL */
	/* Called on the caller's thread, at once if the request must wait, then
	 * every second; may be NULL. */
	void (*waiting)(void *ctx);
	void *ctx;
};
/* Waits for a backend and occupies one of its slots: returns its number,
 * ERR_CANCELED, or ERR_NOENT when no backend will be available. The caller
 * calls dispatch_release(). */
int dispatch_acquire(struct dispatch *d, const struct dispatch_request *w, struct err *err);
void dispatch_release(struct dispatch *d, size_t backend);

/* How a request went, for rate, breaker and sums. */
struct dispatch_outcome {
	bool good, permanent;
	bool blame;    /* the backend caused the failure, so its breaker counts it */
	int64_t asked; /* pause that it asked for (Retry-After); 0 = none */
	int64_t time;  /* that the request took */
	double work;   /* see struct placement_request */
	int64_t prompt_tokens, output_tokens;
};
/* To be called when a request is sent, and when it has ended (NULL: it was
 * canceled). */
void dispatch_begin(struct dispatch *d, size_t backend);
void dispatch_end(struct dispatch *d, size_t backend, const struct dispatch_outcome *o);
/* See engine_busy_time(), engine_ask_time(), engine_forecast(). */
int64_t dispatch_busy_time(struct dispatch *d);
int64_t dispatch_ask_time(struct dispatch *d);
int64_t dispatch_forecast(struct dispatch *d);
int dispatch_in_flight(struct dispatch *d);
/* Waits until nothing is in flight; false if canceled before. One thread at a
 * time. */
bool dispatch_wait_idle(struct dispatch *d, struct cancel *cancel);
/* Copies what is known of a backend. */
void dispatch_look(struct dispatch *d, size_t backend, struct placement_backend *ret,
                   struct dispatch_sums *ret_sums);

#endif
