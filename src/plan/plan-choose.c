/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "plan/plan-internal.h"

enum kind { BURST, SHOT, CHANGE, EVEN, FLOOR };

enum {
	NEAR_BITS = 3,   /* hashes of the same scene differ in at most this many bits */
	CHANGE_BITS = 8, /* hashes of different scenes differ in at least this many */
	ROUNDS = 8,      /* limit for replacing near duplicates */
};
#define APART INT64_C(80000)     /* minimum distance of samples: otherwise the same frame */
#define STRAY (3 * CLOCK_SECOND) /* search range for a replacement of a bad picture */
/* how far from a sample a similar picture may be, where nothing happens */
#define LIKE (5 * CLOCK_SECOND)
/* What changes the picture for less is left to the scores, which know rain and
 * changes of light (detect/detect.h). */
#define STAYS (30 * CLOCK_SECOND)
#define SCENE_FIRST 3.0 /* the gain that makes each shot take precedence */
/* of the times of even sampling: less than that of a burst, more than that of a
 * shot; if most pictures score high, the other way round */
#define GAIN_EVEN 0.95
#define GAIN_EVEN_MOVING 0.46

/* A reason for a sample. */
struct claim {
	double gain;
	uint32_t order; /* breaks ties without favoring any part of the video */
	enum kind kind;
	size_t ref;  /* burst, shot, key, or time of even sampling */
	size_t rank; /* number of samples that the same one has already */
};

struct pick {
	int64_t time;
	enum kind kind;
	size_t ref;
};

struct chooser {
	const struct plan_view *v;
	struct claim *claims;
	size_t n_claims, cap_claims;
	size_t *given;            /* per burst: number of samples that it gets now */
	size_t *most;             /* per burst: the maximum */
	bool *shot_off, *key_off; /* claims that gave up their sample */
	struct pick *picks;
	size_t n_picks;
	int64_t max_gap; /* now; see struct plan_view */
};

static uint32_t reverse_bits(uint32_t x)
{
	uint32_t r = 0;
	for (int i = 0; i < 32; i++, x >>= 1)
		r = r << 1 | (x & 1);
	return r;
}

static void add_claim(struct chooser *c, enum kind kind, size_t ref, size_t rank, double gain)
{
	c->claims = mem_room(c->claims, c->n_claims, &c->cap_claims, sizeof *c->claims);
	c->claims[c->n_claims++] = (struct claim){
		.gain = gain, .order = reverse_bits((uint32_t)ref), .kind = kind, .ref = ref, .rank = rank};
}

static void claim_bursts(struct chooser *c)
{
	for (size_t j = 0; j < c->v->n_bursts; j++) {
		const struct plan_burst *b = &c->v->bursts[j];
		for (size_t k = 0; k < b->want && k < c->v->budget; k++)
			add_claim(c, BURST, j, k, k ? b->more * 2 / (double)(k + 1) : b->gain);
		c->most[j] = b->want;
	}
}

static bool has_burst(const struct plan_view *v, int64_t a, int64_t b)
{
	size_t j = plan_burst_from(v, a);
	return j < v->n_bursts && (int64_t)v->bursts[j].first * v->x->bin < b;
}

static void claim_shots(struct chooser *c)
{
	const struct plan_view *v = c->v;
	bool scene = v->o->policy == PLAN_SCENE;
	for (size_t i = 0; v->n_shots > 1 && i < v->n_shots; i++)
		/* a sample of a burst also shows its shot */
		if (scene || !v->shots[i].shown)
			add_claim(c, SHOT, i, 0, scene ? SCENE_FIRST : v->shots[i].gain);
}

static void claim_even(struct chooser *c)
{
	for (size_t i = 0; i < c->v->n_even; i++)
		add_claim(c, EVEN, i, 0, c->v->moving ? GAIN_EVEN_MOVING : GAIN_EVEN);
}

static int bits_between(uint64_t a, uint64_t b)
{
	return __builtin_popcountll(a ^ b);
}

/* The usual number of bits by which a hash differs from the previous one: rain
 * or noise change it constantly. */
static int usual_bits(const struct plan_view *v)
{
	const struct index_key *keys = v->x->keys;
	size_t count[65] = {0}, n = 0, sum = 0, i = index_key_from(v->x, v->from);
	for (i++; i < v->x->n_keys && keys[i].pts < v->to; i++, n++)
		count[bits_between(keys[i - 1].hash, keys[i].hash)]++;
	for (int bits = 0; bits < 64; bits++)
		if ((sum += count[bits]) * 2 >= n)
			return bits;
	return 64;
}

/* Whether a picture differs from `before` for long: a later one differs as
 * much, and is similar to this one. What rain and noise change does not stay. */
static bool stays(const struct plan_view *v, size_t i, const struct index_key *before, int least)
{
	const struct index_key *keys = v->x->keys;
	size_t k = index_key_from(v->x, keys[i].pts + STAYS);
	if (k >= v->x->n_keys || keys[k].pts >= v->to)
		return false;
	return bits_between(before->hash, keys[k].hash) >= least &&
	       bits_between(keys[i].hash, keys[k].hash) < least / 2;
}

/* A picture that differs from those before it although no burst or cut was
 * detected: a slow change. */
static void claim_changes(struct chooser *c)
{
	const struct plan_view *v = c->v;
	const struct index_key *keys = v->x->keys, *before = NULL;
	int least = CHANGE_BITS + usual_bits(v) * 3 / 2;
	/* What changed at the end of the part before could not be judged there. */
	int64_t from = v->x->n_scores ? v->from - STAYS : v->from;
	for (size_t i = index_key_from(v->x, from); i < v->x->n_keys && keys[i].pts < v->to; i++) {
		if (plan_is_poor(v, keys[i].pts))
			continue;
		bool fresh = !before ||
		             index_cut_after(v->x, before->pts) != index_cut_after(v->x, keys[i].pts) ||
		             has_burst(v, before->pts, keys[i].pts);
		int bits = fresh ? 0 : bits_between(before->hash, keys[i].hash);
		bool other = bits >= least && keys[i].pts >= v->from &&
		             (!v->x->n_scores || stays(v, i, before, least));
		if (other)
			add_claim(c, CHANGE, i, 0, 0.1 + 0.4 * bits / 64);
		if (fresh || other)
			before = &keys[i];
	}
}

static int by_gain(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	if (x->gain > y->gain || x->gain < y->gain)
		return x->gain > y->gain ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int by_time(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->ref > y->ref) - (x->ref < y->ref);
}

/* The nearest time with a usable picture in the same shot; t itself if there is
 * none. */
static int64_t step_aside(const struct plan_view *v, int64_t t)
{
	if (!plan_is_poor(v, t))
		return t;
	size_t shot = index_cut_after(v->x, t);
	for (int64_t d = v->x->bin; d <= STRAY; d += v->x->bin)
		for (int side = 1; side >= -1; side -= 2) {
			int64_t s = (t + side * d) / v->x->bin * v->x->bin + v->x->bin / 2;
			if (s >= v->from && s < v->to && index_cut_after(v->x, s) == shot &&
			    !plan_is_poor(v, s))
				return s;
		}
	return t;
}

/* The i-th further sample, from 1 on, of a burst with k samples of which the
 * first is at its peak: the middles of k equal parts, without the one that is
 * nearest to the peak. */
static int64_t beside_peak(const struct plan_view *v, const struct plan_burst *b, size_t i,
                           size_t k)
{
	int64_t start = (int64_t)b->first * v->x->bin;
	int64_t end = (int64_t)(b->last + 1) * v->x->bin, nearest = 0;
	for (int64_t n = 1; n < (int64_t)k; n++)
		if (llabs(plan_even_time(start, end, (int64_t)k, n) - b->at) <
		    llabs(plan_even_time(start, end, (int64_t)k, nearest) - b->at))
			nearest = n;
	int64_t part = (int64_t)i - 1;
	return plan_even_time(start, end, (int64_t)k, part < nearest ? part : part + 1);
}

/* The i-th of k samples of a burst. A burst of one bin is a sudden change
 * somewhere in the bin: what changed is visible at its end, but perhaps not yet
 * in its middle. */
static int64_t burst_time(const struct plan_view *v, const struct plan_burst *b, size_t i, size_t k)
{
	int64_t bin = v->x->bin;
	if (b->at != PLAN_BY_MASS && i == 0)
		return b->at;
	if (b->at != PLAN_BY_MASS)
		return beside_peak(v, b, i, k);
	if (b->first == b->last && k == 1)
		return (int64_t)(b->last + 1) * bin;
	double goal = b->mass * (double)(2 * i + 1) / (double)(2 * k), sum = 0;
	for (size_t n = b->first; n <= b->last; n++) {
		double e = (double)v->excess[n];
		if (sum + e >= goal && e > 0)
			return (int64_t)n * bin + (int64_t)((double)bin * (goal - sum) / e);
		sum += e;
	}
	return (int64_t)(b->last + 1) * bin;
}

static void add_pick(struct chooser *c, int64_t t, enum kind kind, size_t ref)
{
	const struct plan_view *v = c->v;
	t = t < v->from ? v->from : t >= v->to ? v->to - 1 : t;
	c->picks[c->n_picks++] = (struct pick){step_aside(v, t), kind, ref};
}

/* The samples for the best `n` claims, in order of time, each at least the
 * minimum distance after the previous one. */
static void pick_best(struct chooser *c, size_t n)
{
	const struct plan_view *v = c->v;
	c->n_picks = 0;
	memset(c->given, 0, v->n_bursts * sizeof *c->given);
	for (size_t i = 0; i < n; i++) {
		const struct claim *m = &c->claims[i];
		if (m->kind == BURST && m->rank < c->most[m->ref])
			c->given[m->ref]++;
		else if (m->kind == SHOT && !c->shot_off[m->ref])
			add_pick(c,
			         v->shots[m->ref].start + (v->shots[m->ref].end - v->shots[m->ref].start) / 2,
			         SHOT, m->ref);
		else if (m->kind == CHANGE && !c->key_off[m->ref])
			add_pick(c, v->x->keys[m->ref].pts, CHANGE, m->ref);
		else if (m->kind == EVEN)
			add_pick(c, v->even[m->ref], EVEN, m->ref);
	}
	for (size_t j = 0; j < v->n_bursts; j++)
		for (size_t i = 0; i < c->given[j]; i++)
			add_pick(c, burst_time(v, &v->bursts[j], i, c->given[j]), BURST, j);
	qsort(c->picks, c->n_picks, sizeof *c->picks, by_time);
	int64_t apart = v->o->pairs ? 2 * PLAN_PAIR_GAP : APART;
	size_t kept = 0;
	for (size_t i = 0; i < c->n_picks; i++)
		if (!kept || c->picks[i].time - c->picks[kept - 1].time >= apart)
			c->picks[kept++] = c->picks[i];
	c->n_picks = kept;
}

static size_t fills_of(const struct chooser *c, int64_t gap)
{
	return gap > c->max_gap ? (size_t)((gap + c->max_gap - 1) / c->max_gap) - 1 : 0;
}

/* The number of samples, with those that fill the gaps between them. */
static size_t count_samples(const struct chooser *c)
{
	size_t n = c->n_picks;
	int64_t before = c->v->last;
	for (size_t i = 0; i <= c->n_picks; i++) {
		int64_t t = i < c->n_picks ? c->picks[i].time : c->v->to;
		n += fills_of(c, t - before);
		before = t;
	}
	return n ? n : 1;
}

/* Whether the best n claims, which are picked, fit into the budget. Clear
 * bursts may use some of what later parts will have. */
static bool fits(const struct chooser *c, size_t n)
{
	size_t extra = n && c->claims[n - 1].gain >= c->v->extra_gain ? c->v->extra : 0;
	return count_samples(c) <= c->v->budget + extra;
}

/* As many claims as the budget allows. */
static void fit_budget(struct chooser *c)
{
	size_t low = 0, high = c->n_claims;
	while (low < high) {
		size_t mid = low + (high - low + 1) / 2;
		pick_best(c, mid);
		if (fits(c, mid))
			low = mid;
		else
			high = mid - 1;
	}
	/* One more claim can move the samples of its burst, so the count is not
	 * strictly monotonic. */
	for (pick_best(c, low); low && !fits(c, low); pick_best(c, low))
		low--;
}

/* What is left of the budget makes the gaps shorter. */
static void tighten(struct chooser *c)
{
	int64_t low = c->v->gap_least, high = c->max_gap;
	while (high - low > CLOCK_SECOND / 100) {
		c->max_gap = low + (high - low) / 2;
		if (count_samples(c) <= c->v->budget)
			high = c->max_gap;
		else
			low = c->max_gap;
	}
	c->max_gap = low;
	if (count_samples(c) > c->v->budget)
		c->max_gap = high;
}

/* The key within the search range that is nearest to t. */
static const struct index_key *key_near(const struct plan_view *v, int64_t t, int64_t within)
{
	const struct index_key *best = NULL;
	size_t at = index_key_from(v->x, t);
	for (size_t i = at ? at - 1 : 0; i <= at && i < v->x->n_keys; i++) {
		const struct index_key *k = &v->x->keys[i];
		if (llabs(k->pts - t) <= within && k->pts >= v->from && k->pts < v->to &&
		    (!best || llabs(k->pts - t) < llabs(best->pts - t)))
			best = k;
	}
	return best;
}

/* A key that shows what is visible at t: in the same shot, with no activity in
 * between. */
static const struct index_key *key_like(const struct plan_view *v, int64_t t)
{
	const struct index_key *k = key_near(v, t, LIKE);
	if (!k || index_cut_after(v->x, k->pts) != index_cut_after(v->x, t))
		return NULL;
	int64_t a = k->pts < t ? k->pts : t, b = k->pts < t ? t : k->pts;
	return b - a > v->x->bin && has_burst(v, a, b) ? NULL : k;
}

static size_t shot_at(const struct plan_view *v, int64_t t)
{
	size_t low = 0, high = v->n_shots - 1;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->shots[mid].end > t)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* Whether a shot between two samples has no sample yet. Then the second sample
 * may show the earlier view again, after another view. */
static bool has_shot_between(const struct chooser *c, int64_t a, int64_t b)
{
	for (size_t i = shot_at(c->v, a) + 1; i < shot_at(c->v, b); i++)
		if (!c->shot_off[i])
			return true;
	return false;
}

/* Removes samples that show the same as the previous one. The first sample of a
 * burst is kept, because small objects do not affect a hash. Returns how many
 * were removed. */
static size_t drop_duplicates(struct chooser *c)
{
	const struct plan_view *v = c->v;
	size_t dropped = 0;
	for (size_t i = 1; i < c->n_picks; i++) {
		const struct pick *p = &c->picks[i];
		const struct index_key *a = key_like(v, p[-1].time), *b = key_like(v, p->time);
		if (!a || !b || bits_between(a->hash, b->hash) > NEAR_BITS)
			continue;
		if (p->kind == SHOT && has_shot_between(c, p[-1].time, p->time))
			continue;
		if (p->kind == EVEN)
			continue;
		if (p->kind == BURST &&
		    (c->given[p->ref] < 2 || p[-1].kind != BURST || p[-1].ref != p->ref))
			continue;
		if (p->kind == BURST)
			c->most[p->ref] = --c->given[p->ref];
		else
			*(p->kind == SHOT ? &c->shot_off[p->ref] : &c->key_off[p->ref]) = true;
		dropped++;
	}
	return dropped;
}

/* The best time for a sample that only fills a gap: a keyframe within `slack`
 * of t, which is cheap to decode. */
static int64_t settle(const struct plan_view *v, int64_t t, int64_t slack)
{
	const struct index_key *k = key_near(v, t, slack);
	if (k && !plan_is_poor(v, k->pts))
		return k->pts;
	int64_t s = step_aside(v, t);
	return llabs(s - t) <= slack ? s : t;
}

/* Samples planned before are kept, even if the last one is far from the end of
 * that part. */
static struct plan_sample fill_sample(const struct plan_view *v, int64_t t, int64_t slack)
{
	return (struct plan_sample){.time = t - slack > v->from ? settle(v, t, slack)
	                                    : t > v->from       ? t
	                                                        : v->from,
	                            .floor = true};
}

static struct plan_sample *finish(const struct chooser *c, size_t *ret_n)
{
	const struct plan_view *v = c->v;
	struct plan_sample *samples = mem_alloc(count_samples(c), sizeof *samples);
	size_t n = 0;
	int64_t before = v->last;
	for (size_t i = 0; i <= c->n_picks; i++) {
		int64_t t = i < c->n_picks ? c->picks[i].time : v->to, gap = t - before;
		int64_t fills = (int64_t)fills_of(c, gap), step = gap / (fills + 1) + 1;
		for (int64_t k = 1; k <= fills; k++)
			samples[n++] = fill_sample(v, before + gap * k / (fills + 1), (c->max_gap - step) / 2);
		if (i < c->n_picks)
			samples[n++] = (struct plan_sample){.time = t, .even = c->picks[i].kind == EVEN};
		before = t;
	}
	if (!n)
		samples[n++] = (struct plan_sample){
			.time = settle(v, v->from + (v->to - v->from) / 2, (v->to - v->from) / 4),
			.floor = true};
	*ret_n = n;
	return samples;
}

static void chooser_clear(struct chooser *c)
{
	free(c->claims);
	free(c->given);
	free(c->most);
	free(c->shot_off);
	free(c->key_off);
	free(c->picks);
}

struct plan_sample *plan_choose(const struct plan_view *v, size_t *ret_n, bool *ret_given)
{
	AUTO(chooser_clear)
	struct chooser c = {.v = v,
	                    .max_gap = v->gap_claimed,
	                    .given = mem_alloc(v->n_bursts + 1, sizeof *c.given),
	                    .most = mem_alloc(v->n_bursts + 1, sizeof *c.most),
	                    .shot_off = mem_alloc(v->n_shots + 1, 1),
	                    .key_off = mem_alloc(v->x->n_keys + 1, 1)};
	claim_bursts(&c);
	claim_shots(&c);
	claim_even(&c);
	claim_changes(&c);
	if (c.n_claims)
		qsort(c.claims, c.n_claims, sizeof *c.claims, by_gain);
	c.picks = mem_alloc(c.n_claims + 1, sizeof *c.picks);
	fit_budget(&c);
	for (int round = 0; round < ROUNDS && drop_duplicates(&c); round++)
		fit_budget(&c);
	tighten(&c);
	for (size_t j = 0; j < v->n_bursts; j++)
		ret_given[j] = c.given[j] > 0;
	return finish(&c, ret_n);
}
