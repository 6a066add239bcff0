/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an adaptive plan in three steps; internal to plan*.c. Pure functions.
 *
 * 1. plan_view_new() compares the activity of the index with its surroundings,
 * the median of 20 s on both sides. The usual difference, in the quiet four
 * fifths of ten minutes, is the noise level (a robust estimate of the standard
 * deviation: the 80 % quantile of the differences over 1.2816). Excess is
 * activity that exceeds the surroundings by 4 noise levels, or that lasts too
 * long for that but exceeds the quiet quarter of ten minutes by 8. So noise and
 * rain raise the level and not the excess. Runs of excess are bursts; the cuts
 * divide the video into shots.
 * 2. plan_choose(): bursts, shots and slow changes claim samples, each with a
 * gain; the first sample of each has a much larger gain than the second (a
 * divisor method of apportionment, D'Hondt 1878, with other divisors). The best
 * claims are accepted that fit into the budget together with the floor (no gap
 * above max_gap). k samples of a burst are placed at the (2i+1)/2k quantiles of
 * its excess: inverse transform sampling, stratified.
 * 3. plan_cut() divides the samples into chunks of at most chunk_frames, by
 * dynamic programming over the cost of each chunk and each boundary: a boundary
 * is cheapest at a cut, cheap at a quiet moment, expensive inside a burst.
 *
 * Budget without a claim is not spent: a video that hardly changes costs
 * little. In this header and in plan*.c, a pair of frames (--sample-pairs)
 * counts as one sample. */
#ifndef VDET_PLAN_PLAN_INTERNAL_H
#define VDET_PLAN_PLAN_INTERNAL_H

#include "plan/plan.h"

struct plan_burst {
	size_t first, last; /* bins, inclusive */
	double mass;        /* sum of excess */
	double weight;      /* 0.5 to 1: how far it exceeds its surroundings */
	size_t want;        /* number of samples that it could use */
};

struct plan_shot {
	int64_t start, end;
};

struct plan_view {
	const struct plan_options *o;
	const struct video_index *x;
	int64_t from, to; /* the range that is planned now */
	int64_t last;     /* the last sample before the range, or `from` */
	int64_t max_gap, chunk_min, chunk_max;
	size_t budget;    /* samples; a pair counts as one */
	size_t per_chunk; /* samples per chunk */
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

/* A view of [from, to) of the plan p; what x contains from p->from on is used
 * as surroundings only. */
struct plan_view *plan_view_new(const struct plan_options *o, const struct video_index *x,
                                const struct plan *p, int64_t from, int64_t to, size_t budget);
void plan_view_free(struct plan_view *v);
DEFINE_FREEP(struct plan_view, plan_view)

size_t plan_bin(const struct plan_view *v, int64_t t);
/* Index of the first cut after t. */
size_t plan_cut_after(const struct video_index *x, int64_t t);
/* Index of the first key not before t. */
size_t plan_key_from(const struct video_index *x, int64_t t);
/* Not usable for a sample: black, blurred, torn or within a gradual change. */
bool plan_is_poor(const struct plan_view *v, int64_t t);

/* Ascending samples, at least one; the caller frees them. */
struct plan_sample *plan_choose(const struct plan_view *v, size_t *ret_n, size_t *ret_seen);

/* Distinct sample times in all chunks: a sample that an overlap repeats counts
 * once. */
size_t plan_count_samples(const struct plan *p);

/* A cut or a quiet moment after a and not after b. */
int64_t plan_quiet_between(const struct plan_view *v, int64_t a, int64_t b);

/* Adds chunks for the samples to p->chunks. */
void plan_cut(const struct plan_view *v, const struct plan_sample *samples, size_t n,
              struct plan *p);

#endif
