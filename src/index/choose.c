/* SPDX-License-Identifier: Apache-2.0 */
#include "index/choose.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum { FRAMES_RARE = 5 /* per second; a video with fewer may decode more */ };

static const int64_t longest = 60 * CLOCK_SECOND;
/* all frames of a shorter video are decoded */
static const int64_t budget_least = 20 * CLOCK_SECOND;
/* What may be decoded of each second of video, in pixels of H.264: 1920x1080 at
 * 30 frames per second, with some room for inexact rates. */
static const double cost_most = 1.01 * 1920 * 1080 * 30;
/* A cut is ruled out if the pictures on both sides are this similar, and no
 * packet is this much larger than others. */
static const float same_whole = 0.08f, same_change = 0.35f, plain_spike = 2.2f;

struct offer {
	size_t i;    /* index of the interval */
	int64_t to;  /* the latest end of the range */
	float worth; /* value per second of decoding */
};

static int by_worth(const void *a, const void *b)
{
	const struct offer *x = a, *y = b;
	if (x->worth != y->worth)
		return x->worth < y->worth ? 1 : -1;
	return x->i < y->i ? -1 : 1;
}

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static int by_place(const void *a, const void *b)
{
	const struct offer *x = a, *y = b;
	return (x->i > y->i) - (x->i < y->i);
}

static bool cut_possible(const struct interval *v, int64_t max_gap)
{
	/* After the last keyframe nothing is known. */
	if (v->open || v->to - v->from > max_gap || v->spike >= plain_spike)
		return true;
	return v->between.whole >= same_whole || v->change >= same_change;
}

/* One second after the last bin that exceeds half of the maximum. */
static int64_t end_of_burst(const struct interval *v, const float *packets,
                            const struct video_index *x)
{
	size_t b = (size_t)(v->to / x->bin), a = (size_t)(v->from / x->bin);
	b = b < x->n_bins ? b : x->n_bins - 1;
	while (b > a && packets[b] < 0.5f * v->packets)
		b--;
	int64_t end = (int64_t)(b + 1) * x->bin + CLOCK_SECOND;
	return end < v->to ? end : v->to;
}

/* The median of the spikes of all intervals. */
static float usual_spike(const struct interval *list, size_t n)
{
	AUTO(mem_freep) float *spikes = mem_alloc(n + 1, sizeof *spikes);
	for (size_t i = 0; i < n; i++)
		spikes[i] = list[i].spike;
	if (n)
		qsort(spikes, n, sizeof *spikes, ascending);
	return n ? fmaxf(spikes[n / 2], 1) : 1;
}

/* Even at a constant bit rate, a cut without a keyframe is a large packet. */
static float spike_gain(const struct interval *v, float usual)
{
	float over = v->spike / usual - 1;
	return over > 0 ? 0.6f * over / (over + 1) : 0;
}

static float worth_of(const struct interval *v, int64_t max_gap, int64_t cost, float spike)
{
	float gain = fmaxf(v->packets, spike);
	/* A change that the packets do not explain may be a cut, or an object that
	 * appeared and stayed. */
	if (!v->open)
		gain += 0.3f * v->between.whole + 0.2f * v->change * (1 - v->packets);
	if (v->to - v->from > max_gap)
		gain += 0.3f;
	/* Without a reason it may be decoded as well, after all others. */
	return (gain < 0.15f ? 0.001f * gain : gain) / (1 + (float)cost / CLOCK_SECOND);
}

static int64_t range_end(const struct interval *v, const float *packets,
                         const struct video_index *x, int64_t max_gap, float spike)
{
	if (v->packets > 0.1f && v->to - v->from <= max_gap)
		return end_of_burst(v, packets, x);
	int64_t after = v->spike_at + 2 * CLOCK_SECOND;
	return spike > 0.15f && after < v->to ? after : v->to;
}

/* Converts the chosen intervals, in order of time, to ranges; adjacent ones are
 * joined. */
static struct range *join(const struct interval *list, const struct offer *offers, size_t n,
                          size_t *ret_n)
{
	struct range *out = mem_alloc(n + 1, sizeof *out);
	size_t m = 0;
	for (size_t k = 0; k < n; k++) {
		struct range r = {list[offers[k].i].from, offers[k].to};
		if (m && out[m - 1].to == r.from && r.to - out[m - 1].from <= longest)
			out[m - 1].to = r.to;
		else if (r.to > r.from)
			out[m++] = r;
	}
	*ret_n = m;
	return out;
}

struct range *choose_ranges(const struct interval *list, size_t n, const float *packets,
                            const struct video_index *x, int64_t max_gap, int64_t budget,
                            bool scenes, size_t *ret_n)
{
	AUTO(mem_freep) struct offer *offers = mem_alloc(n + 1, sizeof *offers);
	size_t m = 0, taken = 0;
	bool everything = budget >= x->duration;
	float usual = usual_spike(list, n);

	for (size_t i = 0; i < n; i++) {
		const struct interval *v = &list[i];
		struct offer o = {.i = i, .to = v->to, .worth = 1};
		if (!everything && !scenes) {
			float spike = spike_gain(v, usual);
			o.to = range_end(v, packets, x, max_gap, spike);
			o.worth = worth_of(v, max_gap, o.to - v->from, spike);
		} else if (!everything && !cut_possible(v, max_gap)) {
			o.worth = 0;
		}
		if (o.worth > 0)
			offers[m++] = o;
	}

	if (scenes || everything) {
		taken = m;
	} else {
		if (m)
			qsort(offers, m, sizeof *offers, by_worth);
		for (size_t k = 0; k < m; k++) {
			int64_t cost = offers[k].to - list[offers[k].i].from;
			if (cost > budget)
				continue;
			budget -= cost;
			offers[taken++] = offers[k];
		}
		if (taken)
			qsort(offers, taken, sizeof *offers, by_place);
	}
	return join(list, offers, taken, ret_n);
}

/* A share of the video so far, less what was decoded. */
static int64_t budget_of_share(double share, const struct packet_scan *w, int64_t to,
                               int64_t decoded)
{
	int64_t budget = (int64_t)(share * (double)to);
	if (budget > 0 && budget < budget_least)
		budget = budget_least;
	/* Where frames are rare, as in a slide show, decoding a second costs less. */
	double frames = (double)w->duration / CLOCK_SECOND * FRAMES_RARE;
	if (budget > 0 && (double)w->packets < frames) {
		double more = (double)budget * frames / (double)(w->packets + 1);
		if (more >= (double)w->duration)
			return INT64_MAX;
		budget = (int64_t)more;
	}
	return budget > decoded ? budget - decoded : 0;
}

int64_t choose_budget(double effort, const struct packet_scan *w, int64_t from, int64_t to,
                      int64_t decoded)
{
	if (effort >= 1)
		return INT64_MAX;
	if (effort >= 0)
		return budget_of_share(effort, w, to, decoded);
	double frames = (double)w->packets / (double)w->duration * CLOCK_SECOND; /* per second */
	double cost = frames * (double)w->frame_cost;
	if (cost <= cost_most || to - from <= budget_least)
		return INT64_MAX;
	int64_t budget = (int64_t)((double)(to - from) * cost_most / cost);
	return budget > budget_least ? budget : budget_least;
}

void choose_cuts(const struct interval *list, size_t n, const struct range *ranges, size_t n_ranges,
                 struct cut_list *out)
{
	size_t r = 0;
	for (size_t i = 0; i < n && !list[i].open; i++) {
		const struct interval *v = &list[i];
		while (r < n_ranges && ranges[r].to < v->to)
			r++;
		if (r < n_ranges && ranges[r].from <= v->from)
			continue;
		/* A large packet inside a group of pictures, or a keyframe before its
		 * usual time: the encoder detected a cut. */
		bool anew = v->spike >= 6;
		bool early = i && v->to - v->from < (list[i - 1].to - list[i - 1].from) * 3 / 4;
		float score = v->between.whole * (anew || early ? 1 : 0.6f);
		if (score < 0.27f || v->change < 0.4f)
			continue;
		int64_t at =
			anew && !early && v->spike_at > v->from && v->spike_at < v->to ? v->spike_at : v->to;
		struct index_cut c = {.pts = at,
		                      .end = at,
		                      .uncertainty = at - v->from,
		                      .kind = INDEX_CUT_HARD,
		                      .score = fminf(score, 1)};
		cut_list_add(out, &c);
	}
}
