/* SPDX-License-Identifier: Apache-2.0 */
/* Advice on how to make jobs faster or fit into memory: a table of rules, each
 * with its evidence and the option to change. Pure. */
#ifndef VDET_ADVISE_ADVICE_H
#define VDET_ADVISE_ADVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* What is known of a job; 0 = unknown, and -1 for shares. */
struct advice_facts {
	size_t chunks, holes;
	size_t asked;     /* requests for an answer, over all chunks */
	size_t cut_off;   /* holes whose answer was cut off */
	size_t timed_out; /* holes by a time limit; … */
	char timeout[32]; /* … of this option */
	size_t no_room;   /* holes because memory, or the context, ran out */
	size_t pictures;
	int64_t wall, engine_busy; /* microseconds */
	int64_t decode, index;     /* microseconds of work; decoding is summed over lanes */
	int64_t slots, workers;    /* workers 0 = one more than slots */
	int64_t max_tokens;
	double memory_peak;                /* share of the GPU's memory; -1 */
	size_t memory_steps;               /* taken by the memory policy */
	const char *quantize, *cache_type; /* "" = unknown */
	bool demo_model;
	struct {
		const char *name;
		int64_t requests, failures;
	} worst; /* the endpoint that failed most often; name NULL = not known */
};

struct advice {
	const char *rule; /* its name, for programs */
	bool warning;     /* else it is information */
	char text[240];   /* what was measured, and what it means */
	char action[200]; /* what to change */
};
#define ADVICE_MANY 16

/* Writes the rules that apply, the most useful first; returns their number. */
size_t advice_give(const struct advice_facts *f, struct advice out[static ADVICE_MANY]);
/* An array of objects; the caller owns it. */
json_t *advice_json(const struct advice *a, size_t n);

#endif
