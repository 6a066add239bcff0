/* SPDX-License-Identifier: Apache-2.0 */
/* Requests wait here for an endpoint, first come first
 * served, and are placed by placement_pick(). Also keeps what is measured of
 * each endpoint, and the time during which any request was in flight.
 * Thread-safe. */
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

/* What was measured of one endpoint in this run. */
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
	int64_t since[ENDPOINTS_MAX]; /* busy since */
	size_t n;
	int64_t cloud_after;
	int64_t expected; /* requests that will come, beside those that wait here */
	bool held;        /* no request is admitted */
	int limit;        /* requests at once on each member; 0 = its slots */
	struct dispatch_waiter *first, **last;
	int busy; /* requests in flight */
	int64_t busy_since, busy_time;
	struct wakeup *idle; /* the last request in flight has ended */
};

void dispatch_init(struct dispatch *d);
void dispatch_clear(struct dispatch *d);
/* Changes what is known of a member, with the lock held while fn runs; then
 * those who wait are looked at again. */
void dispatch_change(struct dispatch *d, size_t backend,
                     void (*fn)(struct placement_backend *m, void *ctx), void *ctx);
void dispatch_kick(struct dispatch *d); /* looks at those who wait again */
void dispatch_expect(struct dispatch *d, int64_t change);
void dispatch_hold(struct dispatch *d, bool held);
void dispatch_limit(struct dispatch *d, int limit);

/* What a request asks of its endpoint; the rest of struct placement_request is
 * filled in here. */
struct dispatch_request {
	uint32_t never, later;
	double work;
	bool pictures;
	struct cancel *cancel[2];
	/* called at once if it must wait, then every second; may be NULL */
	void (*waiting)(void *ctx);
	void *ctx;
};
/* Waits for a place: the member's number, ERR_CANCELED, or ERR_NOENT when none
 * will come. The place is taken. */
int dispatch_acquire(struct dispatch *d, const struct dispatch_request *w, struct err *err);
void dispatch_release(struct dispatch *d, size_t backend);

/* How a request went, for rate, breaker and sums. */
struct dispatch_outcome {
	bool good, permanent;
	bool blame;    /* a failure that is the endpoint's */
	int64_t asked; /* it wants to be left alone for that long */
	int64_t time;
	double work;
	int64_t prompt_tokens, output_tokens;
};
/* A request goes out; it is over (NULL: it was canceled). */
void dispatch_begin(struct dispatch *d, size_t backend);
void dispatch_end(struct dispatch *d, size_t backend, const struct dispatch_outcome *o);
int64_t dispatch_busy_time(struct dispatch *d);
int64_t dispatch_forecast(struct dispatch *d);
int dispatch_in_flight(struct dispatch *d);
/* Waits until nothing is in flight; false if canceled before. For one thread. */
bool dispatch_wait_idle(struct dispatch *d, struct cancel *cancel);
void dispatch_look(struct dispatch *d, size_t backend, struct placement_backend *ret,
                   struct dispatch_sums *ret_sums);

#endif
