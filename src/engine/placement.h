/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoint gets the next request, and when one
 * that fails is left alone. Pure: times come from the caller (microseconds of
 * the monotonic clock), nothing is locked and nothing waits. */
#ifndef VDET_ENGINE_PLACEMENT_H
#define VDET_ENGINE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A circuit breaker. Closed: requests pass. After some failures in a row it
 * opens: none passes until `until`. Then it is half open: one request is let
 * through; its success closes, its failure opens for twice as long. */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
	enum breaker_state state;
	int failures;  /* in a row */
	int trials;    /* failed ones since it opened */
	int64_t until; /* while open */
};

#define BREAKER_FAILURES 3
#define BREAKER_PAUSE INT64_C(1000000)
#define BREAKER_PAUSE_MAX INT64_C(60000000)
#define BREAKER_TRIALS 4 /* failed trials after which no request waits for it */

void breaker_succeeded(struct breaker *b);
/* `asked`: the endpoint wants to be left alone for that long; `permanent`: it
 * will not pass by itself (a refused key). */
void breaker_failed(struct breaker *b, int64_t now, int64_t asked, bool permanent);
bool breaker_allows(struct breaker *b, int64_t now); /* opens it half, when it is time */
const char *breaker_name(enum breaker_state state);

/* What is known of an endpoint when a request is to be placed. */
struct placement_backend {
	bool ready;  /* it can answer now */
	bool gone;   /* it never will again */
	bool capped; /* its limit of today is reached */
	bool cloud;
	bool blind; /* it takes no pictures */
	int slots, active;
	double weight, cost;
	double unit; /* seconds that a unit of work takes, measured; 0 = not known yet */
	struct breaker breaker;
};

struct placement_request {
	uint32_t never; /* members that can be of no use to this request */
	uint32_t later; /* members that just failed it: only if no other is left */
	double work;    /* units: pictures, and one for the text */
	bool pictures;
	size_t queue; /* further requests known to follow */
	/* 0 = never: the forecast, in microseconds, from which the cloud is asked */
	int64_t cloud_after;
	int64_t now;
};

enum { PLACEMENT_WAIT = -1, PLACEMENT_NONE = -2 };

/* The backend for this request; PLACEMENT_WAIT: better wait for one that is
 * busy or comes back; PLACEMENT_NONE: none will come.
 *
 * Among those with room the one with the shortest expected finish is taken; of
 * two that differ little, the cheaper. It is left idle only if the faster ones
 * will be through with everything that waits before it would be with one. */
int placement_pick(struct placement_backend *m, size_t n, const struct placement_request *w);
/* Microseconds until `queue` units-of-`work` requests are through on the
 * members that are not cloud; INT64_MAX if there are none, -1 if no rate is
 * known. */
int64_t placement_forecast(const struct placement_backend *m, size_t n, size_t queue, double work);
void placement_measured(struct placement_backend *m, double seconds, double work);

#endif
