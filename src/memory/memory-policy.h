/* SPDX-License-Identifier: Apache-2.0 */
/* What to do when memory runs short: a sequence of steps, taken and undone one
 * at a time. Pure: time and measurements come from the caller. Times are
 * microseconds of the monotonic clock. */
#ifndef VDET_MEMORY_MEMORY_POLICY_H
#define VDET_MEMORY_MEMORY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Each step includes those before it, except that requests are not held from
 * MEMORY_SHRINK on: what does not fit then is what the engine needs when
 * idle. */
enum memory_step {
	MEMORY_FINE,   /* as configured */
	MEMORY_HOLD,   /* no request is started */
	MEMORY_FREE,   /* caches of idle slots are freed */
	MEMORY_SHRINK, /* smaller pictures */
	MEMORY_FEWER,  /* fewer requests at the same time */
	MEMORY_RESTART /* llama-server is restarted with fewer slots */
};
const char *memory_step_text(enum memory_step step); /* for the journal and the report */

struct memory_limits {
	/* Shares of the memory in use, 0 to 1: the policy acts from `cleanup` on,
	 * and is done below `goal`. */
	double goal, cleanup;
	int64_t patience; /* microseconds before the next step */
	int64_t calm;     /* microseconds below `goal` after which a step is undone */
};

struct memory_sample {
	int64_t now;
	double share;        /* of the fullest GPU's memory in use, 0 to 1; -1 = unknown */
	double cache;        /* share of the engine's own cache in use; 0 = unknown */
	int64_t preemptions; /* requests that it preempted so far */
	int64_t refusals;    /* requests that failed for lack of memory or room so far */
};

struct memory_policy {
	struct memory_limits limits;
	enum memory_step step;
	int64_t since;      /* of this step */
	int64_t calm_since; /* below `goal` since; 0 = it is not */
	int64_t preemptions, refusals;
	bool begun;
};

enum memory_move { MEMORY_STAY, MEMORY_UP, MEMORY_BACK };

/* Takes a sample, and returns what to do. On a move `why` says what was
 * measured. */
enum memory_move memory_policy_read(struct memory_policy *p, const struct memory_sample *r,
                                    char why[static 120]);
/* A request just failed because memory ran out: goes to MEMORY_SHRINK at once,
 * or on by one
 * step once `patience` has passed. */
enum memory_move memory_policy_ran_out(struct memory_policy *p, int64_t now);

/* What applies at the current step: whether requests are held, the factor for
 * the long side of pictures, and the number of slots. */
bool memory_policy_holds(const struct memory_policy *p);
double memory_policy_scale(const struct memory_policy *p);
int memory_policy_slots(const struct memory_policy *p, int configured); /* 0 = as configured */

#endif
