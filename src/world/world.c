/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the world from its options, and returns what is visible at a time. */
#include "world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cast.h"
#include "random.h"

const char *const world_color_name[WORLD_COLORS] = {"red",    "green", "blue",
                                                    "yellow", "white", "purple"};
const char *const world_shape_name[WORLD_SHAPES] = {"circle", "square", "triangle"};
const char *const world_place_name[WORLD_PLACES] = {"street", "grass", "water", "room"};
const char *const world_verb_name[WORLD_VERBS] = {"crosses", "visits", "appears", "meets"};

static const char *const captions[] = {
	"GATE OPEN", "GATE CLOSED", "DOOR 2",     "LOW LIGHT",  "MOTION", "SIGNAL WEAK",
	"LEVEL 1",   "LEVEL 3",     "NORTH SIDE", "SOUTH SIDE", "TEST 4", "ZONE A",
	"ZONE B",    "PATROL DUE",  "RECORDING",  "ARMED",
};

enum { LANES = 2, SECOND = 1000000 };
static const double lane_y[LANES] = {0.395, 0.77};
static const double sizes[] = {0.13, 0.15, 0.17};
/* Widths are computed for the narrowest common picture, 4:3, so that shapes do
 * not touch on wider ones either. */
static const double narrowest = 4.0 / 3;

static double edge(enum world_side s)
{
	return s == WORLD_LEFT ? 0 : 1;
}

/* How long its centre is still outside while a part of it is inside, before it
 * enters (or after it leaves). */
static int64_t margin_us(const struct world_event *e)
{
	double in = e->from == WORLD_NOWHERE
	                ? 0
	                : (double)(e->stop_us - e->start_us) / fabs(e->x_stop - edge(e->from));
	double out =
		e->to == WORLD_NOWHERE ? 0 : (double)(e->end_us - e->go_us) / fabs(edge(e->to) - e->x_stop);
	return (int64_t)(fmax(in, out) * e->r / narrowest) + 1;
}

/* ---- making events ---- */

struct lanes {
	int64_t free_us[LANES];
	const struct world_event *last[LANES], *guest[LANES]; /* a guest meets the last event */
};

static int64_t pick_duration(uint64_t *rnd, const struct world_options *o)
{
	double s = exp(random_in(rnd, log(o->event_min_s), log(o->event_max_s)));
	return (int64_t)(s * 1e3) * 1000;
}

/* Entering and leaving each take a part of the event, but not long: then it
 * does not move. */
static void pick_path(uint64_t *rnd, struct world_event *e)
{
	int64_t length = e->end_us - e->start_us,
			way = (int64_t)((double)length * random_in(rnd, 0.1, 0.4));
	if (way > 20 * SECOND)
		way = 20 * SECOND;
	e->x_stop = random_in(rnd, 0.22, 0.78);
	e->stop_us = e->from == WORLD_NOWHERE ? e->start_us : e->start_us + way;
	e->go_us = e->to == WORLD_NOWHERE ? e->end_us : e->end_us - way;
	if (e->verb == WORLD_CROSSES) {
		e->x_stop = 0.5;
		e->stop_us = e->go_us = e->start_us + length / 2;
	}
}

static bool alike(const struct world_event *a, const struct world_event *b)
{
	return a && b && a->color == b->color && a->shape == b->shape;
}

/* No two events at the same time look the same. */
static void pick_who(uint64_t *rnd, const struct lanes *lanes, struct world_event *e)
{
	bool taken;
	do {
		e->color = (enum world_color)random_below(rnd, WORLD_COLORS);
		e->shape = (enum world_shape)random_below(rnd, WORLD_SHAPES);
		taken = false;
		for (int i = 0; i < LANES; i++)
			taken |= alike(e, lanes->last[i]) || alike(e, lanes->guest[i]);
	} while (taken);
	e->r = sizes[random_below(rnd, 3)];
}

static void pick_verb(uint64_t *rnd, struct world_event *e)
{
	int dice = random_below(rnd, 100);
	e->verb = dice < 30 ? WORLD_CROSSES : dice < 75 ? WORLD_VISITS : WORLD_APPEARS;
	e->from = random_below(rnd, 2) ? WORLD_LEFT : WORLD_RIGHT;
	e->to = random_below(rnd, 2) ? WORLD_LEFT : WORLD_RIGHT;
	if (e->verb == WORLD_CROSSES)
		e->to = e->from == WORLD_LEFT ? WORLD_RIGHT : WORLD_LEFT;
	if (e->verb == WORLD_APPEARS) { /* enters or leaves at one end only */
		int ends = random_below(rnd, 4);
		if (ends != 1)
			e->from = WORLD_NOWHERE;
		if (ends != 2)
			e->to = WORLD_NOWHERE;
	}
}

/* A companion approaches an event that stops long enough, stops beside it and
 * leaves the way it came. */
static bool make_companion(uint64_t *rnd, const struct world_event *host, struct world_event *e)
{
	int64_t stand = host->go_us - host->stop_us;
	if (stand < 8 * SECOND || random_below(rnd, 4))
		return false;
	double gap = (host->r + e->r) * 1.2 / narrowest;
	e->verb = WORLD_MEETS;
	e->from = e->to = host->x_stop > 0.5 ? WORLD_LEFT : WORLD_RIGHT;
	e->x_stop = host->x_stop + (e->from == WORLD_LEFT ? -gap : gap);
	e->y = host->y;
	e->start_us = host->stop_us + stand / 8;
	e->end_us = host->go_us - stand / 8;
	int64_t way = (e->end_us - e->start_us) / 4;
	if (way > 4 * SECOND)
		way = 4 * SECOND;
	e->stop_us = e->start_us + way;
	e->go_us = e->end_us - way;
	return true;
}

static int by_start(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int by_event_start(const void *a, const void *b)
{
	const struct world_event *x = a, *y = b;
	return x->start_us != y->start_us ? (x->start_us > y->start_us) - (x->start_us < y->start_us)
	                                  : x->id - y->id;
}

/* n times in [0, span), sorted; NULL if n is 0. */
static int64_t *moments(uint64_t *rnd, size_t n, int64_t span)
{
	int64_t *t = n ? malloc(n * sizeof *t) : NULL;
	if (!t)
		return NULL;
	for (size_t i = 0; i < n; i++)
		t[i] = (int64_t)random_in(rnd, 0, (double)span / 1e3) * 1000;
	qsort(t, n, sizeof *t, by_start);
	return t;
}

static size_t how_many(const struct world_options *o, double per_hour)
{
	double n = per_hour * (double)o->duration_us / 3600e6;
	return per_hour > 0 && n < 1 ? 1 : (size_t)llround(n);
}

/* Into this lane, if it is free then, or the other one; false if both are not,
 * or if its subject would be in view before `away_us`. */
static bool place_in_lane(uint64_t *rnd, struct lanes *lanes, const struct world_options *o,
                          struct world_event *e, int lane, int64_t away_us)
{
	int64_t length = e->end_us;
	if (lanes->free_us[lane] > e->start_us)
		lane = !lane;
	if (lanes->free_us[lane] > e->start_us)
		return false;

	e->end_us = e->start_us + length;
	if (e->end_us > o->duration_us)
		return false;
	pick_verb(rnd, e);
	e->y = lane_y[lane] + random_in(rnd, -0.012, 0.012);
	pick_path(rnd, e);
	int64_t visible = e->start_us - margin_us(e);
	if (visible < lanes->free_us[lane] || visible < away_us)
		return false;
	lanes->free_us[lane] = e->end_us + margin_us(e) + SECOND / 2;
	lanes->last[lane] = e;
	lanes->guest[lane] = NULL;
	return true;
}

/* Beside an event that is there. */
static bool place_beside(uint64_t *rnd, struct lanes *lanes, struct world_event *e, int64_t away_us)
{
	const struct world_event drawn = *e;
	for (int i = 0; i < LANES; i++) {
		const struct world_event *h = lanes->last[i];
		bool host =
			h && h->verb != WORLD_CROSSES && !lanes->guest[i] && lanes->free_us[i] > e->start_us;
		if (!host || !make_companion(rnd, h, e))
			continue;
		if (e->start_us - margin_us(e) < away_us) {
			*e = drawn;
			continue;
		}
		e->other = h->id;
		lanes->guest[i] = e;
		return true;
	}
	return false;
}

/* Notes that the event is part of a hard world. */
static bool enter(struct cast *cast, uint64_t *rnd, struct world_event *e)
{
	cast_enter(cast, rnd, e, e->end_us + margin_us(e));
	return true;
}

/* Places an event; false if there is no space at that time. */
static bool place_event(uint64_t *rnd, struct lanes *lanes, struct cast *cast,
                        const struct world_options *o, struct world_event *e)
{
	int64_t away_us = 0;
	e->end_us = pick_duration(rnd, o); /* until it is placed, its length */
	int lane = random_below(rnd, LANES);
	if (!cast)
		pick_who(rnd, lanes, e);
	else if (!cast_pick(cast, rnd, e, &away_us))
		return false;
	return (place_beside(rnd, lanes, e, away_us) ||
	        place_in_lane(rnd, lanes, o, e, lane, away_us)) &&
	       (!cast || enter(cast, rnd, e));
}

/* Most often, who looks like the subject of an event comes while that is there. */
static bool place_twin(uint64_t *rnd, struct lanes *lanes, struct cast *cast,
                       const struct world_options *o, const struct world_event *of,
                       struct world_event *e)
{
	int64_t away_us, length = of->end_us - of->start_us;
	e->start_us = of->start_us + (int64_t)((double)length / 1e3 * random_in(rnd, 0.1, 0.5)) * 1000;
	e->end_us = pick_duration(rnd, o);
	return random_below(rnd, 4) && cast_pick_twin(cast, of, e, &away_us) &&
	       place_in_lane(rnd, lanes, o, e, random_below(rnd, LANES), away_us) &&
	       enter(cast, rnd, e);
}

static int make_events(struct world *w, uint64_t *rnd)
{
	size_t n = how_many(&w->o, w->o.events_per_hour);
	int64_t latest = w->o.duration_us - llround(w->o.event_min_s * 1e6);
	int64_t *start = moments(rnd, n, latest > SECOND ? latest : SECOND);
	struct world_event *events = calloc(n ? 2 * n : 1, sizeof *events);
	w->events = events;
	if ((n && !start) || !events) {
		free(start);
		return -1;
	}
	struct lanes lanes = {0};
	struct cast members, *cast = w->o.subjects == WORLD_HARD ? &members : NULL;
	if (cast)
		cast_make(cast, rnd, n);
	for (size_t i = 0; i < n; i++) {
		struct world_event *e = &events[w->n_events];
		*e = (struct world_event){.id = (int)w->n_events + 1, .start_us = start[i]};
		if (!place_event(rnd, &lanes, cast, &w->o, e))
			continue;
		w->n_events++;
		e[1] = (struct world_event){.id = e->id + 1};
		if (cast)
			w->n_events += place_twin(rnd, &lanes, cast, &w->o, e, &e[1]);
	}
	free(start);
	return 0;
}

/* Companions start later than the time they were drawn for: sorts again, and
 * numbers in order. */
static int number_events(struct world *w)
{
	int *renamed = calloc(w->n_events + 1, sizeof *renamed);
	if (!renamed)
		return -1;
	qsort(w->events, w->n_events, sizeof *w->events, by_event_start);
	for (size_t i = 0; i < w->n_events; i++)
		renamed[w->events[i].id] = (int)i + 1;
	for (size_t i = 0; i < w->n_events; i++) {
		struct world_event *e = &w->events[i];
		e->id = (int)i + 1;
		e->other = renamed[e->other];
		int64_t span = e->end_us - e->start_us + 2 * margin_us(e);
		if (span > w->longest_us)
			w->longest_us = span;
	}
	free(renamed);
	return 0;
}

/* ---- making the surroundings ---- */

static int make_cuts(struct world *w, uint64_t *rnd)
{
	size_t n = how_many(&w->o, w->o.cuts_per_hour);
	int64_t *start = moments(rnd, n, w->o.duration_us);
	w->cuts = calloc(n + 1, sizeof *w->cuts);
	if ((n && !start) || !w->cuts) {
		free(start);
		return -1;
	}
	for (size_t i = 0; i <= n; i++) {
		struct world_cut *c = &w->cuts[w->n_cuts];
		int64_t t = i ? start[i - 1] : 0;
		if (i && t - c[-1].start_us < 5 * SECOND)
			continue;
		c->start_us = t;
		c->place = (enum world_place)random_below(rnd, WORLD_PLACES);
		if (i && c->place == c[-1].place)
			c->place = (enum world_place)((c->place + 1) % WORLD_PLACES);
		c->phase = random_in(rnd, 0, 1);
		c->pan = w->o.pan ? random_in(rnd, 0.05, 0.25) : 0;
		c->pan_period_s = random_in(rnd, 60, 180);
		w->n_cuts++;
	}
	free(start);
	return 0;
}

static int make_gaps(struct world *w, uint64_t *rnd)
{
	size_t n = how_many(&w->o, w->o.dropouts_per_hour);
	int64_t *start = moments(rnd, n, w->o.duration_us);
	w->gaps = calloc(n ? n : 1, sizeof *w->gaps);
	for (size_t i = 0; i < n && start && w->gaps; i++) {
		struct world_gap *g = &w->gaps[w->n_gaps];
		*g = (struct world_gap){start[i], start[i] + (int64_t)random_in(rnd, 1e3, 20e3) * 1000};
		if (g->end_us > w->o.duration_us)
			g->end_us = w->o.duration_us;
		if (!w->n_gaps || g->start_us > g[-1].end_us)
			w->n_gaps++;
	}
	bool failed = (n && !start) || !w->gaps;
	free(start);
	return failed ? -1 : 0;
}

static int make_texts(struct world *w, uint64_t *rnd)
{
	size_t n = how_many(&w->o, w->o.captions_per_hour);
	int64_t *start = moments(rnd, n, w->o.duration_us);
	w->texts = calloc(n ? n : 1, sizeof *w->texts);
	for (size_t i = 0; i < n && start && w->texts; i++) {
		struct world_text *x = &w->texts[w->n_texts];
		x->start_us = start[i];
		x->end_us = start[i] + (int64_t)random_in(rnd, 2e3, 8e3) * 1000;
		if (x->end_us > w->o.duration_us)
			x->end_us = w->o.duration_us;
		x->text = captions[random_below(rnd, sizeof captions / sizeof *captions)];
		if (!w->n_texts || x->start_us > x[-1].end_us)
			w->n_texts++;
	}
	bool failed = (n && !start) || !w->texts;
	free(start);
	return failed ? -1 : 0;
}

struct world *world_new(const struct world_options *o, char *msg, size_t cap)
{
	if (world_options_check(o, msg, cap))
		return NULL;
	struct world *w = calloc(1, sizeof *w);
	if (w) {
		w->o = *o;
		/* A random sequence for each part: an option changes only its own part
		 * of the world. */
		uint64_t s = random_mix((uint64_t)o->seed + 1), events = s ^ 1, cuts = s ^ 2, gaps = s ^ 3,
				 texts = s ^ 4;
		if (!make_events(w, &events) && !number_events(w) && !make_cuts(w, &cuts) &&
		    !make_gaps(w, &gaps) && !make_texts(w, &texts))
			return w;
	}
	world_free(w);
	snprintf(msg, cap, "out of memory");
	return NULL;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	free(w->events);
	free(w->cuts);
	free(w->gaps);
	free(w->texts);
	free(w);
}

/* ---- queries ---- */

static double x_at(const struct world_event *e, int64_t t)
{
	if (t < e->stop_us && e->from != WORLD_NOWHERE) {
		double way = (double)(t - e->start_us) / (double)(e->stop_us - e->start_us);
		return edge(e->from) + (e->x_stop - edge(e->from)) * way;
	}
	if (t > e->go_us && e->to != WORLD_NOWHERE) {
		double way = (double)(t - e->go_us) / (double)(e->end_us - e->go_us);
		return e->x_stop + (edge(e->to) - e->x_stop) * way;
	}
	return e->x_stop;
}

enum world_color world_color_at(const struct world_event *e, int64_t t)
{
	return e->turn_us && t >= e->turn_us ? e->turns : e->color;
}

/* The last element that has started by t, of an array sorted by the start_us at
 * the beginning of each element; or NULL. */
static const void *current(const void *array, size_t n, size_t size, int64_t t)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (*(const int64_t *)((const char *)array + mid * size) <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? (const char *)array + (lo - 1) * size : NULL;
}

static bool is_black(const struct world *w, int64_t t)
{
	const struct world_gap *g = current(w->gaps, w->n_gaps, sizeof *g, t);
	return g && t < g->end_us;
}

size_t world_visible(const struct world *w, int64_t t, struct world_sight *out, size_t cap)
{
	size_t n = 0, lo = 0, hi = w->n_events;
	if (is_black(w, t))
		return 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (w->events[mid].start_us < t - w->longest_us)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i < w->n_events && w->events[i].start_us <= t + w->longest_us; i++) {
		const struct world_event *e = &w->events[i];
		if ((e->from == WORLD_NOWHERE && t < e->start_us) ||
		    (e->to == WORLD_NOWHERE && t >= e->end_us))
			continue;
		double x = x_at(e, t), half = e->r * 9 / 16;
		double share = (fmin(x + half, 1) - fmax(x - half, 0)) / (2 * half);
		if (share <= 0)
			continue;
		if (n < cap)
			out[n] = (struct world_sight){e, x, e->y, e->r, share, world_color_at(e, t)};
		n++;
	}
	return n;
}

/* Night until 6, day from 7 to 19, night from 20; smooth transitions in
 * between. */
static double light_at(double hour)
{
	double x = hour < 12 ? hour - 6 : 20 - hour;
	x = x < 0 ? 0 : x > 1 ? 1 : x;
	return x * x * (3 - 2 * x);
}

void world_scene(const struct world *w, int64_t t, struct world_scene *ret)
{
	const struct world_cut *c = current(w->cuts, w->n_cuts, sizeof *c, t);
	const struct world_text *x = current(w->texts, w->n_texts, sizeof *x, t);
	if (!c)
		c = w->cuts; /* a time before the start shows the same as the start */
	double hour = fmod(w->o.start_hour + (double)t / 3600e6, 24);
	double turn = 0.5 - 0.5 * cos((double)t / 1e6 / c->pan_period_s * 6.283185307179586);
	*ret = (struct world_scene){c,
	                            x && t < x->end_us ? x->text : NULL,
	                            c->pan * turn,
	                            light_at(hour),
	                            hour,
	                            is_black(w, t)};
}
