/* SPDX-License-Identifier: Apache-2.0 */
/* What a fleet does, for people and programs, and what limits it. Pure. */
#ifndef VDET_ADVISE_FLEET_H
#define VDET_ADVISE_FLEET_H

#include <jansson.h>

#include "advise/advice.h"

/* What is known of a fleet; times in seconds. "Lately" is one and the same time
 * for all of it: at most the last five minutes, and not before the present work
 * began. Times of slots are summed over the workers that live, lately. */
struct fleet_facts {
	const char *version;        /* of the head */
	int64_t waiting;            /* units that no worker has begun, now */
	bool works;                 /* there are units, or were a moment ago */
	double waited;              /* share of the time in which units waited, lately */
	double results;             /* of workers, that waited for the head, lately, on average */
	int64_t given, redelivered; /* since the head was started */
	int64_t live, slots;        /* workers that live, and their slots */
	int64_t done;               /* units, lately */
	double seconds;             /* how long lately is */
	double slot_time, busy;     /* of slots: all of it, and with a unit */
	/* Waiting for frames, with the time for bytes; for answers; for bytes;
	 * until results were sent. */
	double frames, engine, bytes, send;
	struct {
		const char *name;
		int64_t ended, bad; /* deliveries, since the head was started */
	} worst;                /* the worker that fails most often; name NULL = none */
	struct {
		const char *name, *version;
		int64_t n;
	} other; /* workers with another version; n 0 = none */
};

/* Of what fleet_head_state() returns; strings are borrowed from it. */
void fleet_facts_read(const json_t *state, struct fleet_facts *ret);
/* Writes the rules that apply, the most useful first; returns their number. */
size_t fleet_advice_give(const struct fleet_facts *f, struct advice out[static ADVICE_MANY]);
/* What limits the fleet: "workers", "head", "work", "network", "decoders" or
 * "engines", with the advice that says so; NULL = nothing that is known. */
const char *fleet_bottleneck(const struct advice *a, size_t n, const struct advice **ret);

/* The object "Fleet" of openapi.json, made of what fleet_head_state() returns;
 * NULL: of a server without a fleet. Texts of workers are cleaned. The caller
 * owns it. */
json_t *fleet_view(const json_t *state);

#endif
