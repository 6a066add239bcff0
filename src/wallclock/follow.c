/* SPDX-License-Identifier: Apache-2.0 */
#include "wallclock/follow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { ROUNDS_MAX = 30, SUSPECTS_MAX = 60, DARK_MAX = 12, EXACT_BREAKS = 40 };

/* Two frames after a reading that fits nowhere are read. */
#define BESIDE (3 * CLOCK_SECOND / 2)

struct follow {
	const struct wallclock_follow *f;
	struct wallclock_point *points; /* ascending */
	size_t n, cap;
	int64_t *tried; /* times that were asked for, ascending */
	size_t n_tried, cap_tried;
	size_t reads, suspects;
};

static void follow_clear(struct follow *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->points[i].text);
	free(s->points);
	free(s->tried);
}

static bool was_tried(const struct follow *s, int64_t t)
{
	for (size_t i = 0; i < s->n_tried; i++)
		if (s->tried[i] == t)
			return true;
	return false;
}

static void add_tried(struct follow *s, int64_t t)
{
	s->tried = mem_room(s->tried, s->n_tried, &s->cap_tried, sizeof *s->tried);
	s->tried[s->n_tried++] = t;
	s->n_tried = mem_sort_times(s->tried, s->n_tried);
}

/* Keeps the text, unless this frame was read already. */
static void add_point(struct follow *s, struct wallclock_look *look)
{
	size_t i = s->n;
	while (i > 0 && s->points[i - 1].time >= look->time)
		i--;
	if (i < s->n && s->points[i].time == look->time)
		return;
	s->points = mem_room(s->points, s->n, &s->cap, sizeof *s->points);
	memmove(&s->points[i + 1], &s->points[i], (s->n - i) * sizeof *s->points);
	s->n++;
	struct wallclock_point *p = &s->points[i];
	*p = (struct wallclock_point){.time = look->time,
	                              .text = look->text ? TAKE(look->text) : mem_strdup("")};
	p->timed = wallclock_parse(p->text, &p->reading) && p->reading.timed;
}

static int read_all(struct follow *s, int64_t *times, size_t n, bool near, struct err *err)
{
	size_t kept = 0;
	n = mem_sort_times(times, n);
	for (size_t i = 0; i < n; i++)
		if (!was_tried(s, times[i]) && s->reads + kept < WALLCLOCK_READS_MAX)
			times[kept++] = times[i];
	if (kept == 0)
		return 0;
	struct wallclock_look *looks = mem_alloc(kept, sizeof *looks);
	for (size_t i = 0; i < kept; i++) {
		looks[i].time = times[i];
		add_tried(s, times[i]);
	}
	int r = s->f->look(s->f->ctx, looks, kept, near, err);
	s->reads += kept;
	for (size_t i = 0; i < kept; i++) {
		if (r == 0)
			add_point(s, &looks[i]);
		free(looks[i].text);
	}
	free(looks);
	return r;
}

/* At times that are not equally far from full seconds, so that their means are
 * exact to less than a second. */
static int read_regular(struct follow *s, struct err *err)
{
	int64_t wanted = s->f->duration / (20 * CLOCK_SECOND);
	if (wanted < WALLCLOCK_REGULAR_MIN)
		wanted = WALLCLOCK_REGULAR_MIN;
	if (wanted > WALLCLOCK_REGULAR_MAX)
		wanted = WALLCLOCK_REGULAR_MAX;
	if (wanted > s->f->duration / s->f->frame)
		wanted = s->f->duration / s->f->frame;
	size_t n = wanted > 3 ? (size_t)wanted : 3;
	AUTO(mem_freep) int64_t *times = mem_alloc(n, sizeof *times);
	double step = (double)s->f->duration / (double)n;
	for (size_t i = 0; i < n; i++) {
		double part = fmod((double)i * 0.6180339887, 1);
		times[i] = (int64_t)(((double)i + part) * step);
	}
	/* keyframes are cheaper, but in a short recording there are too few */
	bool near = step > 8 * (double)CLOCK_SECOND;
	int r = read_all(s, times, n, near, err);
	if (r < 0 || !near || s->n * 3 > n * 2)
		return r;
	for (size_t i = 0; i < n; i++) {
		double part = fmod((double)i * 0.6180339887, 1);
		times[i] = (int64_t)(((double)i + part) * step) + 1;
	}
	return read_all(s, times, n, false, err);
}

/* ---- where to look next ---- */

struct wanted {
	int64_t times[2 * SUSPECTS_MAX + 400];
	size_t n;
};

static void want(const struct follow *s, struct wanted *w, int64_t t)
{
	if (t >= 0 && t < s->f->duration && w->n < ARRAY_LEN(w->times))
		w->times[w->n++] = t;
}

static size_t between(const struct follow *s, int64_t from, int64_t to)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_tried; i++)
		n += s->tried[i] > from && s->tried[i] < to;
	return n;
}

/* The middle of the longest part of a break in which nothing was read. What
 * could not be read divides it, too. */
static void want_break(struct follow *s, const struct wallclock_break *b, int64_t limit,
                       struct wanted *w)
{
	int64_t at = b->before, longest = 0, mid = 0;
	if (b->after - b->before <= limit || between(s, b->before, b->after) > DARK_MAX)
		return;
	for (size_t i = 0; i <= s->n_tried; i++) {
		int64_t t = i < s->n_tried ? s->tried[i] : b->after;
		if (t <= b->before)
			continue;
		t = t < b->after ? t : b->after;
		if (t - at > longest) {
			longest = t - at;
			mid = at + (t - at) / 2;
		}
		at = t;
		if (t == b->after)
			break;
	}
	if (longest > limit)
		want(s, w, mid);
}

static void want_suspects(struct follow *s, struct wanted *w)
{
	for (size_t i = 0; i < s->n && s->suspects < SUSPECTS_MAX; i++) {
		const struct wallclock_point *p = &s->points[i];
		if (!p->timed || p->used)
			continue;
		int64_t after = p->time + BESIDE < s->f->duration ? p->time + BESIDE : p->time - BESIDE;
		if (after < 0 || was_tried(s, after))
			continue;
		s->suspects++;
		want(s, w, after);
		want(s, w, after > p->time ? after + BESIDE / 2 : after - BESIDE / 2);
	}
}

static int refine(struct follow *s, struct wallclock_clock *ret, bool *found, struct err *err)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct wanted w = {.n = 0};
		size_t had = s->reads;
		wallclock_unfit(ret);
		*found = wallclock_fit(s->points, s->n, ret);
		if (!*found)
			return 0;
		int64_t limit =
			ret->n_breaks <= EXACT_BREAKS ? s->f->frame + s->f->frame / 2 : CLOCK_SECOND;
		if (ret->unit > 10 * CLOCK_SECOND)
			limit = CLOCK_SECOND;
		for (size_t i = 0; i < ret->n_breaks; i++)
			want_break(s, &ret->breaks[i], limit, &w);
		want_suspects(s, &w);
		int r = w.n > 0 ? read_all(s, w.times, w.n, false, err) : 0;
		if (r < 0 || s->reads == had)
			return r;
	}
	return 0;
}

int wallclock_follow(const struct wallclock_follow *f, struct wallclock_clock *ret,
                     size_t *ret_reads, bool *ret_found, struct err *err)
{
	struct follow s = {.f = f};
	*ret_found = false;
	int r = read_regular(&s, err);
	if (r == 0)
		r = refine(&s, ret, ret_found, err);
	*ret_reads = s.reads;
	ret->samples = mem_alloc(s.n + 1, sizeof *ret->samples);
	ret->n_samples = s.n;
	for (size_t i = 0; i < s.n; i++)
		ret->samples[i] = (struct wallclock_sample){
			.time = s.points[i].time, .text = TAKE(s.points[i].text), .used = s.points[i].used};
	follow_clear(&s);
	return r;
}
