/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/times.h"

#include <stdlib.h>

#include "ask/scan.h"

enum { APART = 2 }; /* frames: one alone may be overlooked */

struct moments {
	struct ask_moment *items;
	size_t n;
};

static bool is_within(const struct moments *m, size_t source, int64_t t)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct ask_moment *o = &m->items[i];
		if (o->source == source && o->start <= t && t <= o->end)
			return true;
	}
	return false;
}

/* How many frames of an examined group lie between two times and in no moment:
 * a look at them named others, or none. */
static size_t count_without(const struct moments *m, size_t source, const struct ask_group *g,
                            int64_t from, int64_t until)
{
	size_t n = 0;
	for (size_t i = 0; i < g->n; i++)
		n += g->times[i] > from && g->times[i] < until && !is_within(m, source, g->times[i]);
	return n;
}

static bool is_apart(const struct asking *a, const struct moments *m, const struct ask_moment *x,
                     const struct ask_moment *y)
{
	const struct ask_source *s = &a->sources[x->source];
	if (x->source != y->source)
		return true;
	for (size_t i = 0; i < s->n_groups; i++) {
		const struct ask_group *g = &s->groups[i];
		bool within = g->times[0] > x->end && g->times[g->n - 1] < y->start;
		if (g->examined && scan_denies(g) && within)
			return true;
		if (g->examined && (scan_denies(g) || scan_shows(g)) &&
		    count_without(m, x->source, g, x->end, y->start) >= APART)
			return true;
	}
	return false;
}

static int by_place(const void *x, const void *y)
{
	const struct ask_moment *a = x, *b = y;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

void times_count(const struct asking *a, struct ask_moment *of, size_t n, struct ask_times *ret)
{
	const struct moments all = {.items = of, .n = n};
	const struct ask_moment *last[2] = {NULL, NULL}; /* sure, any */
	*ret = (struct ask_times){0};
	if (n)
		qsort(of, n, sizeof *of, by_place);
	for (size_t i = 0; i < n; i++) {
		bool sure = of[i].sure;
		if (sure && (!last[0] || is_apart(a, &all, last[0], &of[i])))
			ret->at_least++;
		else if (!sure && (!last[1] || is_apart(a, &all, last[1], &of[i])))
			ret->unsure++;
		last[0] = sure ? &of[i] : last[0];
		last[1] = &of[i];
	}
}
