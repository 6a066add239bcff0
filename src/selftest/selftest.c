/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest/selftest.h"

#include <math.h>

#include "base/clock.h"
#include "world/random.h"

enum { EVERY = 60, FEW = 5, ROOM = 8 /* seconds for an event, at least */ };

static const double SHORTEST = 0.6, LONGEST = 5; /* seconds */
static const double SMALLEST = 0.03, LARGEST = 0.08;
/* The path of an object: how far from the edges it stays, and its length. */
static const double MARGIN = 0.08, PATH_MIN = 0.05, PATH_MAX = 0.5;

void selftest_clear(struct selftest *t)
{
	mem_freep(&t->events);
	*t = (struct selftest){0};
}

static double limit(double at)
{
	return fmin(fmax(at, MARGIN), 1 - MARGIN);
}

static void choose_object(struct plant *o, uint64_t *random)
{
	o->width = random_in(random, SMALLEST, LARGEST);
	o->height = o->width * random_in(random, 0.5, 2);

	double angle = random_in(random, 0, 2 * 3.14159265358979),
		   path = random_in(random, PATH_MIN, PATH_MAX);
	o->x0 = random_in(random, MARGIN, 1 - MARGIN);
	o->y0 = random_in(random, MARGIN, 1 - MARGIN);
	o->x1 = limit(o->x0 + path * cos(angle));
	o->y1 = limit(o->y0 + path * sin(angle));

	o->contrast = (int)random_in(random, 30, 90);
	o->blue = (int)random_in(random, -30, 30);
	o->red = (int)random_in(random, -30, 30);
}

/* One event in each of n equal parts, so that they do not touch. */
static void choose_event(struct selftest *t, size_t i, uint64_t *random)
{
	double slot = (double)t->duration / 1e6 / (double)t->n;
	double longest = fmin(LONGEST, slot / 2);
	double length = SHORTEST * pow(longest / SHORTEST, random_in(random, 0, 1));
	double start = slot * (double)i + random_in(random, 1, slot - length - 1);
	struct plant *p = &t->events[i].plant;

	p->start = (int64_t)(start * 1e6);
	p->end = p->start + (int64_t)(length * 1e6);
	p->kind = i % 4 == 3 ? PLANT_PICTURE : PLANT_OBJECT;
	if (p->kind == PLANT_OBJECT)
		choose_object(p, random);
}

int selftest_make(int64_t from, int64_t to, size_t n, uint64_t seed, struct selftest *ret,
                  struct err *err)
{
	int64_t seconds = (to - from) / CLOCK_SECOND;
	size_t room = seconds > 0 ? (size_t)(seconds / ROOM) : 0, usual = (size_t)(seconds / EVERY);
	if (!room)
		return err_set(err, ERR_ARG, "the self-test needs at least %d s of video", ROOM);
	if (n > room)
		return err_set(err, ERR_ARG, "%zu events do not fit into %lld s: at most %zu do", n,
		               (long long)seconds, room);
	if (!n)
		n = usual < FEW ? (room < FEW ? room : FEW) : usual;
	n = n < PLANTS_MAX ? n : PLANTS_MAX;

	*ret = (struct selftest){.from = from, .duration = to - from, .seed = seed, .n = n};
	ret->events = mem_alloc(n, sizeof *ret->events);
	uint64_t random = random_mix(seed);
	for (size_t i = 0; i < n; i++)
		choose_event(ret, i, &random);
	return 0;
}
