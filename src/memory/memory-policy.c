/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/memory-policy.h"

#include <stdio.h>

#define CACHE_FULL 0.98 /* engines fill their caches; only a full one indicates a shortage */

const char *memory_step_text(enum memory_step step)
{
	static const char *const texts[] = {"all as configured",          "no new requests for a while",
	                                    "caches of idle slots freed", "pictures made smaller",
	                                    "fewer requests at once",     "engine restarted"};
	return (unsigned)step < sizeof texts / sizeof *texts ? texts[step] : "unknown";
}

static bool climb(struct memory_policy *p, int64_t now)
{
	p->calm_since = 0;
	if (p->step == MEMORY_RESTART)
		return false;
	p->step++;
	p->since = now;
	return true;
}

/* What is short, as text; false if nothing is. */
static bool is_short(const struct memory_policy *p, const struct memory_sample *r,
                     char why[static 120])
{
	if (r->share >= p->limits.cleanup)
		snprintf(why, 120, "%.0f %% of the GPU's memory in use, of %.0f %% allowed", 100 * r->share,
		         100 * p->limits.cleanup);
	else if (r->refusals > p->refusals)
		snprintf(why, 120, "the engine refused %lld requests for lack of room",
		         (long long)(r->refusals - p->refusals));
	else if (r->preemptions > p->preemptions)
		snprintf(why, 120, "the engine preempted %lld requests",
		         (long long)(r->preemptions - p->preemptions));
	else if (r->cache >= CACHE_FULL)
		snprintf(why, 120, "the engine's cache is %.0f %% full", 100 * r->cache);
	else
		return false;
	return true;
}

enum memory_move memory_policy_read(struct memory_policy *p, const struct memory_sample *r,
                                    char why[static 120])
{
	if (!p->begun) { /* events before the start do not count */
		p->begun = true;
		p->preemptions = r->preemptions;
		p->refusals = r->refusals;
		p->since = r->now;
	}

	bool lack = is_short(p, r, why);
	/* Counters are compared once per step: during `patience`, requests that
	 * were started before the step may still fail. */
	if (lack && p->step != MEMORY_FINE && r->now - p->since < p->limits.patience)
		return MEMORY_STAY;
	p->preemptions = r->preemptions;
	p->refusals = r->refusals;
	if (lack)
		return climb(p, r->now) ? MEMORY_UP : MEMORY_STAY;

	/* Between goal and cleanup the step stays, but requests are not held any
	 * longer. */
	bool calm = r->share < p->limits.goal;
	bool waiting = memory_policy_holds(p);
	calm |= waiting;
	if (!calm || p->step == MEMORY_FINE) {
		p->calm_since = 0;
		return MEMORY_STAY;
	}
	if (!p->calm_since)
		p->calm_since = r->now;
	if (r->now - p->calm_since < (waiting ? 0 : p->limits.calm))
		return MEMORY_STAY;

	/* Up to MEMORY_SHRINK all steps are undone at once. */
	p->step = p->step <= MEMORY_SHRINK ? MEMORY_FINE : p->step - 1;
	p->since = r->now;
	p->calm_since = 0;
	if (r->share >= 0)
		snprintf(why, 120, "%.0f %% of the GPU's memory in use", 100 * r->share);
	else
		snprintf(why, 120, "memory has been sufficient for a while");
	return MEMORY_BACK;
}

enum memory_move memory_policy_ran_out(struct memory_policy *p, int64_t now)
{
	if (p->step >= MEMORY_SHRINK && now - p->since < p->limits.patience)
		return MEMORY_STAY;
	if (p->step < MEMORY_SHRINK)
		p->step = MEMORY_FREE;
	return climb(p, now) ? MEMORY_UP : MEMORY_STAY;
}

bool memory_policy_holds(const struct memory_policy *p)
{
	return p->step == MEMORY_HOLD || p->step == MEMORY_FREE;
}

double memory_policy_scale(const struct memory_policy *p)
{
	return p->step >= MEMORY_FEWER ? 0.5 : p->step >= MEMORY_SHRINK ? 0.7 : 1;
}

int memory_policy_slots(const struct memory_policy *p, int configured)
{
	return p->step >= MEMORY_FEWER ? (configured > 1 ? configured / 2 : 1) : 0;
}
