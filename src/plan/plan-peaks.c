/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/clock.h"
#include "plan/plan-internal.h"

/* Leaves, people and a cursor, where they move all the time: an event also
 * scores this many times the median. */
#define MEDIAN_TIMES 1.3f
/* A burst reaches as far as the score stays above this share of its peak … */
#define REACH_SHARE 0.5f
#define REACH_GAP (CLOCK_SECOND / 2)   /* … except for so long … */
#define FAR_LEAST (2 * CLOCK_SECOND)   /* … and not further than this, or a quarter of a step */
#define APART_LEAST (2 * CLOCK_SECOND) /* no two bursts are nearer to each other */
#define AGAIN 0.3f                     /* the worth of a further sample of the same burst */
/* A burst is sampled so many times denser than even sampling, if the budget
 * suffices, but not with less than this distance. */
#define DENSE 8
#define DENSE_LEAST CLOCK_SECOND
#define CLEAR_TIMES 2 /* the score of a clear burst, divided by the least of an event */
#define AROUND (300 * CLOCK_SECOND) /* scores before the range that count for the median */
/* If most pictures score high, something small may always be there, such as a
 * person. The camera is not fixed if this much of them is unusual, or cuts are
 * this near to each other; and if more than this share of pictures score high,
 * the scores of a fixed one say little either. */
#define MOVING_SHARE 0.05
#define MOVING_CUTS (60 * CLOCK_SECOND)
#define MOVING_TIME 0.7

struct peaks {
	struct plan_view *v;
	const struct index_score *s; /* of the range */
	size_t n;
	float *score, *worth; /* 0 where a burst was taken; 1, or less for a further sample */
	float stop;
	int64_t far, dense; /* the distance of samples in a burst, if the budget suffices */
};

struct extent {
	size_t a, b;
};

static bool in_one_shot(const struct peaks *p, size_t i, size_t k)
{
	return index_cut_after(p->v->x, p->s[i].pts) == index_cut_after(p->v->x, p->s[k].pts);
}

/* The frames around i, in its shot, whose scores stay above `level`, at most
 * `far` away. */
static struct extent extent_of(const struct peaks *p, size_t i, float level, int64_t far)
{
	struct extent e = {i, i};
	for (size_t k = i; k-- > 0;) {
		if (p->s[i].pts - p->s[k].pts > far || p->s[e.a].pts - p->s[k].pts > REACH_GAP)
			break;
		if (p->score[k] > level && in_one_shot(p, i, k))
			e.a = k;
	}
	for (size_t k = i + 1; k < p->n; k++) {
		if (p->s[k].pts - p->s[i].pts > far || p->s[k].pts - p->s[e.b].pts > REACH_GAP)
			break;
		if (p->score[k] > level && in_one_shot(p, i, k))
			e.b = k;
	}
	return e;
}

/* Nothing near this burst is another one. */
static void take(struct peaks *p, struct extent e)
{
	int64_t from = p->s[e.a].pts - APART_LEAST, to = p->s[e.b].pts + APART_LEAST;
	size_t a = e.a, b = e.b;
	while (a > 0 && p->s[a - 1].pts >= from && in_one_shot(p, a - 1, a))
		a--;
	while (b + 1 < p->n && p->s[b + 1].pts <= to && in_one_shot(p, b, b + 1))
		b++;
	for (size_t k = a; k <= b; k++)
		p->score[k] = 0;
}

/* The best peak that is left; n if there is none. */
static size_t best(const struct peaks *p)
{
	size_t i = p->n;
	float most = 0;
	for (size_t k = 0; k < p->n; k++)
		if (p->score[k] >= p->stop && p->score[k] * p->worth[k] > most) {
			most = p->score[k] * p->worth[k];
			i = k;
		}
	return i;
}

/* Of the first sample of a burst, by its score. */
static double gain_of(float score)
{
	return 1 + (double)score / ((double)score + 100);
}

/* The least score of the burst whose peak is i. */
static float reach_of(const struct peaks *p, size_t i)
{
	return fmaxf(REACH_SHARE * p->score[i], p->stop / 2);
}

static void add_peak(struct peaks *p, size_t i)
{
	struct plan_view *v = p->v;
	float level = reach_of(p, i);
	float value = p->score[i] * p->worth[i];
	struct extent near = extent_of(p, i, level, p->far), whole = extent_of(p, i, level, INT64_MAX);
	bool first = p->worth[i] >= 1 && !v->moving;
	for (size_t k = whole.a; k <= whole.b; k++)
		p->worth[k] *= AGAIN;
	v->bursts[v->n_bursts++] = (struct plan_burst){
		.first = plan_bin(v, p->s[near.a].pts),
		.last = plan_bin(v, p->s[near.b].pts),
		.at = p->s[i].pts,
		.more = 0.04 * (double)value / ((double)value + 50),
		.gain = first ? gain_of(value) : 0.45 * (double)value / ((double)value + 50),
		.want = 1 + (size_t)((p->s[near.b].pts - p->s[near.a].pts) / p->dense)};
	take(p, near);
}

/* Whether the pictures from `from` on change so much, for so long, or so often
 * that scores do not show events. */
static bool is_moving(const struct plan_view *v, int64_t from)
{
	const struct video_index *x = v->x;
	size_t first = index_score_from(x, from), high = 0, wide = 0;
	for (size_t i = first; i < x->n_scores; i++) {
		high += x->scores[i].score > INDEX_SCORE_EVENT;
		wide += x->scores[i].score > INDEX_SCORE_EVENT && x->scores[i].share >= MOVING_SHARE * 255;
	}
	size_t n = x->n_scores - first, cuts = index_cut_after(x, v->to) - index_cut_after(x, from);
	return 2 * high > n && (2 * wide > high || (double)high > MOVING_TIME * (double)n ||
	                        (int64_t)cuts > (v->to - from) / MOVING_CUTS);
}

bool plan_find_peaks(struct plan_view *v, const struct plan *plan)
{
	size_t a = index_score_from(v->x, v->from);
	struct peaks p = {.v = v, .s = v->x->scores + a, .n = index_score_from(v->x, v->to) - a};
	if (!p.n)
		return false;
	AUTO(mem_freep) float *score = p.score = mem_alloc(p.n, sizeof *score);
	AUTO(mem_freep) float *worth = p.worth = mem_alloc(p.n, sizeof *worth);
	for (size_t i = 0; i < p.n; i++) {
		score[i] = p.s[i].score;
		worth[i] = 1;
	}

	int64_t from = v->from > AROUND ? v->from - AROUND : 0;
	float usual = index_score_median(v->x, index_score_from(v->x, from));
	int64_t step = (plan->to - plan->from) / plan->budget;
	v->moving = is_moving(v, from);
	p.stop = fmaxf(INDEX_SCORE_EVENT, MEDIAN_TIMES * usual);
	v->extra_gain = gain_of(CLEAR_TIMES * p.stop);
	p.dense = step / DENSE > DENSE_LEAST ? step / DENSE : DENSE_LEAST;
	p.far = step / 4 > FAR_LEAST ? step / 4 : FAR_LEAST;
	size_t most = v->n_bursts + v->budget + v->extra, i;
	v->bursts = mem_grow(v->bursts, most + 1, sizeof *v->bursts);
	while (v->n_bursts < most && (i = best(&p)) < p.n)
		add_peak(&p, i);
	/* Those that cannot get a sample. */
	for (size_t cap = 0; (i = best(&p)) < p.n;) {
		struct extent e = extent_of(&p, i, reach_of(&p, i), p.far);
		v->more = mem_room(v->more, v->n_more, &cap, sizeof *v->more);
		v->more[v->n_more++] =
			(struct plan_span){(int64_t)plan_bin(v, p.s[e.a].pts) * v->x->bin,
		                       (int64_t)(plan_bin(v, p.s[e.b].pts) + 1) * v->x->bin};
		take(&p, e);
	}
	return true;
}
