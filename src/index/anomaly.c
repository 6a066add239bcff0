/* SPDX-License-Identifier: Apache-2.0 */
#include "index/anomaly.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"

/* The share of the picture (in 1/255) and the score of a foreign picture; light
 * and objects near the camera change less. */
enum { SHARE_LEAST = 102, SCORE_LEAST = 50 };
static const int64_t foreign_most = 60 * CLOCK_SECOND, foreign_break = CLOCK_SECOND;
/* A cut is that near to a foreign picture; pictures further apart than `blind`
 * show no cut. */
static const int64_t cut_near = CLOCK_SECOND / 2, blind = 2 * CLOCK_SECOND;
static const int64_t black_least = CLOCK_SECOND, frozen_least = 10 * CLOCK_SECOND;
/* A view is compared that long before and after a cut, and that long after. */
static const int64_t view_near = 2 * CLOCK_SECOND, view_far = 70 * CLOCK_SECOND;
enum { VIEW_BITS = 16 }; /* hashes of different views differ in as many bits */

struct list {
	struct index_anomaly *items;
	size_t n;
};

static void add(struct list *l, enum index_anomaly_kind kind, int64_t start, int64_t end)
{
	l->items = mem_grow(l->items, l->n + 1, sizeof *l->items);
	l->items[l->n++] = (struct index_anomaly){kind, start, end};
}

/* Whether most pictures are of a fixed camera. */
static bool is_fixed(const struct video_index *x)
{
	return x->n_scores && index_score_median(x, 0) <= INDEX_SCORE_EVENT;
}

static bool is_foreign(const struct index_score *s)
{
	return s->share >= SHARE_LEAST && s->score >= SCORE_LEAST;
}

/* Whether the picture changes at once near t, or at t in an interval of which
 * no picture is known; otherwise something came or went near the camera. */
static bool has_cut(const struct video_index *x, int64_t t)
{
	size_t i = index_cut_after(x, t - cut_near), k = index_score_from(x, t);
	bool cut = i < x->n_cuts && x->cuts[i].pts - x->cuts[i].uncertainty <= t + cut_near;
	return cut || (k && t - x->scores[k - 1].pts > blind);
}

/* Where a change between two pictures is: at the hard cut in (before, after],
 * otherwise at the later picture. Not every picture has a score or is kept. */
static int64_t change_between(const struct video_index *x, int64_t before, int64_t after)
{
	for (size_t i = index_cut_after(x, before); i < x->n_cuts && x->cuts[i].pts <= after; i++)
		if (x->cuts[i].kind == INDEX_CUT_HARD)
			return x->cuts[i].pts;
	return after;
}

/* Whether [start, end) is listed as black, except for its edges. */
static bool is_listed_black(const struct video_index *x, const struct list *l, int64_t start,
                            int64_t end)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].kind == ANOMALY_BLACK && start >= l->items[i].start - x->bin &&
		    end <= l->items[i].end + x->bin)
			return true;
	return false;
}

static void find_foreign(const struct video_index *x, struct list *l)
{
	for (size_t i = 0; i < x->n_scores; i++) {
		if (!is_foreign(&x->scores[i]))
			continue;
		size_t last = i;
		for (size_t k = i + 1; k < x->n_scores; k++) {
			if (x->scores[k].pts - x->scores[last].pts > foreign_break)
				break;
			if (is_foreign(&x->scores[k]))
				last = k;
		}
		int64_t start = x->scores[i].pts;
		int64_t end = last + 1 < x->n_scores ? x->scores[last + 1].pts : x->duration;
		bool cut = has_cut(x, start) || has_cut(x, end);
		start = change_between(x, i ? x->scores[i - 1].pts : -1, start);
		end = change_between(x, x->scores[last].pts, end);
		if (end - start <= foreign_most && cut && !is_listed_black(x, l, start, end))
			add(l, ANOMALY_FOREIGN, start, end);
		i = last;
	}
}

/* Where the pictures become black: from the bins, which are black as a whole,
 * to the pictures. */
static int64_t black_start(const struct video_index *x, int64_t start, int64_t end)
{
	size_t i = index_key_from(x, start - x->bin);
	while (i < x->n_keys && x->keys[i].pts < end && !(x->keys[i].flags & INDEX_BLACK))
		i++;
	if (i == x->n_keys || x->keys[i].pts >= end)
		return start;
	return change_between(x, i ? x->keys[i - 1].pts : -1, x->keys[i].pts);
}

static int64_t black_end(const struct video_index *x, int64_t start, int64_t end)
{
	size_t i = index_key_from(x, end + x->bin);
	while (i && x->keys[i - 1].pts >= start && !(x->keys[i - 1].flags & INDEX_BLACK))
		i--;
	if (!i || x->keys[i - 1].pts < start)
		return end;
	int64_t after = i < x->n_keys ? x->keys[i].pts : x->duration;
	return change_between(x, x->keys[i - 1].pts, after);
}

/* Runs of bins with a flag, at least that long. */
static void find_flag(const struct video_index *x, unsigned flag, int64_t least,
                      enum index_anomaly_kind kind, struct list *l)
{
	for (size_t i = 0; i < x->n_bins; i++) {
		size_t end = i;
		while (end < x->n_bins && x->flags[end] & flag)
			end++;
		int64_t until = (int64_t)end * x->bin < x->duration ? (int64_t)end * x->bin : x->duration;
		if (until - (int64_t)i * x->bin >= least)
			add(l, kind, (int64_t)i * x->bin, until);
		i = end;
	}
}

static size_t count_flag(const struct video_index *x, unsigned flag)
{
	size_t n = 0;
	for (size_t i = 0; i < x->n_bins; i++)
		n += (x->flags[i] & flag) != 0;
	return n;
}

/* The first picture not before t; NULL if there is none. */
static const struct index_key *key_at(const struct video_index *x, int64_t t)
{
	size_t i = index_key_from(x, t);
	return i < x->n_keys ? &x->keys[i] : NULL;
}

static bool differs(const struct index_key *a, const struct index_key *b)
{
	return a && b && __builtin_popcountll(a->hash ^ b->hash) >= VIEW_BITS;
}

/* Whether a foreign or black picture begins, is shown, or ends near t. */
static bool is_near_other(const struct list *l, int64_t t)
{
	for (size_t i = 0; i < l->n; i++)
		if (t >= l->items[i].start - view_near && t <= l->items[i].end + view_near)
			return true;
	return false;
}

/* A cut after which the earlier view does not come back. */
static void find_views(const struct video_index *x, struct list *l)
{
	int64_t last = INT64_MIN;
	for (size_t i = 0; i < x->n_cuts; i++) {
		int64_t t = x->cuts[i].pts;
		const struct index_key *before = key_at(x, t - x->cuts[i].uncertainty - view_near),
							   *after = key_at(x, x->cuts[i].end + view_near),
							   *later = key_at(x, x->cuts[i].end + view_far);
		if (t - view_near < last || !before || before->pts >= t || is_near_other(l, t))
			continue;
		if (differs(before, after) && differs(before, later) && !differs(after, later)) {
			add(l, ANOMALY_VIEW, t, t);
			last = t + view_far;
		}
	}
}

static int by_time(const void *a, const void *b)
{
	const struct index_anomaly *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

struct index_anomaly *index_anomalies(const struct video_index *x, size_t *ret_n)
{
	struct list l = {.items = mem_alloc(1, sizeof *l.items)};
	find_flag(x, INDEX_BLACK, black_least, ANOMALY_BLACK, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct index_anomaly *a = &l.items[i], was = *a;
		a->start = black_start(x, was.start, was.end);
		a->end = black_end(x, was.start, was.end);
	}
	if (is_fixed(x)) {
		find_foreign(x, &l);
		find_views(x, &l);
		/* A recording of a screen, or of slides, usually does not change. */
		if (count_flag(x, INDEX_FROZEN) * 4 < x->n_bins)
			find_flag(x, INDEX_FROZEN, frozen_least, ANOMALY_FROZEN, &l);
	}
	qsort(l.items, l.n, sizeof *l.items, by_time);
	*ret_n = l.n;
	return l.items;
}

const char *index_anomaly_name(enum index_anomaly_kind kind)
{
	static const char *const names[] = {"foreign", "black", "frozen", "view"};
	return kind < ANOMALY_KINDS ? names[kind] : "unknown";
}

const char *index_anomaly_text(enum index_anomaly_kind kind)
{
	static const char *const texts[] = {"another picture is cut in", "the picture is black",
	                                    "the picture does not change", "the view changes for good"};
	return kind < ANOMALY_KINDS ? texts[kind] : "unknown";
}

json_t *index_anomalies_json(const struct video_index *x)
{
	size_t n;
	AUTO(mem_freep) struct index_anomaly *all = index_anomalies(x, &n);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:f, s:f}", "kind", index_anomaly_name(all[i].kind), "text",
		                    index_anomaly_text(all[i].kind), "start", (double)all[i].start / 1e6,
		                    "end", (double)all[i].end / 1e6));
	return list;
}
