/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "plan/plan-internal.h"

enum { MAX_CHUNKS = 200000 };

/* The plan of a part ends at a cut or a quiet moment whose distance from the
 * end of the part is between these limits, because what follows is planned
 * better with its surroundings. */
static const int64_t margin_most = 90 * CLOCK_SECOND, margin_least = 30 * CLOCK_SECOND;
/* The same where pictures were scored, because a score does not depend on what
 * follows. */
static const int64_t margin_scored_most = 20 * CLOCK_SECOND, margin_scored_least = 5 * CLOCK_SECOND;

const char *const plan_policy_name[PLAN_POLICIES] = {"even", "keyframe", "adaptive", "scene"};

static void fill_chunk(struct plan_chunk *c, int64_t start, int64_t end, int64_t frames)
{
	int64_t n = frames < end - start ? frames : end - start;
	*c = (struct plan_chunk){.start = start,
	                         .end = end,
	                         .times = mem_alloc((size_t)n, sizeof *c->times),
	                         .n_times = (size_t)n};
	for (int64_t k = 0; k < n; k++)
		c->times[k] = plan_even_time(start, end, n, k);
}

static int64_t plan_end(const struct plan_options *o, int64_t duration)
{
	return o->to && o->to < duration ? o->to : duration;
}

static int count_chunks(const struct plan_options *o, int64_t length, int64_t *ret, struct err *err)
{
	int64_t n = (length + o->chunk_duration - 1) / o->chunk_duration;
	if (n > 1 && length - (n - 1) * o->chunk_duration < o->chunk_duration / 4)
		n--;
	if (n > MAX_CHUNKS)
		return err_set(err, ERR_LIMIT,
		               "%" PRId64 " chunks; at most %d are allowed; increase --chunk-duration", n,
		               MAX_CHUNKS);
	*ret = n;
	return 0;
}

static bool in_gap(const struct plan_options *o, int64_t t)
{
	for (size_t i = 0; i < o->n_gaps; i++)
		if (t > o->gaps[i].start && t < o->gaps[i].end)
			return true;
	return false;
}

/* Removes samples in gaps, and chunks that have no sample left, from number
 * `first` on; one chunk is always kept. */
static void skip_gaps(struct plan *p, const struct plan_options *o, size_t first)
{
	size_t kept = first;
	for (size_t i = first; i < p->n_chunks && o->n_gaps; i++) {
		struct plan_chunk c = p->chunks[i];
		size_t n = 0;
		for (size_t k = 0; k < c.n_times; k++)
			n += !in_gap(o, c.times[k]);
		if (!n && (kept || i + 1 < p->n_chunks)) {
			free(c.times);
			continue;
		}
		for (size_t k = 0, at = 0; k < c.n_times && n; k++)
			if (!in_gap(o, c.times[k]))
				c.times[at++] = c.times[k];
		c.n_times = n ? n : c.n_times;
		p->chunks[kept++] = c;
	}
	p->n_chunks = o->n_gaps ? kept : p->n_chunks;
}

void plan_add_even(struct plan *p, const struct plan_options *o)
{
	struct err ignored;
	int64_t n = 1, from = p->until;
	size_t first = p->n_chunks;
	count_chunks(o, p->to - from, &n, &ignored);
	p->chunks = mem_grow(p->chunks, p->n_chunks + (size_t)n, sizeof *p->chunks);
	for (int64_t i = 0; i < n; i++) {
		int64_t start = from + i * o->chunk_duration, overlap = i ? o->chunk_overlap : 0;
		fill_chunk(&p->chunks[p->n_chunks++], start - overlap > p->from ? start - overlap : p->from,
		           i + 1 < n ? from + (i + 1) * o->chunk_duration : p->to, o->chunk_frames);
	}
	p->until = p->to;
	skip_gaps(p, o, first);
	p->samples = plan_count_samples(p);
}

static void snap(struct plan_chunk *c, const int64_t *times, size_t n)
{
	size_t kept = 0, k = 0;
	for (size_t i = 0; i < c->n_times; i++) {
		while (k + 1 < n && (times[k] < c->start ||
		                     (times[k + 1] < c->end &&
		                      llabs(times[k + 1] - c->times[i]) <= llabs(times[k] - c->times[i]))))
			k++;
		bool within = k < n && times[k] >= c->start && times[k] < c->end;
		int64_t t = within ? times[k] : c->times[i];
		if (!kept || t > c->times[kept - 1])
			c->times[kept++] = t;
	}
	c->n_times = kept;
}

void plan_snap(struct plan *p, const int64_t *times, size_t n)
{
	for (size_t i = 0; i < p->n_chunks; i++)
		snap(&p->chunks[i], times, n);
	p->samples = plan_count_samples(p);
}

/* How many samples the plan may have used at t: the share of the budget up to
 * t, including what was not used before. */
static size_t budget_until(const struct plan *p, const struct plan_options *o, int64_t t)
{
	int64_t all = o->pairs && p->budget > 1 ? p->budget / 2 : p->budget;
	return (size_t)((__int128)all * (t - p->from) / (p->to - p->from));
}

/* How many samples of the time after t may be used before, if many things
 * happen there: at most a chunk's, and half of what is left. */
static size_t loan_until(const struct plan *p, const struct plan_options *o, int64_t t)
{
	size_t left = (budget_until(p, o, p->to) - budget_until(p, o, t)) / 2;
	size_t most = (size_t)(o->pairs ? o->chunk_frames / 2 : o->chunk_frames);
	return left < most ? left : most;
}

/* The first added chunk overlaps the previous one, and repeats its last
 * samples. */
static void overlap(struct plan *p, const struct plan_options *o, size_t first)
{
	struct plan_chunk *c = &p->chunks[first];
	const struct plan_chunk *before = c - 1;
	size_t again = ((size_t)o->chunk_frames + 3) / 4, n = 0;
	int64_t most = (c->start - before->start) / 2;
	c->start -= o->chunk_overlap < most ? o->chunk_overlap : most;
	while (n < again && n < before->n_times && before->times[before->n_times - 1 - n] >= c->start)
		n++;
	if (!n || c->n_times + n > (size_t)o->chunk_frames)
		return;
	int64_t *times = mem_alloc(c->n_times + n, sizeof *times);
	memcpy(times, before->times + before->n_times - n, n * sizeof *times);
	memcpy(times + n, c->times, c->n_times * sizeof *times);
	free(c->times);
	c->times = times;
	c->n_times += n;
}

/* ---- bursts without a sample */

static bool has_sample(const struct plan_sample *s, size_t n, struct plan_span span)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (s[mid].time < span.start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && s[low].time <= span.end;
}

static void add_missed(struct plan *p, struct plan_span span)
{
	if (p->n_missed == PLAN_MISSED_MOST)
		return;
	p->missed = mem_grow(p->missed, p->n_missed + 1, sizeof *p->missed);
	p->missed[p->n_missed++] = span;
}

static int by_start(const void *a, const void *b)
{
	const struct plan_span *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* Counts the bursts of a stretch with the n samples that were chosen for it. */
static void count_bursts(struct plan *p, const struct plan_view *v, const struct plan_sample *s,
                         size_t n, const bool *given)
{
	size_t first = p->n_missed;
	p->bursts += v->n_bursts + v->n_more;
	for (size_t i = 0; i < v->n_bursts + v->n_more; i++) {
		bool more = i >= v->n_bursts;
		const struct plan_burst *b = &v->bursts[i];
		struct plan_span span = more ? v->more[i - v->n_bursts]
		                             : (struct plan_span){(int64_t)b->first * v->x->bin,
		                                                  (int64_t)(b->last + 1) * v->x->bin};
		if ((!more && given[i]) || has_sample(s, n, span))
			p->seen++;
		else if (!v->moving)
			add_missed(p, span);
	}
	if (p->n_missed > first)
		qsort(p->missed + first, p->n_missed - first, sizeof *p->missed, by_start);
}

static void add_stretch(struct plan *p, const struct plan_options *o, const struct video_index *x,
                        int64_t to)
{
	size_t n, first = p->n_chunks, allowed = budget_until(p, o, to);
	size_t budget = allowed > p->spent ? allowed - p->spent : 1;
	AUTO(plan_view_freep)
	struct plan_view *v = plan_view_new(o, x, p, p->until, to, budget, loan_until(p, o, to));
	AUTO(mem_freep) bool *given = mem_alloc(v->n_bursts, sizeof *given);
	AUTO(mem_freep) struct plan_sample *samples = plan_choose(v, &n, given);
	for (size_t i = 0; i < n; i++) {
		p->floor += samples[i].floor;
		p->even += samples[i].even;
	}
	p->spent += n;
	count_bursts(p, v, samples, n, given);
	p->shots += first ? v->n_shots - 1 : v->n_shots;
	plan_cut(v, samples, n, p);
	if (first && o->chunk_overlap)
		overlap(p, o, first);
	skip_gaps(p, o, first);
	p->until = to;
}

/* The time up to which the index is sufficient for a plan; p->until if it is
 * not. */
static int64_t plannable(const struct plan *p, const struct plan_options *o,
                         const struct video_index *x)
{
	int64_t end = x->n_parts ? x->parts[x->n_parts - 1] : x->duration;
	int64_t most = x->n_scores ? margin_scored_most : margin_most;
	int64_t least = x->n_scores ? margin_scored_least : margin_least;
	if (end >= x->duration || end - least >= p->to)
		return p->to;
	if (end - most <= p->until)
		return p->until;
	AUTO(plan_view_freep)
	struct plan_view *v = plan_view_new(o, x, p, p->until, end < p->to ? end : p->to, 1, 0);
	return plan_quiet_between(v, end - most, end - least);
}

void plan_add(struct plan *p, const struct plan_options *o, const struct video_index *index)
{
	size_t parts = index->n_parts ? index->n_parts : 1;
	for (; p->parts < parts && p->until < p->to; p->parts++) {
		const struct video_index x = video_index_first(index, p->parts + 1);
		int64_t to = x.n_bins ? plannable(p, o, &x) : p->until;
		if (to > p->until)
			add_stretch(p, o, &x, to);
	}
	p->samples = plan_count_samples(p);
}

size_t plan_count_samples(const struct plan *p)
{
	size_t n = 0;
	int64_t last = -1;
	for (size_t i = 0; i < p->n_chunks; i++)
		for (size_t k = 0; k < p->chunks[i].n_times; k++)
			if (p->chunks[i].times[k] > last) {
				last = p->chunks[i].times[k];
				n++;
			}
	return n;
}

static int check_chunks(const struct plan_options *o, struct err *err)
{
	char text[2][CLOCK_TEXT_MAX];
	if (o->chunk_min > o->chunk_duration)
		return err_set(err, ERR_ARG, "--chunk-min %s is more than --chunk-duration %s",
		               clock_text(o->chunk_min, text[0]), clock_text(o->chunk_duration, text[1]));
	if (o->chunk_max && o->chunk_max < o->chunk_duration)
		return err_set(err, ERR_ARG, "--chunk-max %s is less than --chunk-duration %s",
		               clock_text(o->chunk_max, text[0]), clock_text(o->chunk_duration, text[1]));
	if (o->chunk_overlap >= o->chunk_duration)
		return err_set(err, ERR_ARG, "--chunk-overlap %s is not less than --chunk-duration %s",
		               clock_text(o->chunk_overlap, text[0]),
		               clock_text(o->chunk_duration, text[1]));
	if (o->pairs && o->chunk_frames < 2)
		return err_set(err, ERR_ARG, "--sample-pairs needs --chunk-frames 2 or more");
	return 0;
}

int plan_check(const struct plan_options *o, int64_t duration, struct err *err)
{
	char text[2][CLOCK_TEXT_MAX];
	int64_t to = plan_end(o, duration), n;
	if (o->from >= duration)
		return err_set(err, ERR_ARG, "--from %s is after the end of the video (%s)",
		               clock_text(o->from, text[0]), clock_text(duration, text[1]));
	if (o->from >= to)
		return err_set(err, ERR_ARG, "--from %s is not before --to %s",
		               clock_text(o->from, text[0]), clock_text(to, text[1]));
	int r = check_chunks(o, err);
	return r < 0 ? r : count_chunks(o, to - o->from, &n, err);
}

struct plan *plan_new(const struct plan_options *o, int64_t duration)
{
	int64_t to = plan_end(o, duration), n = 1;
	struct err ignored;
	count_chunks(o, to - o->from, &n, &ignored);
	struct plan *p = mem_alloc(1, sizeof *p);
	*p = (struct plan){.duration = duration,
	                   .from = o->from,
	                   .to = to,
	                   .until = o->from,
	                   .policy = o->policy,
	                   .budget = n * o->chunk_frames};
	return p;
}

int plan_make(const struct plan_options *o, int64_t duration, const struct video_index *index,
              struct plan **ret, struct err *err)
{
	int r = plan_check(o, duration, err);
	if (r < 0)
		return r;
	bool known = index && index->bin > 0 && index->n_bins > 0 && index->activity;
	struct plan *p = plan_new(o, duration);
	if (known && (o->policy == PLAN_ADAPTIVE || o->policy == PLAN_SCENE))
		plan_add(p, o, index);
	else
		plan_add_even(p, o);
	*ret = p;
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_chunks; i++)
		free(p->chunks[i].times);
	free(p->chunks);
	free(p->missed);
	free(p);
}

size_t plan_expected(const struct plan *p, int64_t each)
{
	enum { ASSUMED = 4 }; /* chunks of that length, beside those that there are */
	if (p->until >= p->to)
		return p->n_chunks;
	double known = (double)(p->until - p->from) + ASSUMED * (double)each,
		   more = (double)(p->to - p->until) * (double)(p->n_chunks + ASSUMED) / known;
	return p->n_chunks + (more < 1 ? 1 : (size_t)(more + 0.5));
}
