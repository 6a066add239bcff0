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
	MEMORY_FINE,
	MEMORY_HOLD,
	MEMORY_FREE,
	MEMORY_SHRINK,
	MEMORY_FEWER,
	MEMORY_RESTART
};
const char *memory_step_text(enum memory_step step); /* for the journal and the report */

struct memory_limits {
	/* shares of the memory, 0 to 1: from `cleanup` on something is done, below
	 * `goal` it ends */
	double goal, cleanup;
	int64_t patience; /* microseconds that a step is given to help */
	int64_t calm;     /* below the goal for that long, and a step is taken back */
};

struct memory_sample {
	int64_t now;
	double share;        /* of the fullest GPU; -1 = unknown */
	double cache;        /* of the engine's own cache, as it reports; 0 = unknown */
	int64_t preemptions; /* requests it put back so far */
	int64_t refusals;    /* requests that failed for lack of memory or room so far */
};

struct memory_policy {
	struct memory_limits limits;
	enum memory_step step;
	int64_t since;      /* of this step */
	int64_t calm_since; /* 0 = it is not calm */
	int64_t preemptions, refusals;
	bool begun;
};

enum memory_move { MEMORY_STAY, MEMORY_UP, MEMORY_BACK };

/* Takes a reading; *why (of 120 bytes) is written on a move: what was measured. */
enum memory_move memory_policy_read(struct memory_policy *p, const struct memory_sample *r,
                                    char why[static 120]);
/* A request just failed because memory ran out: on to shrinking at once, then a
 * step each time. */
enum memory_move memory_policy_ran_out(struct memory_policy *p, int64_t now);

/* What holds while the policy is where it is. */
bool memory_policy_holds(const struct memory_policy *p);
double memory_policy_scale(const struct memory_policy *p); /* of the pictures' long side */
int memory_policy_slots(const struct memory_policy *p, int configured); /* 0 = as configured */

#endif
