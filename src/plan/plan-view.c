/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "plan/plan-internal.h"

enum {
	LEVEL = 25,  /* percent: quantile of the level of a block */
	ENOUGH = 96, /* bins of the surroundings that are read for their median */
};
#define NOISE_LEVELS 4.0          /* noise levels above its surroundings: an active bin */
#define FAR 2.0                   /* divides the excess over the level of the block */
#define REACH (20 * CLOCK_SECOND) /* width of the surroundings, on each side */
#define LEAST 0.02                /* minimum excess, as a share of the 99 % quantile of activity */
/* a level applies to a block, and is computed from it and its two neighbors */
#define BLOCK (300 * CLOCK_SECOND)
#define BREAK INT64_C(600000) /* bursts that are no further apart than this are joined */
/* a decoded frame is compared with an earlier one, so its change ends this much
 * later */
#define LAG INT64_C(500000)
#define FLOOR_SHARE 3
#define KNOWN (3600 * CLOCK_SECOND) /* of what is before the range: surroundings */
#define CLOSE CLOCK_SECOND          /* pictures nearer to each other show all events between them */
#define BLIND (2 * CLOCK_SECOND)    /* pictures further apart leave events between them unseen */
#define WANT_STEP 8 /* how many times denser than even sampling a long burst may be sampled */

static int compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static float activity(const struct plan_view *v, size_t bin)
{
	float a = v->x->activity[bin];
	return isfinite(a) && a > 0 ? a : 0;
}

/* Writes the bins [a, b), sorted, to `out`. */
static void sort_bins(const struct plan_view *v, size_t a, size_t b, float *out)
{
	for (size_t i = a; i < b; i++)
		out[i - a] = activity(v, i);
	qsort(out, b - a, sizeof *out, compare_floats);
}

static float quantile(const float *sorted, size_t n, size_t per_cent)
{
	return sorted[(n - 1) * per_cent / 100];
}

/* How far each bin exceeds the median of its surroundings. */
static void rise_above(const struct plan_view *v, size_t first, float *sorted, float *rise)
{
	size_t reach = (size_t)(REACH / v->x->bin) + 1, step = reach / 8 + 1,
		   stride = 2 * reach / ENOUGH + 1;
	for (size_t at = first; at < v->n_bins; at += step) {
		size_t a = at > first + reach ? at - reach : first, b = at + step + reach, n = 0;
		b = b < v->n_bins ? b : v->n_bins;
		for (size_t i = a; i < b; i += stride)
			sorted[n++] = activity(v, i);
		qsort(sorted, n, sizeof *sorted, compare_floats);
		for (size_t i = at; i < at + step && i < v->n_bins; i++)
			rise[i] = activity(v, i) - quantile(sorted, n, 50);
	}
}

/* The standard deviation that the excess of the quiet four fifths of a block
 * would have if it were Gaussian. */
static double noise_level(const float *rise, size_t n, float *sorted)
{
	for (size_t i = 0; i < n; i++)
		sorted[i] = fabsf(rise[i]);
	qsort(sorted, n, sizeof *sorted, compare_floats);
	return (double)quantile(sorted, n, 80) / 1.2816;
}

static void measure_excess(struct plan_view *v, int64_t known_from, float *height)
{
	size_t first = plan_bin(v, known_from), n = v->n_bins - first,
		   block = (size_t)(BLOCK / v->x->bin) + 1;
	AUTO(mem_freep)
	float *sorted = mem_alloc(n, sizeof *sorted), *rise = mem_alloc(v->n_bins, sizeof *rise);
	sort_bins(v, first, v->n_bins, sorted);
	double least = LEAST * (double)quantile(sorted, n, 99);
	rise_above(v, first, sorted, rise);
	for (size_t at = first; at < v->n_bins; at += block) {
		size_t a = at < first + block ? first : at - block;
		size_t b = at + 2 * block < v->n_bins ? at + 2 * block : v->n_bins;
		double step = fmax(NOISE_LEVELS * noise_level(rise + a, b - a, sorted), least);
		sort_bins(v, a, b, sorted);
		double level = (double)quantile(sorted, b - a, LEVEL);
		step = fmax(step, level / 1000);
		for (size_t i = at; i < at + block && i < v->n_bins; i++) {
			double above = fmax((double)rise[i], ((double)activity(v, i) - level) / FAR);
			v->excess[i] = above > step ? (float)above : 0;
			height[i] = (float)(step > 0 ? above / step : above > 0 ? 1e6 : 0);
		}
	}
	size_t begin = plan_bin(v, v->from), end = plan_bin(v, v->to - 1) + 1;
	memset(v->excess, 0, begin * sizeof *v->excess);
	memset(v->excess + end, 0, (v->n_bins - end) * sizeof *v->excess);
}

/* A cut that is exact to the frame explains the activity of its bin. The new
 * shot claims a sample of its own. */
static void mask_cuts(struct plan_view *v)
{
	for (size_t i = 0; i < v->x->n_cuts; i++) {
		const struct index_cut *c = &v->x->cuts[i];
		if (c->pts < v->from || c->pts >= v->to || c->uncertainty > v->x->bin)
			continue;
		size_t last = plan_bin(v, c->end > c->pts ? c->end : c->pts);
		for (size_t b = plan_bin(v, c->pts); b <= last; b++)
			v->excess[b] = 0;
	}
}

static void add_burst(struct plan_view *v, size_t first, size_t last, const float *height)
{
	double peak = 0, mass = 0;
	for (size_t b = first; b <= last; b++) {
		mass += (double)v->excess[b];
		if (v->excess[b] > 0)
			peak = fmax(peak, (double)height[b]);
	}
	int64_t length = (int64_t)(last - first + 1) * v->x->bin;
	int64_t dense = v->o->chunk_duration / v->o->chunk_frames / WANT_STEP;
	int64_t more = length / CLOCK_SECOND < 2 ? length / CLOCK_SECOND : 2;
	v->bursts[v->n_bursts++] =
		(struct plan_burst){.first = first,
	                        .last = last,
	                        .at = PLAN_BY_MASS,
	                        .mass = mass,
	                        .gain = peak / (peak + 1),
	                        .more = peak / (peak + 1) / 4,
	                        .want = (size_t)(1 + more + (dense > 0 ? length / dense : 0))};
}

static void find_bursts(struct plan_view *v, const float *height)
{
	size_t gap = (size_t)(BREAK / v->x->bin), max = 0;
	for (size_t b = 0; b < v->n_bins; b++)
		max += v->excess[b] > 0;
	v->bursts = mem_grow(v->bursts, v->n_bursts + max + 1, sizeof *v->bursts);
	for (size_t b = 0; b < v->n_bins; b++) {
		if (!(v->excess[b] > 0))
			continue;
		size_t last = b;
		for (size_t k = b + 1; k < v->n_bins && k - last <= gap + 1; k++)
			if (v->excess[k] > 0)
				last = k;
		size_t late =
			v->x->detail && v->x->detail[last] == INDEX_DECODED ? (size_t)(LAG / v->x->bin) : 0;
		add_burst(v, b, last - b > late ? last - late : b, height);
		b = last;
	}
}

static int by_first(const void *a, const void *b)
{
	const struct plan_burst *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

/* Bursts are in order of time, and do not overlap. */
static void sort_bursts(struct plan_view *v)
{
	if (v->n_bursts)
		qsort(v->bursts, v->n_bursts, sizeof *v->bursts, by_first);
	for (size_t i = 0; i + 1 < v->n_bursts; i++) {
		struct plan_burst *b = &v->bursts[i];
		if (b->last >= b[1].first && b[1].first > b->first)
			b->last = b[1].first - 1;
	}
}

static void mask_bins(struct plan_view *v, size_t first, size_t last)
{
	for (size_t b = first; b <= last; b++)
		v->excess[b] = 0;
}

/* Where pictures were scored one after the other, their scores say more than
 * the activity. */
static void mask_scored(struct plan_view *v)
{
	const struct index_score *s = v->x->scores;
	for (size_t b = 0; b < v->n_bins; b++)
		if (v->x->detail && v->x->detail[b] == INDEX_DECODED)
			v->excess[b] = 0;
	for (size_t i = index_score_from(v->x, v->from) + 1; i < v->x->n_scores; i++)
		if (s[i].pts - s[i - 1].pts <= CLOSE)
			mask_bins(v, plan_bin(v, s[i - 1].pts), plan_bin(v, s[i].pts));
	for (size_t i = 0; i < v->n_bursts; i++)
		mask_bins(v, v->bursts[i].first, v->bursts[i].last);
}

static bool is_decoded(const struct plan_view *v, int64_t a, int64_t b)
{
	return v->x->detail && v->x->detail[plan_bin(v, a + (b - a) / 2)] == INDEX_DECODED;
}

/* Whether t is in an interval without pictures that is too long to rely on. */
static bool is_blind(const struct plan_view *v, int64_t t)
{
	const struct video_index *x = v->x;
	size_t next = index_score_from(x, t);
	int64_t a = next ? x->scores[next - 1].pts : 0;
	int64_t b = next < x->n_scores ? x->scores[next].pts : v->to;
	return b - a > BLIND && !is_decoded(v, a, b);
}

/* Where scores say little, the times of even sampling. */
static void find_even(struct plan_view *v, const struct plan *p)
{
	const struct plan_options *o = v->o;
	int64_t chunks = p->budget / o->chunk_frames, n = (int64_t)v->per_chunk;
	v->even = mem_alloc((size_t)(chunks * n), sizeof *v->even);
	for (int64_t k = 0; k < chunks * n; k++) {
		int64_t start = p->from + k / n * o->chunk_duration;
		int64_t end = k / n + 1 < chunks ? start + o->chunk_duration : p->to;
		int64_t t = plan_even_time(start, end, n, k % n);
		if (t >= v->from && t < v->to && (v->moving || is_blind(v, t)))
			v->even[v->n_even++] = t;
	}
}

static void find_shots(struct plan_view *v)
{
	v->shots = mem_alloc(v->x->n_cuts + 1, sizeof *v->shots);
	int64_t start = v->from;
	for (size_t i = index_cut_after(v->x, v->from); i < v->x->n_cuts && v->x->cuts[i].pts < v->to;
	     i++) {
		if (v->x->cuts[i].pts > start)
			v->shots[v->n_shots++] = (struct plan_shot){.start = start, .end = v->x->cuts[i].pts};
		start = v->x->cuts[i].pts;
	}
	v->shots[v->n_shots++] = (struct plan_shot){.start = start, .end = v->to};
}

/* The sample of a burst in the shot also shows the shot. */
static void show_by_burst(struct plan_view *v, struct plan_shot *s)
{
	struct plan_burst *most = NULL;
	for (size_t j = plan_burst_from(v, s->start); j < v->n_bursts; j++) {
		struct plan_burst *b = &v->bursts[j];
		if ((int64_t)b->first * v->x->bin >= s->end)
			break;
		bool by_mass = b->at == PLAN_BY_MASS;
		s->shown |= by_mass;
		if (!by_mass && b->at >= s->start && b->at < s->end && (!most || b->gain > most->gain))
			most = b;
	}
	if (!most)
		return;
	s->shown = true;
	most->gain = most->gain > s->gain ? most->gain : s->gain;
}

static void judge_shots(struct plan_view *v)
{
	double step = (double)v->o->chunk_duration / (double)v->o->chunk_frames;
	for (size_t i = 0; v->n_shots > 1 && i < v->n_shots; i++) {
		struct plan_shot *s = &v->shots[i];
		s->gain = 0.5 + 0.4 * fmin((double)(s->end - s->start) / step, 1);
		show_by_burst(v, s);
	}
}

static int64_t least_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}
static int64_t at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A short video where little happens is sampled evenly: the floor then uses the
 * samples of a chunk. Bursts and shots may take two thirds of them. */
static void set_bounds(struct plan_view *v, const struct plan *p)
{
	const struct plan_options *o = v->o;
	v->per_chunk = (size_t)at_least(o->pairs ? o->chunk_frames / 2 : o->chunk_frames, 1);
	v->chunk_max = o->chunk_max ? o->chunk_max : 6 * o->chunk_duration;
	v->chunk_min = least_of(o->chunk_min ? o->chunk_min : o->chunk_duration / 10, v->chunk_max);
	int64_t most = o->max_gap ? o->max_gap : o->chunk_duration;
	most = at_least(least_of(most, v->chunk_max / 2), 1);
	int64_t even = (p->to - p->from) / least_of((int64_t)v->per_chunk, p->budget) + 1;
	v->gap_least = least_of(even, most);
	v->gap_claimed = least_of(FLOOR_SHARE * even, most);
}

struct plan_view *plan_view_new(const struct plan_options *o, const struct video_index *x,
                                const struct plan *p, int64_t from, int64_t to, size_t budget,
                                size_t extra)
{
	struct plan_view *v = mem_alloc(1, sizeof *v);
	*v = (struct plan_view){.o = o,
	                        .x = x,
	                        .from = from,
	                        .to = to,
	                        .budget = budget,
	                        .extra = extra,
	                        .n_bins = x->n_bins};
	const struct plan_chunk *before = p->n_chunks ? &p->chunks[p->n_chunks - 1] : NULL;
	v->last = before && before->n_times ? before->times[before->n_times - 1] : from;
	v->excess = mem_alloc(v->n_bins, sizeof *v->excess);
	AUTO(mem_freep) float *height = mem_alloc(v->n_bins, sizeof *height);
	set_bounds(v, p);
	measure_excess(v, at_least(p->from, from - KNOWN), height);
	mask_cuts(v);
	if (plan_find_peaks(v, p)) {
		mask_scored(v);
		find_even(v, p);
	}
	find_bursts(v, height);
	sort_bursts(v);
	find_shots(v);
	judge_shots(v);
	return v;
}

void plan_view_free(struct plan_view *v)
{
	if (!v)
		return;
	free(v->excess);
	free(v->bursts);
	free(v->more);
	free(v->shots);
	free(v->even);
	free(v);
}
