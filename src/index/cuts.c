/* SPDX-License-Identifier: Apache-2.0 */
#include "index/cuts.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "index/measure.h"

enum { WINDOW_LEAST = 2, WINDOW_MOST = 8 };

static const int64_t window = CLOCK_SECOND / 4; /* a cut is compared with frames this near */
static const int64_t flash = CLOCK_SECOND / 4;  /* what is shorter is a flash */
static const float step_least = 0.18f, score_least = 0.16f, change_least = 0.4f,
				   blend_least = 0.46f, share_least = 0.35f;

void cut_list_clear(struct cut_list *l)
{
	free(l->items);
	*l = (struct cut_list){0};
}

void cut_list_add(struct cut_list *l, const struct index_cut *c)
{
	l->items = mem_grow(l->items, l->n + 1, sizeof *l->items);
	l->items[l->n++] = *c;
}

static int compare(const void *a, const void *b)
{
	const struct index_cut *x = a, *y = b;
	return (x->pts > y->pts) - (x->pts < y->pts);
}

void cut_list_sort(struct cut_list *l)
{
	if (l->n)
		qsort(l->items, l->n, sizeof *l->items, compare);
}

bool signature_is_blank(const struct signature *s)
{
	return s->deviation <= 8 && (s->mean <= 24 || s->mean >= 235);
}

/* The frames, and the differences between them. */
struct film {
	const struct signature *s;
	size_t n;
	float *step; /* difference from the previous frame; 0 for the first */
	float *hard; /* score of a hard cut before this frame; 0 = none */
	bool exact;
};

static struct index_cut cut_at(const struct film *f, size_t i, enum index_cut_kind kind,
                               float score)
{
	int64_t gap = f->exact || !i ? 0 : f->s[i].pts - f->s[i - 1].pts;
	return (struct index_cut){.pts = f->s[i].pts,
	                          .end = f->s[i].pts,
	                          .uncertainty = gap,
	                          .kind = kind,
	                          .score = score > 1 ? 1 : score};
}

/* The largest step near i, without i itself. */
static float loudest_near(const struct film *f, size_t i)
{
	float most = 0;
	for (size_t k = 1; k <= WINDOW_MOST; k++) {
		bool before = i > k && (k <= WINDOW_LEAST || f->s[i].pts - f->s[i - k].pts <= window);
		bool after = i + k < f->n && (k <= WINDOW_LEAST || f->s[i + k].pts - f->s[i].pts <= window);
		if (before)
			most = fmaxf(most, f->step[i - k]);
		if (after)
			most = fmaxf(most, f->step[i + k]);
	}
	return most;
}

/* Whether the picture before i returns soon, or the picture at i was there
 * shortly before. */
static bool is_flash(const struct film *f, size_t i)
{
	float same = fminf(0.5f * f->step[i], 0.15f);
	for (size_t k = 1; i + k < f->n && f->s[i + k].pts - f->s[i].pts <= flash; k++)
		if (signature_difference(&f->s[i - 1], &f->s[i + k]).whole < same)
			return true;
	for (size_t k = 1; i > k && f->s[i].pts - f->s[i - 1 - k].pts <= flash; k++)
		if (signature_difference(&f->s[i - 1 - k], &f->s[i]).whole < same)
			return true;
	return false;
}

/* Whether the picture approaches a blank one for some time before i, as in a
 * fade or a wipe, so that the step to the blank picture is only its end. */
static bool ends_slowly(const struct film *f, size_t i)
{
	const struct signature *blank = &f->s[i];
	float most = 0, last = signature_distance(&f->s[i - 1], blank);
	if (!signature_is_blank(blank))
		return false;
	for (size_t k = 2;
	     k <= i && blank->pts - f->s[i - k].pts <= CLOCK_SECOND && f->hard[i - k + 1] == 0; k++)
		most = fmaxf(most, signature_distance(&f->s[i - k], blank));
	return last < 0.4f * most;
}

/* Whether nearly all of the picture moves before and after i, so that a large
 * step may only be a faster movement, or two frames that are further apart. */
static bool is_whip(const struct film *f, size_t i, float ratio)
{
	const float all = 0.7f, clear = 4.5f;
	return ratio < clear && i > 1 && i + 1 < f->n &&
	       signature_share(&f->s[i - 2], &f->s[i - 1]) > all &&
	       signature_share(&f->s[i], &f->s[i + 1]) > all;
}

/* Whether only a small part changes at i, and another one in the frames after
 * it: a wipe. */
static bool is_part(const struct film *f, size_t i)
{
	size_t after = i + 2 < f->n ? i + 2 : f->n - 1;
	float share = signature_share(&f->s[i - 1], &f->s[i]);
	return share < share_least && signature_share(&f->s[i], &f->s[after]) > share / 2;
}

static void find_hard(struct film *f)
{
	for (size_t i = 1; i < f->n; i++) {
		if (f->step[i] < step_least)
			continue;
		float ratio = f->step[i] / (loudest_near(f, i) + 0.02f), square = ratio * ratio;
		float score = f->step[i] * square / (square + 4);
		bool blank = signature_is_blank(&f->s[i]) || signature_is_blank(&f->s[i - 1]);
		if (score < score_least ||
		    (!blank && signature_change(&f->s[i - 1], &f->s[i]) < change_least))
			continue;
		if (!is_flash(f, i) && !ends_slowly(f, i) && !is_part(f, i) && !is_whip(f, i, ratio))
			f->hard[i] = 0.5f + score;
	}
}

/* The frame at which a fade is complete, from frame i on in one direction (1 or
 * -1): where the distance to the blank frame `from` stops growing. */
static size_t fade_end(const struct film *f, size_t from, size_t i, int direction)
{
	const int64_t longest = 4 * CLOCK_SECOND;
	size_t end = i;
	float most = signature_distance(&f->s[from], &f->s[i]);
	for (size_t k = i + (size_t)direction; k < f->n && llabs(f->s[k].pts - f->s[i].pts) <= longest;
	     k += (size_t)direction) {
		float d = signature_distance(&f->s[from], &f->s[k]);
		if (d < most + 0.3f || f->hard[direction > 0 ? k : k + 1] > 0)
			break;
		most = d;
		end = k;
	}
	return end;
}

/* The last frame of the shot before the blank frames that begin at `blank`: if
 * it does not fade out, the one before them. */
static size_t fade_start(const struct film *f, size_t blank)
{
	if (!blank || f->hard[blank] > 0)
		return blank;
	size_t start = fade_end(f, blank, blank - 1, -1);
	return f->s[blank].pts - f->s[start].pts >= flash / 4 ? start : blank;
}

/* `run` blank frames end before frame i, which is brighter or darker. */
static void find_fade(struct film *f, size_t i, size_t run, struct cut_list *out)
{
	size_t blank = i - run, start = fade_start(f, blank), end = fade_end(f, i - 1, i, 1);
	bool fades_out = start < blank;
	if (end == i && !fades_out)
		return;
	/* The same picture again, soon: a flash, or a dark moment. */
	if (start && f->s[end].pts - f->s[start].pts <= CLOCK_SECOND &&
	    signature_difference(&f->s[start - !fades_out], &f->s[end]).whole < 0.15f)
		return;

	struct index_cut c = cut_at(f, fades_out ? start + 1 : i, INDEX_CUT_FADE, 0.9f);
	c.end = f->s[end].pts;
	cut_list_add(out, &c);
}

static void find_fades(struct film *f, bool at_start, struct cut_list *out)
{
	size_t run = 0; /* number of blank frames up to here */
	for (size_t i = 0; i < f->n; i++) {
		if (signature_is_blank(&f->s[i])) {
			run++;
			continue;
		}
		bool whole = run && (run < i || !at_start);
		/* A few black frames that look like a flash are not a fade. */
		if (whole && f->hard[i] == 0 && f->s[i].pts - f->s[i - run].pts >= flash / 4 &&
		    f->step[i] < 0.5f)
			find_fade(f, i, run, out);
		run = 0;
	}
}

/* The candidate a…b for a dissolve. */
struct blend {
	size_t a, b;
	float score;
};

enum { POINTS = 7 };

/* Whether the picture becomes blank between a and shortly after b: a fade, or a
 * wipe to a color. */
static bool becomes_blank(const struct film *f, size_t a, size_t b)
{
	for (size_t i = a; i < f->n && (i <= b || f->s[i].pts - f->s[b].pts <= CLOCK_SECOND); i++)
		if (signature_is_blank(&f->s[i]))
			return true;
	return false;
}

/* How well a…b fits a dissolve: 0 if not at all. */
static float blend_score(const struct film *f, size_t a, size_t b)
{
	const struct signature *s = f->s;
	float rest = 0, bend = 0;
	int n = 0;

	/* Checks a few points first: most candidates fail at once. */
	static const int order[POINTS] = {4, 2, 6, 1, 3, 5, 7};
	size_t last = a;
	for (int k = 0; k < POINTS; k++) {
		size_t m = a + (b - a) * (size_t)order[k] / (POINTS + 1);
		if (m <= a || m >= b || m == last)
			continue;
		float x, share = (float)(s[m].pts - s[a].pts) / (float)(s[b].pts - s[a].pts);
		float r = signature_mixture(&s[a], &s[b], &s[m], &x), off = fabsf(x - share);
		if (r > 0.5f || off > 0.3f)
			return 0;
		rest += r;
		bend += off;
		n++;
		last = m;
	}

	if (n < 3 || rest > 0.32f * (float)n || bend > 0.15f * (float)n)
		return 0;
	float whole = signature_difference(&s[a], &s[b]).whole;
	for (size_t i = a + 1; i <= b; i++)
		if (f->hard[i] > 0 || f->step[i] > 0.6f * whole)
			return 0;

	float score = whole * (1 - rest / (float)n) * (1 - bend / (float)n);
	return score < blend_least ? 0 : score;
}

/* The best range is inside the dissolve. Extends it by up to a third on each
 * side, while the mixture changes at least half as fast. */
static struct blend whole_blend(const struct film *f, struct blend x)
{
	size_t a = x.a, b = x.b, most = (b - a) / 3;
	float share;
	for (size_t k = 1; k <= most && k <= a && f->hard[a - k + 1] == 0; k++) {
		signature_mixture(&f->s[a - k], &f->s[b], &f->s[a], &share);
		if (share < 0.5f * (float)k / (float)(b - a + k))
			break;
		x.a = a - k;
	}
	for (size_t k = 1; k <= most && b + k < f->n && f->hard[b + k] == 0; k++) {
		signature_mixture(&f->s[a], &f->s[b + k], &f->s[b], &share);
		if (1 - share < 0.5f * (float)k / (float)(b - a + k))
			break;
		x.b = b + k;
	}
	return x;
}

static void find_dissolves(const struct film *f, struct cut_list *out)
{
	static const int64_t lengths[] = {240000, 360000, 540000, 800000, 1200000, 1800000, 2600000};
	struct blend *found = mem_alloc(f->n, sizeof *found);

	for (size_t a = 0; a < f->n; a++) {
		size_t b = a;
		if (signature_is_blank(&f->s[a]))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
			while (b < f->n && f->s[b].pts - f->s[a].pts < lengths[k])
				b++;
			if (b == f->n)
				break;
			if (b - a < 4 || signature_distance(&f->s[a], &f->s[b]) < 6)
				continue;
			float score = blend_score(f, a, b);
			if (score > found[a].score && !becomes_blank(f, a, b))
				found[a] = (struct blend){a, b, score};
		}
	}

	/* Keeps the best of those that overlap. */
	for (;;) {
		size_t best = 0;
		for (size_t i = 1; i < f->n; i++)
			if (found[i].score > found[best].score)
				best = i;
		struct blend x = found[best];
		if (x.score <= 0)
			break;
		x = whole_blend(f, x);
		struct index_cut c = cut_at(f, x.a + 1, INDEX_CUT_DISSOLVE, 0.4f + x.score);
		c.end = f->s[x.b].pts;
		cut_list_add(out, &c);
		for (size_t i = 0; i < f->n; i++)
			if (found[i].score > 0 && found[i].a <= x.b && found[i].b >= x.a)
				found[i].score = 0;
	}

	free(found);
}

void cuts_find(const struct signature *s, size_t n, bool exact, bool at_start, struct cut_list *out)
{
	if (n < 2)
		return;
	struct film f = {.s = s, .n = n, .exact = exact};
	AUTO(mem_freep) float *step = f.step = mem_alloc(n, sizeof *step);
	AUTO(mem_freep) float *hard = f.hard = mem_alloc(n, sizeof *hard);
	struct cut_list own = {0};
	for (size_t i = 1; i < n; i++)
		step[i] = signature_difference(&s[i - 1], &s[i]).whole;
	find_hard(&f);
	find_fades(&f, at_start, &own);
	find_dissolves(&f, &own);
	for (size_t i = 1; i < n; i++) {
		struct index_cut c = cut_at(&f, i, INDEX_CUT_HARD, hard[i]);
		if (hard[i] > 0)
			cut_list_add(&own, &c);
	}
	cut_list_sort(&own);
	for (size_t i = 0; i < own.n; i++)
		cut_list_add(out, &own.items[i]);
	cut_list_clear(&own);
}
