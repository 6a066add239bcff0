/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "plan/plan-internal.h"

/* Costs of boundaries and chunks: plain numbers, of which only the order of
 * magnitude matters. */
#define COST_CHUNK 1.0      /* for each chunk: prefers few full chunks to many */
#define COST_QUIET 0.3      /* a boundary at a quiet moment; a cut costs 0 */
#define COST_LONG_BURST 3.0 /* a boundary inside a burst that does not fit into one chunk */
#define COST_BURST 12.0     /* a boundary inside a short burst */
#define COST_SHORT 200.0    /* a chunk shorter than chunk_min: only if there is no alternative */
#define LONG_BURST (30 * CLOCK_SECOND)

struct boundary {
	int64_t time;
	double cost;
};

static double boundary_cost(const struct plan_view *v, size_t bin)
{
	size_t low = 0, high = v->n_bursts;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->bursts[mid].last >= bin)
			high = mid;
		else
			low = mid + 1;
	}
	if (low == v->n_bursts || v->bursts[low].first > bin)
		return COST_QUIET;
	const struct plan_burst *b = &v->bursts[low];
	return (int64_t)(b->last - b->first + 1) * v->x->bin > LONG_BURST ? COST_LONG_BURST
	                                                                  : COST_BURST;
}

/* The best boundary after sample a and not after sample b: the cut nearest to
 * the middle, or the quietest bin, preferably near the middle. */
static struct boundary best_between(const struct plan_view *v, int64_t a, int64_t b)
{
	struct boundary best = {.time = b, .cost = INFINITY};
	int64_t mid = a + (b - a) / 2;
	for (size_t i = index_cut_after(v->x, a); i < v->x->n_cuts && v->x->cuts[i].pts <= b; i++)
		if (best.cost > 0 || llabs(v->x->cuts[i].pts - mid) < llabs(best.time - mid))
			best = (struct boundary){v->x->cuts[i].pts, 0};
	if (best.cost <= 0)
		return best;
	/* Tries at most about a hundred times, however wide the gap is. */
	int64_t step = (b - a) / 200 > v->x->bin ? (b - a) / 200 : v->x->bin;
	for (int64_t t = a + 1 > (a / step + 1) * step ? a + 1 : (a / step + 1) * step; t <= b;
	     t += step) {
		double cost = boundary_cost(v, plan_bin(v, t > a + 1 ? t - 1 : t));
		cost = fmax(cost, boundary_cost(v, plan_bin(v, t)));
		cost += 0.1 * fabs((double)(t - mid)) / (double)(b - a);
		if (cost < best.cost)
			best = (struct boundary){t, cost};
	}
	return isinf(best.cost) ? (struct boundary){b, boundary_cost(v, plan_bin(v, b))} : best;
}

int64_t plan_quiet_between(const struct plan_view *v, int64_t a, int64_t b)
{
	return best_between(v, a, b).time;
}

static double chunk_cost(const struct plan_view *v, int64_t length, size_t n, size_t most)
{
	double lack = (double)(most - n) / (double)most;
	double cost = COST_CHUNK + 0.5 * lack * lack;
	if (length < v->chunk_min)
		cost += COST_SHORT * (1 + (double)(v->chunk_min - length) / (double)v->chunk_min);
	return cost;
}

/* The cheapest way to divide n samples: from[j] = the first sample of the chunk
 * that ends with sample j. There are n + 1 boundaries. */
static void part(const struct plan_view *v, const struct boundary *at, size_t n, size_t most,
                 size_t *from)
{
	AUTO(mem_freep) double *cost = mem_alloc(n + 1, sizeof *cost);
	for (size_t j = 1; j <= n; j++) {
		cost[j] = INFINITY;
		for (size_t i = j; i-- > 0 && j - i <= most;) {
			int64_t length = at[j].time - at[i].time;
			if (length > v->chunk_max && i + 1 < j)
				break;
			double c = cost[i] + chunk_cost(v, length, j - i, most) + at[j].cost;
			if (c < cost[j]) {
				cost[j] = c;
				from[j] = i;
			}
		}
	}
}

/* The two times of a sample: a pair, or twice the same. */
struct pair {
	int64_t first, second;
};

/* The two times are in one shot, after `least` and before `limit`. */
static struct pair pair_of(const struct plan_view *v, int64_t t, int64_t least, int64_t limit)
{
	if (!v->o->pairs)
		return (struct pair){t, t};
	int64_t next = t + PLAN_PAIR_GAP, before = t - PLAN_PAIR_GAP;
	size_t shot = index_cut_after(v->x, t);
	if (next < limit && index_cut_after(v->x, next) == shot)
		return (struct pair){t, next};
	return (struct pair){before > least && index_cut_after(v->x, before) == shot ? before : t, t};
}

/* Adds a time unless it equals the previous one. */
static void add_time(struct plan_chunk *c, int64_t t)
{
	if (t >= c->start && t < c->end && (!c->n_times || t > c->times[c->n_times - 1]))
		c->times[c->n_times++] = t;
}

/* A chunk with overlap repeats the last samples of the previous chunk, at most
 * half of them; `before` is the start of that chunk. */
static void fill(const struct plan_view *v, const struct pair *samples, size_t first, size_t last,
                 size_t again, int64_t before, struct plan_chunk *c)
{
	size_t begin = first;
	int64_t overlap = v->o->chunk_overlap < (c->start - before) / 2 ? v->o->chunk_overlap
	                                                                : (c->start - before) / 2;
	c->start -= first ? overlap : 0;
	while (begin > 0 && first - begin < again && samples[begin - 1].first >= c->start)
		begin--;
	c->times = mem_alloc(2 * (last - begin), sizeof *c->times);
	for (size_t i = begin; i < last; i++) {
		add_time(c, samples[i].first);
		add_time(c, samples[i].second);
	}
}

void plan_cut(const struct plan_view *v, const struct plan_sample *samples, size_t n,
              struct plan *p)
{
	AUTO(mem_freep) struct boundary *at = mem_alloc(n + 1, sizeof *at);
	AUTO(mem_freep) size_t *from = mem_alloc(n + 1, sizeof *from);
	AUTO(mem_freep) size_t *ends = mem_alloc(n + 1, sizeof *ends);
	AUTO(mem_freep) struct pair *pairs = mem_alloc(n, sizeof *pairs);
	size_t again = v->o->chunk_overlap && v->per_chunk > 1 ? (v->per_chunk + 3) / 4 : 0;
	at[0] = (struct boundary){v->from, 0};
	at[n] = (struct boundary){v->to, 0};
	for (size_t i = 0; i < n; i++)
		pairs[i] = pair_of(v, samples[i].time, i ? pairs[i - 1].second : v->from,
		                   i + 1 < n ? samples[i + 1].time : v->to);
	for (size_t i = 1; i < n; i++)
		at[i] = best_between(v, pairs[i - 1].second, pairs[i].first);
	part(v, at, n, v->per_chunk - again, from);
	size_t chunks = 0;
	for (size_t j = n; j > 0; j = from[j])
		ends[chunks++] = j;
	struct plan_chunk *added = p->chunks =
		mem_grow(p->chunks, p->n_chunks + chunks, sizeof *p->chunks);
	added += p->n_chunks;
	p->n_chunks += chunks;
	for (size_t i = 0; i < chunks; i++) {
		size_t last = ends[chunks - 1 - i], first = from[last];
		added[i] = (struct plan_chunk){.start = at[first].time, .end = at[last].time};
		fill(v, pairs, first, last, again, at[from[first]].time, &added[i]);
	}
}
