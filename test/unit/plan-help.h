/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the plan: generated indexes with fixed seeds, so that
 * a failure can be repeated, and what is true of every plan. */
#ifndef VDET_TEST_PLAN_HELP_H
#define VDET_TEST_PLAN_HELP_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "plan/plan.h"

#define S CLOCK_SECOND

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t seed_state;
static inline uint64_t draw(void)
{
	uint64_t z = seed_state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}
static inline int64_t between(int64_t a, int64_t b)
{
	return a + (int64_t)(draw() % (uint64_t)(b - a + 1));
}
static inline float noise(void)
{
	return (float)(between(0, 1000) + between(0, 1000) + between(0, 1000)) / 3000;
}

static inline struct video_index *still(int64_t duration, int64_t bin)
{
	struct video_index *x = mem_alloc(1, sizeof *x);
	*x = (struct video_index){
		.duration = duration, .bin = bin, .n_bins = (size_t)((duration + bin - 1) / bin)};
	x->activity = mem_alloc(x->n_bins, sizeof *x->activity);
	x->detail = mem_alloc(x->n_bins, 1);
	x->flags = mem_alloc(x->n_bins, 1);
	x->cuts = mem_alloc(4000, sizeof *x->cuts);
	x->keys = mem_alloc(100000, sizeof *x->keys);
	x->scores = mem_alloc(100000, sizeof *x->scores);
	return x;
}

static inline void add_noise(struct video_index *x, float level)
{
	for (size_t i = 0; i < x->n_bins; i++)
		x->activity[i] += level * (1 + noise());
}

static inline void add_keys(struct video_index *x, int64_t every)
{
	for (int64_t t = 0; t < x->duration; t += every)
		x->keys[x->n_keys++] =
			(struct index_key){.pts = t, .hash = 0x123456789abcdefu, .luma = 90, .sharpness = 100};
}

static inline void add_burst(struct video_index *x, int64_t start, int64_t length, float height)
{
	for (int64_t t = start; t < start + length && t < x->duration; t += x->bin)
		x->activity[t / x->bin] += height;
}

static inline void add_cut(struct video_index *x, int64_t t, int64_t length)
{
	x->activity[t / x->bin] += 20;
	x->cuts[x->n_cuts++] = (struct index_cut){.pts = t,
	                                          .end = t + length,
	                                          .score = 1,
	                                          .kind = length ? INDEX_CUT_DISSOLVE : INDEX_CUT_HARD};
}

static inline struct plan *make(const struct plan_options *o, const struct video_index *x)
{
	struct plan *p = NULL;
	struct err err;
	if (plan_make(o, x->duration, x, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static const struct plan_options usual = {
	.chunk_duration = 300 * S, .chunk_frames = 6, .policy = PLAN_ADAPTIVE};

static inline bool has_sample(const struct plan *p, int64_t start, int64_t end)
{
	for (size_t i = 0; i < p->n_chunks; i++)
		for (size_t k = 0; k < p->chunks[i].n_times; k++)
			if (p->chunks[i].times[k] >= start && p->chunks[i].times[k] < end)
				return true;
	return false;
}

/* Properties of every plan. */
static inline void check(const struct plan *p, const struct plan_options *o, size_t most,
                         int64_t max_gap)
{
	int64_t at = p->from, before = p->from;
	assert_true(p->n_chunks > 0);
	for (size_t i = 0; i < p->n_chunks; i++) {
		const struct plan_chunk *c = &p->chunks[i];
		assert_in_range(at - c->start, 0, i ? o->chunk_overlap : 0);
		assert_true(c->end > at && c->n_times >= 1 && c->n_times <= most);
		for (size_t k = 0; k < c->n_times; k++) {
			assert_in_range(c->times[k], c->start, c->end - 1);
			assert_true(k == 0 || c->times[k] > c->times[k - 1]);
			if (c->times[k] > before) {
				assert_true(c->times[k] - before <= max_gap);
				before = c->times[k];
			}
		}
		at = c->end;
	}
	assert_int_equal(at, p->to);
	assert_true(p->to - before <= max_gap);
}

#endif
