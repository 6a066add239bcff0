/* SPDX-License-Identifier: Apache-2.0 */
#include "index/activity.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

/* The median of n values, which this sorts; n > 0. */
static float quantile(float *v, size_t n, double q)
{
	qsort(v, n, sizeof *v, compare);
	return v[(size_t)((double)(n - 1) * q + 0.5)];
}

/* A bin holds several packets, so that the pattern of large and small packets
 * does not show; it is at most half a second where the frame rate allows. */
void activity_bins(const struct packet_scan *w, struct video_index *x)
{
	const int64_t most = 500000, least = 100000;
	int64_t want = w->duration / 600, rhythm = w->packets ? 4 * (w->duration / w->packets) : 0;
	want = want < least ? least : want > most ? most : want;
	if (rhythm > want)
		want = rhythm < 2 * CLOCK_SECOND ? rhythm : 2 * CLOCK_SECOND;
	int64_t times = (want + w->bin - 1) / w->bin;
	x->duration = w->duration;
	x->bin = times * w->bin;
	x->n_bins = (size_t)((w->duration + x->bin - 1) / x->bin);
	x->activity = mem_alloc(x->n_bins, sizeof *x->activity);
	x->detail = mem_alloc(x->n_bins, sizeof *x->detail);
	x->flags = mem_alloc(x->n_bins, sizeof *x->flags);
}

static size_t bin_of(const struct video_index *x, int64_t t)
{
	if (t < 0)
		return 0;
	size_t i = (size_t)(t / x->bin);
	return i < x->n_bins ? i : x->n_bins - 1;
}

/* Bytes per second in each bin, of packets that are not keyframes; of all
 * packets where there are few others. */
static void byte_rates(const struct packet_scan *w, const struct video_index *x, float *out)
{
	bool intra = w->keyframes * 2 > w->packets;
	size_t times = (size_t)(x->bin / w->bin);
	for (size_t i = 0; i < x->n_bins; i++) {
		double sum = 0;
		for (size_t k = i * times; k < (i + 1) * times && k < w->n_bins; k++)
			sum += w->bins[k].bytes + (intra ? w->bins[k].key_bytes : 0);
		/* The last bin may be shorter. */
		int64_t start = (int64_t)i * x->bin,
				end = start + x->bin < x->duration ? start + x->bin : x->duration;
		int64_t width = end - start > x->bin / 4 ? end - start : x->bin / 4;
		out[i] = (float)(sum * CLOCK_SECOND / (double)width);
	}
}

static void smooth(const float *in, size_t n, float *out)
{
	for (size_t i = 0; i < n; i++) {
		float before = in[i ? i - 1 : i], after = in[i + 1 < n ? i + 1 : i];
		out[i] = 0.25f * before + 0.5f * in[i] + 0.25f * after;
	}
}

float *activity_packets(const struct findings *f, const struct video_index *x)
{
	enum { AROUND = 5 };
	const int64_t block_time = 30 * CLOCK_SECOND;
	size_t n = x->n_bins, block = (size_t)(block_time / x->bin) + 1;
	float *out = mem_alloc(n + 1, sizeof *out);
	AUTO(mem_freep) float *rate = mem_alloc(n + 1, sizeof *rate);
	AUTO(mem_freep) float *part = mem_alloc((2 * AROUND + 1) * block + 1, sizeof *part);
	byte_rates(f->scan, x, out);
	smooth(out, n, rate);
	for (size_t i = 0; i < n; i++)
		rate[i] = log2f(rate[i] + 100);
	for (size_t start = 0; start < n; start += block) {
		size_t a = start > AROUND * block ? start - AROUND * block : 0,
			   b = start + (AROUND + 1) * block, m = 0;
		for (size_t i = a; i < b && i < n; i++)
			part[m++] = rate[i];
		float quiet = quantile(part, m, 0.25), spread = part[(m - 1) / 2] - part[(m - 1) / 20];
		float slack = fmaxf(0.25f, fminf(spread, 1.5f));
		for (size_t i = start; i < start + block && i < n; i++) {
			float over = rate[i] - quiet - slack;
			out[i] = over > 0 ? over / (over + 1.5f) : 0;
		}
	}
	return out;
}

/* The largest packet of [from, to) that is not a keyframe, and the median of
 * the largest packets of the bins. */
static void find_spike(const struct packet_scan *w, struct interval *v)
{
	size_t a = (size_t)(v->from / w->bin), b = (size_t)(v->to / w->bin) + 1, n = 0, best = 0;
	b = b > w->n_bins ? w->n_bins : b;
	if (a >= b)
		return;
	AUTO(mem_freep) float *sizes = mem_alloc(b - a, sizeof *sizes);
	for (size_t i = a; i < b; i++) {
		if (w->bins[i].packets)
			sizes[n++] = (float)w->bins[i].largest;
		if (!best || w->bins[i].largest > w->bins[best].largest)
			best = i;
	}
	if (!n)
		return;
	v->spike = (float)w->bins[best].largest / fmaxf(quantile(sizes, n, 0.5), 200);
	v->spike_at = (int64_t)best * w->bin + w->bins[best].at * w->bin / 65536;
}

struct interval *activity_intervals(const struct findings *f, const float *packets,
                                    const struct video_index *x, size_t *ret_n)
{
	size_t n = f->n_keys;
	n -= n && f->to;
	struct interval *list = mem_alloc(n + 1, sizeof *list);
	for (size_t i = 0; i < n; i++) {
		struct interval *v = &list[i];
		bool last = i + 1 == f->n_keys;
		v->open = last;
		v->a = i;
		v->b = i + 1;
		v->from = f->keys[i].pts;
		v->to = last ? x->duration : f->keys[i + 1].pts;
		if (!last) {
			v->between = signature_difference(&f->keys[i], &f->keys[i + 1]);
			v->change = signature_change(&f->keys[i], &f->keys[i + 1]);
		}
		for (size_t k = bin_of(x, v->from); k <= bin_of(x, v->to > v->from ? v->to - 1 : v->to);
		     k++)
			v->packets = fmaxf(v->packets, packets[k]);
		find_spike(f->scan, v);
	}
	*ret_n = n;
	return list;
}

/* The part of a change that is only noise: a low quantile of all changes, with
 * an upper limit. */
static float noise_floor(const struct findings *f, const struct interval *list, size_t n_list)
{
	size_t n = 0, cap = n_list + 1;
	for (size_t i = 0; i < f->n_decoded; i++)
		cap += f->ranges[i].n;
	AUTO(mem_freep) float *all = mem_alloc(cap, sizeof *all);
	for (size_t i = 0; i < n_list && !list[i].open; i++)
		all[n++] = list[i].change;
	for (size_t i = 0; i < f->n_decoded; i++)
		for (size_t k = 0; k < f->ranges[i].n; k++)
			if (f->ranges[i].motion[k].change >= 0)
				all[n++] = f->ranges[i].motion[k].change;
	return n ? fminf(quantile(all, n, 0.1), 0.15f) : 0;
}

static float above(float change, float floor)
{
	return change > floor ? (change - floor) / (1 - floor) : 0;
}

static uint8_t key_flags(const struct signature *s)
{
	return (uint8_t)((signature_is_blank(s) && s->mean < 128 ? INDEX_BLACK : 0) |
	                 (s->flags & SIGNATURE_TORN ? INDEX_TORN : 0));
}

/* Nothing moved between two keyframes, and the packets show no activity. */
static bool is_frozen(const struct findings *f, const struct interval *v)
{
	const struct packet_scan *w = f->scan;
	if (v->b >= f->n_keys || signature_distance(&f->keys[v->a], &f->keys[v->b]) > 0.3f ||
	    v->change > 0.06f)
		return false;
	size_t a = (size_t)(v->from / w->bin), b = (size_t)(v->to / w->bin);
	int64_t bytes = 0, packets = 0;
	for (size_t i = a; i < b && i < w->n_bins; i++) {
		bytes += w->bins[i].bytes;
		packets += w->bins[i].packets;
	}
	return packets && bytes / packets < 64;
}

static void fill_interval(const struct findings *f, const float *packets, const struct interval *v,
                          float floor, struct video_index *x)
{
	bool covered = v->b < f->n_keys && v->to - v->from <= f->max_gap;
	float change = above(v->change, floor);
	uint8_t flags = key_flags(&f->keys[v->a]);
	if (v->b < f->n_keys)
		flags &= key_flags(&f->keys[v->b]);
	if (is_frozen(f, v))
		flags |= INDEX_FROZEN;
	size_t a = bin_of(x, v->from), b = bin_of(x, v->to > v->from ? v->to - 1 : v->to);
	for (size_t i = a; i <= b; i++) {
		/* If the packets show activity, it locates the change between the two
		 * keyframes. */
		float share = v->packets > 0.1f ? 0.35f + 0.65f * packets[i] / v->packets : 1;
		float both = 1 - (1 - change * share) * (1 - 0.6f * packets[i]);
		x->activity[i] = fmaxf(x->activity[i], both);
		if (covered || i == a)
			x->detail[i] = INDEX_KEYFRAMES;
		x->flags[i] |= flags;
	}
}

/* Values from decoded frames replace estimates. */
static void fill_range(const struct decoded_range *l, float floor, struct video_index *x)
{
	size_t a = bin_of(x, l->from), b = bin_of(x, l->to > l->from ? l->to - 1 : l->to), k = 0;
	for (size_t i = a; i <= b; i++) {
		int64_t start = (int64_t)i * x->bin, end = start + x->bin;
		bool whole = l->from <= start && (l->to >= end || l->to >= x->duration);
		float most = -1;
		uint8_t flags = 0xff;
		size_t n = 0, frozen = 0;
		for (; k < l->n && l->motion[k].pts < start; k++)
			;
		for (; k < l->n && l->motion[k].pts < end; k++, n++) {
			most = fmaxf(most, l->motion[k].change);
			flags &= l->motion[k].flags;
			frozen += (l->motion[k].flags & INDEX_FROZEN) != 0;
		}
		/* Most pictures, not all: otherwise less would be frozen, the more
		 * pictures were decoded. */
		if (frozen * 2 > n)
			flags |= INDEX_FROZEN;
		if (flags != 0xff)
			x->flags[i] = whole ? flags : x->flags[i] | flags;
		if (most >= 0)
			x->activity[i] = whole ? above(most, floor) : fmaxf(x->activity[i], above(most, floor));
		else if (whole && l->n)
			x->activity[i] = 0; /* no frame at all, or only the first one */
		if (whole)
			x->detail[i] = INDEX_DECODED;
	}
}

/* Blurred: much less sharp than the pictures nearby, at similar contrast. */
static void flag_blur(const struct findings *f, struct video_index *x)
{
	enum { AROUND = 3 };
	for (size_t i = 0; i < f->n_keys; i++) {
		const struct signature *s = &f->keys[i];
		float best = 0;
		for (size_t k = i > AROUND ? i - AROUND : 0; k <= i + AROUND && k < f->n_keys; k++)
			if (k != i && signature_difference(s, &f->keys[k]).whole < 0.35f)
				best = fmaxf(best, f->keys[k].sharpness);
		if (best > 30 && s->sharpness < 0.3f * best)
			x->flags[bin_of(x, s->pts)] |= INDEX_BLURRED;
	}
}

void activity_fill(const struct findings *f, const float *packets, const struct interval *list,
                   size_t n, struct video_index *x)
{
	float floor = noise_floor(f, list, n);
	/* Before the first picture, or if there are none. */
	size_t until = n ? bin_of(x, list[0].from) : f->to ? bin_of(x, f->to) : x->n_bins;
	for (size_t i = bin_of(x, f->from); i < until; i++)
		x->activity[i] = 0.6f * packets[i];
	for (size_t i = 0; i < n; i++)
		fill_interval(f, packets, &list[i], floor, x);
	for (size_t i = 0; i < f->n_decoded; i++)
		fill_range(&f->ranges[i], floor, x);
	flag_blur(f, x);
	for (size_t i = 0; i < x->n_cuts; i++)
		if (x->cuts[i].end > x->cuts[i].pts)
			for (size_t k = bin_of(x, x->cuts[i].pts); k <= bin_of(x, x->cuts[i].end); k++)
				x->flags[k] |= INDEX_FADING;
}
