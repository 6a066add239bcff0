/* SPDX-License-Identifier: Apache-2.0 */
/* Which backend gets the next request, and for how long one that fails is
 * skipped. Pure: times come from the caller (microseconds of the monotonic
 * clock), nothing is locked and nothing waits. */
#ifndef VDET_ENGINE_PLACEMENT_H
#define VDET_ENGINE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A circuit breaker. Closed: requests pass. After BREAKER_FAILURES in a row it
 * opens: none passes until `until`. Then it is half open: one request passes;
 * its success closes it, its failure opens it for twice as long, at most
 * BREAKER_PAUSE_MAX. */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
	enum breaker_state state;
	int failures;  /* in a row */
	int trials;    /* failed ones since it opened */
	int64_t until; /* while open */
};

#define BREAKER_FAILURES 3
#define BREAKER_PAUSE INT64_C(1000000) /* microseconds */
#define BREAKER_PAUSE_MAX INT64_C(60000000)
#define BREAKER_TRIALS 4 /* failed trials after which no request waits for it */

void breaker_succeeded(struct breaker *b);
/* `asked`: the pause that the endpoint asked for, 0 = none; `permanent`: a
 * retry is useless (a refused key). */
void breaker_failed(struct breaker *b, int64_t now, int64_t asked, bool permanent);
/* Whether a request may pass now; makes the breaker half open when it is time. */
bool breaker_allows(struct breaker *b, int64_t now);
const char *breaker_name(enum breaker_state state);

/* What is known of a backend when a request is to be placed. */
struct placement_backend {
	bool ready;          /* it can answer now */
	bool gone;           /* it will not be able to again */
	bool capped;         /* its daily limit is reached */
	bool cloud;          /* used only while the queue is long, see cloud_after */
	bool blind;          /* it takes no pictures */
	int slots, active;   /* requests at the same time: allowed, now */
	double weight, cost; /* see struct endpoint_config */
	double unit;         /* seconds per unit of work, measured; 0 = not known yet */
	/* seconds with requests in flight and without an end of any; 0 = none is in
	 * flight */
	double silent;
	struct breaker breaker;
};

struct placement_request {
	/* sets of backends, a bit each: those that cannot serve this request; those
	 * that just failed it, used only if no other is left */
	uint32_t never, later;
	double work; /* units: pictures, and one for the text */
	bool pictures;
	size_t queue; /* further requests that are known to follow */
	/* forecast in microseconds from which cloud backends are used; 0 = never */
	int64_t cloud_after;
	int64_t now;
};

enum { PLACEMENT_WAIT = -1, PLACEMENT_NONE = -2 };

/* The number of the backend for this request; PLACEMENT_WAIT: wait for one that
 * is busy or will be available again; PLACEMENT_NONE: none will be available.
 *
 * Among those with a free slot, the one with the earliest expected end is
 * taken; of two that differ little, the cheaper. A backend is left idle only if
 * the faster ones will finish everything that waits before it would finish one
 * request; one that is silent for longer than a request takes there counts as
 * slow as that. */
int placement_pick(struct placement_backend *m, size_t n, const struct placement_request *w);
/* Microseconds until `queue` requests of `work` units are done by the backends
 * that are not cloud; INT64_MAX if there are none, -1 if no rate is known. */
int64_t placement_forecast(const struct placement_backend *m, size_t n, size_t queue, double work);
/* Updates `unit` with a request that took `seconds`. */
void placement_measured(struct placement_backend *m, double seconds, double work);

#endif
