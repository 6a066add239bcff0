/* SPDX-License-Identifier: Apache-2.0 */
/* Events that go on with each other over borders of chunks. */
#include <stdlib.h>

#include "subjects/look.h"
#include "subjects/subjects-internal.h"

/* While runs are made: of each event, how many events may go on with it, or it
 * with; and the most precise description up to it, as an event. */
struct making {
	const struct subject_event *events;
	size_t *after, *before, *precise;
};

static bool may_follow(const struct subject_event *events, const struct subject_follow *f)
{
	const struct subject_event *a = &events[f->earlier], *b = &events[f->later];
	return b->start >= a->end && !subjects_overlap(a, b) &&
	       look_agrees(a->description, b->description);
}

static bool is_more_precise(const char *a, const char *b)
{
	size_t x = look_precision(a), y = look_precision(b);
	return x != y ? x > y : look_is_vague(b) && !look_is_vague(a);
}

/* The later event goes on with the run of the earlier one, unless what is known
 * of that run from before excludes it. */
static void follow(struct subjects_index *x, struct making *m, const struct subject_follow *f)
{
	size_t known = m->precise[f->earlier];
	const char *was = m->events[known].description, *is = m->events[f->later].description;
	if (!look_agrees(was, is))
		return;
	x->next[f->earlier] = f->later;
	if (!is_more_precise(is, was))
		m->precise[f->later] = known;
}

static int by_earlier(const void *a, const void *b)
{
	const struct subject_follow *x = a, *y = b;
	return (x->earlier > y->earlier) - (x->earlier < y->earlier);
}

static void find_next(struct subjects_index *x, struct making *m,
                      const struct subject_follow *follows, size_t n)
{
	struct subject_follow *kept = mem_alloc(n + 1, sizeof *kept);
	size_t n_kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (!may_follow(m->events, &follows[i]))
			continue;
		kept[n_kept++] = follows[i];
		m->after[follows[i].earlier]++;
		m->before[follows[i].later]++;
	}
	/* an event goes on with an earlier one only, so what is known of that one
	 * is complete */
	qsort(kept, n_kept, sizeof *kept, by_earlier);
	for (size_t i = 0; i < n_kept; i++)
		if (m->after[kept[i].earlier] == 1 && m->before[kept[i].later] == 1)
			follow(x, m, &kept[i]);
	free(kept);
}

static int by_look(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	if (x->look != y->look)
		return x->look < y->look ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static void add_run(struct subjects_index *x, const struct making *m, size_t first)
{
	struct run *r = &x->runs[x->n_runs++];
	*r = (struct run){.first = first, .last = first, .span = x->events[first]};
	while (x->next[r->last] != SUBJECT_NONE) {
		r->last = x->next[r->last];
		int64_t end = x->events[r->last].end;
		r->span.end = end > r->span.end ? end : r->span.end;
	}
	r->look = x->look[m->precise[r->last]];
}

void subjects_set_runs(struct subjects_index *x, const struct subject_follow *follows,
                       size_t n_follows)
{
	size_t n = x->n_events;
	AUTO(mem_freep) size_t *after = mem_alloc(n + 1, sizeof *after);
	AUTO(mem_freep) size_t *before = mem_alloc(n + 1, sizeof *before);
	AUTO(mem_freep) size_t *precise = mem_alloc(n + 1, sizeof *precise);
	AUTO(mem_freep) bool *is_next = mem_alloc(n + 1, sizeof *is_next);
	struct making m = {x->events, after, before, precise};
	x->next = mem_alloc(n + 1, sizeof *x->next);
	x->runs = mem_alloc(n + 1, sizeof *x->runs);
	for (size_t i = 0; i < n; i++) {
		x->next[i] = SUBJECT_NONE;
		precise[i] = i;
	}
	find_next(x, &m, follows, n_follows);

	for (size_t i = 0; i < n; i++)
		if (x->next[i] != SUBJECT_NONE)
			is_next[x->next[i]] = true;
	for (size_t i = 0; i < n; i++)
		if (x->look[i] != SUBJECT_NONE && !is_next[i])
			add_run(x, &m, i);
	qsort(x->runs, x->n_runs, sizeof *x->runs, by_look);
	for (size_t i = 0; i < x->n_runs; i++) {
		struct look_class *c = &x->classes[x->runs[i].look];
		c->first_run = c->n_runs ? c->first_run : i;
		c->n_runs++;
	}
}
