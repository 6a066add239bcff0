/* SPDX-License-Identifier: Apache-2.0 */
/* How an adaptive plan is made, in three steps; internal to plan*.c. Pure
 * functions.
 *
 * 1. plan_view_new(): the activity of the index is compared with its
 *    surroundings, the median of 20 s on both sides. How far it usually is from
 *    that, in the quiet four fifths of ten minutes, is its noise level (a
 *    robust estimate of the standard deviation: the 80 % quantile of the
 *    distances over 1.2816). What rises above the surroundings by 4 noise
 *    levels is excess; so is what lasts too long for that but rises by 8 above
 *    the quiet quarter of ten minutes. So noise and rain raise the level and
 *    not the excess. Runs of excess are bursts; the cuts part the video into
 *    shots.
 * 2. plan_choose(): bursts, shots and slow changes ask for samples, each with a
 *    gain; the first sample of each has far more gain than a second one (a
 *    divisor method of apportionment, D'Hondt 1878, with our divisors). The
 *    best that fit the budget together with the floor (no gap above max_gap)
 *    are taken. k samples of a burst stand at the (2i+1)/2k quantiles of its
 *    excess: inverse-transform sampling, stratified.
 * 3. plan_cut(): the samples are parted into chunks of at most chunk_frames, by
 *    dynamic programming over what each chunk and each boundary costs: best at
 *    cuts, well where it is quiet, badly inside a burst.
 *
 * What nothing asks for is not spent: a video that hardly changes costs
 * little. */
#ifndef VDET_PLAN_PLAN_INTERNAL_H
#define VDET_PLAN_PLAN_INTERNAL_H

#include "plan/plan.h"

struct plan_burst {
	size_t first, last; /* bins, inclusive */
	double mass;        /* sum of excess */
	double weight;      /* 0.5 to 1: how far it rises above its surroundings */
	size_t want;        /* samples that it could use */
};

struct plan_shot {
	int64_t start, end;
};

struct plan_view {
	const struct plan_options *o;
	const struct video_index *x;
	int64_t from, to; /* what is planned now */
	int64_t last;     /* the last sample before, or `from` */
	int64_t max_gap, chunk_min, chunk_max;
	size_t budget;    /* looks: samples, or pairs of them */
	size_t per_chunk; /* looks */
	size_t n_bins;    /* of the index */
	float *excess;    /* n_bins; 0 outside [from, to) */
	struct plan_burst *bursts;
	size_t n_bursts;
	struct plan_shot *shots; /* cover [from, to) */
	size_t n_shots;
};

struct plan_sample {
	int64_t time;
	bool floor; /* only fills a gap */
};

/* The stretch [from, to) of the plan p, of which all that x tells from p->from
 * on is the surroundings. */
struct plan_view *plan_view_new(const struct plan_options *o, const struct video_index *x,
                                const struct plan *p, int64_t from, int64_t to, size_t budget);
void plan_view_free(struct plan_view *v);
DEFINE_FREEP(struct plan_view, plan_view)

size_t plan_bin(const struct plan_view *v, int64_t t);
/* Index of the first cut after t. */
size_t plan_cut_after(const struct video_index *x, int64_t t);
/* Index of the first key not before t. */
size_t plan_key_from(const struct video_index *x, int64_t t);
/* Nothing is to be seen there: black, blurred, torn or within a gradual change. */
bool plan_is_poor(const struct plan_view *v, int64_t t);

/* Ascending looks, at least one; the caller frees. */
struct plan_sample *plan_choose(const struct plan_view *v, size_t *ret_n, size_t *ret_seen);

/* Different sample times in all chunks: one that an overlap repeats counts
 * once. */
size_t plan_count_samples(const struct plan *p);

/* A cut or a quiet moment after a, and not after b. */
int64_t plan_quiet_between(const struct plan_view *v, int64_t a, int64_t b);

/* Adds the chunks of the looks to p->chunks. */
void plan_cut(const struct plan_view *v, const struct plan_sample *samples, size_t n,
              struct plan *p);

#endif
