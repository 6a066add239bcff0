/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an adaptive plan in three steps; internal to plan*.c. Pure functions.
 *
 * 1. plan_view_new() finds bursts. Where pictures were scored
 * (detect/detect.h), plan-peaks.c takes the highest score that is left, as long
 * as it is above what rain and the usual movement score; the burst is what
 * scores at least half as much around it, its sample is the picture with that
 * score, and further samples of it are worth less each time.
 * Where not every picture was scored, the activity of the index is compared
 * with its surroundings, the median of 20 s on both sides. The usual
 * difference, in the quiet four fifths of ten minutes, is the noise level (a
 * robust estimate of the standard deviation: the 80 % quantile of the
 * differences over 1.2816). Excess is activity that exceeds the surroundings by
 * 4 noise levels, or that lasts too long for that but exceeds the quiet quarter
 * of ten minutes by 8. Runs of excess are bursts. The cuts divide the video
 * into shots.
 * 2. plan_choose(): bursts, shots, slow changes and the times of even sampling
 * claim samples, each with a gain: first all separate bursts, then even
 * sampling where pictures are too far apart to rely on, then shots without a
 * burst, then further samples of the same (a divisor method of apportionment,
 * D'Hondt 1878, with other divisors). If most pictures score high, as from a
 * hand-held camera, the order is shots, even sampling, bursts. The best claims
 * are accepted that fit into the budget together with the floor (no gap above a
 * limit, which is made shorter as the budget allows). k samples of a burst by
 * activity are placed at the (2i+1)/2k quantiles of its excess: inverse
 * transform sampling, stratified.
 * 3. plan_cut() divides the samples into chunks of at most chunk_frames, by
 * dynamic programming over the cost of each chunk and each boundary: a boundary
 * is cheapest at a cut, cheap at a quiet moment, expensive inside a burst.
 *
 * Budget without a claim is not spent: a video that hardly changes costs
 * little. Clear bursts may use some of the budget of later parts. In this
 * header and in plan*.c, a pair of frames (--sample-pairs) counts as one
 * sample. */
#ifndef VDET_PLAN_PLAN_INTERNAL_H
#define VDET_PLAN_PLAN_INTERNAL_H

#include "plan/plan.h"

struct plan_burst {
	size_t first, last; /* bins, inclusive */
	int64_t at;         /* its first sample; PLAN_BY_MASS: all where the excess is */
	double mass;        /* sum of excess */
	double gain;        /* of its first sample */
	double more;        /* of the second; the k-th has 2 / k of that */
	size_t want;        /* number of samples that it could use */
};
#define PLAN_BY_MASS INT64_MIN

struct plan_shot {
	int64_t start, end;
	double gain; /* of a sample in it */
	bool shown;  /* by the sample of a burst, whose gain is at least this */
};

struct plan_view {
	const struct plan_options *o;
	const struct video_index *x;
	int64_t from, to; /* the range that is planned now */
	int64_t last;     /* the last sample before the range, or `from` */
	/* longest range without a sample: `gap_claimed` while bursts and shots
	 * claim samples; what they leave makes it shorter, down to `gap_least` */
	int64_t gap_claimed, gap_least;
	int64_t chunk_min, chunk_max;
	size_t budget; /* samples; a pair counts as one */
	size_t extra;  /* further samples, of later parts, for bursts of at least this gain */
	double extra_gain;
	size_t per_chunk; /* samples per chunk */
	size_t n_bins;    /* of the index */
	float *excess;    /* n_bins; 0 outside [from, to) */
	struct plan_burst *bursts;
	size_t n_bursts;
	struct plan_span *more; /* bursts beyond the budget, which claim no samples */
	size_t n_more;
	struct plan_shot *shots; /* cover [from, to) */
	size_t n_shots;
	bool moving;   /* all of the picture changes most of the time: no fixed camera */
	int64_t *even; /* times of even sampling, where scores say little */
	size_t n_even;
};

struct plan_sample {
	int64_t time;
	bool floor; /* only fills a gap */
	bool even;  /* a time of even sampling, because scores say little there */
};

/* Adds bursts at the peaks of the scores, and sets `moving`; false if there are
 * no scores in the range. */
bool plan_find_peaks(struct plan_view *v, const struct plan *plan);

/* A view of [from, to) of the plan p; what x contains from p->from on is used
 * as surroundings only. */
struct plan_view *plan_view_new(const struct plan_options *o, const struct video_index *x,
                                const struct plan *p, int64_t from, int64_t to, size_t budget,
                                size_t extra);
void plan_view_free(struct plan_view *v);
DEFINE_FREEP(struct plan_view, plan_view)

size_t plan_bin(const struct plan_view *v, int64_t t);
/* Index of the first burst that ends after t. */
size_t plan_burst_from(const struct plan_view *v, int64_t t);
/* Not usable for a sample: black, blurred, torn or within a gradual change. */
bool plan_is_poor(const struct plan_view *v, int64_t t);

/* Ascending samples, at least one; the caller frees them. ret_given: for each
 * burst, whether it got a sample. */
struct plan_sample *plan_choose(const struct plan_view *v, size_t *ret_n, bool *ret_given);

/* The k-th of n times, evenly spaced: each in the middle of its share. */
int64_t plan_even_time(int64_t start, int64_t end, int64_t n, int64_t k);

/* Distinct sample times in all chunks: a sample that an overlap repeats counts
 * once. */
size_t plan_count_samples(const struct plan *p);

/* A cut or a quiet moment after a and not after b. */
int64_t plan_quiet_between(const struct plan_view *v, int64_t a, int64_t b);

/* Adds chunks for the samples to p->chunks. */
void plan_cut(const struct plan_view *v, const struct plan_sample *samples, size_t n,
              struct plan *p);

#endif
