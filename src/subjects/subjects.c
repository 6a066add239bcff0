/* SPDX-License-Identifier: Apache-2.0 */
#include "subjects/subjects.h"

#include <stdlib.h>
#include <string.h>

#include "subjects/look.h"
#include "subjects/subjects-internal.h"

enum { TRIES = 2 * SUBJECT_POSSIBLE_MAX };

/* ---- looks */

struct keyed {
	char *key;
	size_t event;
};

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int c = strcmp(x->key, y->key);
	return c ? c : (x->event > y->event) - (x->event < y->event);
}

static int by_cite(const void *a, const void *b)
{
	const struct cited *x = a, *y = b;
	if (x->pts != y->pts)
		return x->pts < y->pts ? -1 : 1;
	if (x->look != y->look)
		return x->look < y->look ? -1 : 1;
	return (x->event > y->event) - (x->event < y->event);
}

static void index_frames(struct subjects_index *x)
{
	size_t n = 0;
	for (size_t i = 0; i < x->n_events; i++)
		n += x->events[i].n_frames;
	x->cited = mem_alloc(n + 1, sizeof *x->cited);
	for (size_t i = 0; i < x->n_events; i++)
		for (size_t k = 0; x->look[i] != SUBJECT_NONE && k < x->events[i].n_frames; k++)
			x->cited[x->n_cited++] = (struct cited){x->events[i].frames[k], x->look[i], i};
	qsort(x->cited, x->n_cited, sizeof *x->cited, by_cite);
}

/* Sorts the events into classes of one look each. */
static struct subjects_index *new_index(const struct subject_event *events, size_t n)
{
	struct subjects_index *x = mem_alloc(1, sizeof *x);
	AUTO(mem_freep) struct keyed *keyed = mem_alloc(n + 1, sizeof *keyed);
	size_t m = 0;
	*x = (struct subjects_index){.events = events,
	                             .n_events = n,
	                             .classes = mem_alloc(n + 1, sizeof *x->classes),
	                             .look = mem_alloc(n + 1, sizeof *x->look),
	                             .sorted = mem_alloc(n + 1, sizeof *x->sorted)};
	for (size_t i = 0; i < n; i++) {
		char *key = look_key(events[i].description);
		x->look[i] = SUBJECT_NONE;
		if (*key)
			keyed[m++] = (struct keyed){key, i};
		else
			free(key);
	}
	qsort(keyed, m, sizeof *keyed, by_key);
	for (size_t i = 0; i < m; i++) {
		struct look_class *c = &x->classes[x->n_classes];
		if (i && strcmp(keyed[i].key, c[-1].key) == 0) {
			free(keyed[i].key);
			c--;
		} else {
			*c = (struct look_class){.key = keyed[i].key, .first = i};
			x->n_classes++;
		}
		c->n++;
		x->sorted[i] = keyed[i].event;
		x->look[keyed[i].event] = (size_t)(c - x->classes);
	}
	index_frames(x);
	return x;
}

static int by_class(const void *key, const void *item)
{
	return strcmp(key, ((const struct look_class *)item)->key);
}

size_t subjects_look(const struct subjects *s, const char *description)
{
	AUTO(mem_freep) char *key = look_key(description);
	const struct look_class *c =
		bsearch(key, s->index->classes, s->index->n_classes, sizeof *s->index->classes, by_class);
	return c ? (size_t)(c - s->index->classes) : SUBJECT_NONE;
}

/* ---- subjects of one look */

size_t subjects_add(struct subjects *s, size_t look)
{
	s->all = mem_room(s->all, s->n, &s->cap, sizeof *s->all);
	s->all[s->n] = (struct subject){.look = look, .merged = SUBJECT_NONE};
	if (look != SUBJECT_NONE) {
		struct look_class *c = &s->index->classes[look];
		c->subjects = mem_room(c->subjects, c->n_subjects, &c->cap, sizeof *c->subjects);
		c->subjects[c->n_subjects++] = s->n;
	}
	return s->n++;
}

void subjects_give(struct subjects *s, size_t subject, size_t event)
{
	struct subject *to = &s->all[subject];
	to->events = mem_room(to->events, to->n_events, &to->cap, sizeof *to->events);
	to->events[to->n_events++] = event;
	s->of[event] = subject;
}

/* What is known of a class while its runs are given away, in order. */
struct walk {
	size_t look;
	int64_t end; /* of all runs so far */
	const struct run *last;
};

/* Whether run k of a class overlaps another one of it. */
static bool is_crowded(const struct subjects *s, const struct walk *w, size_t k)
{
	const struct look_class *c = &s->index->classes[w->look];
	const struct run *r = &s->index->runs[c->first_run + k];
	if (w->last && (w->end > r->span.start || subjects_overlap(&w->last->span, &r->span)))
		return true;
	return k + 1 < c->n_runs && subjects_overlap(&r->span, &r[1].span);
}

/* The run is about somebody that may be one of those before it. */
static void link_earlier(struct subjects *s, const struct look_class *c, size_t subject,
                         const struct run *r)
{
	for (size_t i = 0; i < c->n_subjects && c->subjects[i] != subject; i++) {
		const struct subject *other = &s->all[c->subjects[i]];
		s->steps++;
		if (i == TRIES) {
			s->all[subject].more = true;
			return;
		}
		/* its events are in order and do not overlap */
		const struct subject_event *last = &s->index->events[other->events[other->n_events - 1]];
		if (!subjects_overlap(last, &r->span) && last->end <= r->span.start &&
		    !subjects_link(s, subject, c->subjects[i]))
			return;
	}
}

static void give_run(struct subjects *s, size_t subject, const struct run *r)
{
	for (size_t i = r->first; i != SUBJECT_NONE; i = s->index->next[i])
		subjects_give(s, subject, i);
}

static void give_away(struct subjects *s, struct walk *w, size_t k)
{
	const struct look_class *c = &s->index->classes[w->look];
	const struct run *r = &s->index->runs[c->first_run + k];
	s->steps++;
	if (c->n_subjects == 1 && !is_crowded(s, w, k)) {
		give_run(s, c->subjects[0], r);
	} else {
		size_t subject = subjects_add(s, w->look);
		give_run(s, subject, r);
		link_earlier(s, &s->index->classes[w->look], subject, r);
	}
	w->end = w->last && w->end > r->span.end ? w->end : r->span.end;
	w->last = r;
}

/* ---- order */

static int by_first(const void *a, const void *b)
{
	const struct subject *x = a, *y = b;
	return (x->events[0] > y->events[0]) - (x->events[0] < y->events[0]);
}

/* Subjects were made class by class; puts them in order of their first events. */
static void sort_subjects(struct subjects *s)
{
	AUTO(mem_freep) size_t *to = mem_alloc(s->n + 1, sizeof *to);
	AUTO(mem_freep) size_t *events = mem_alloc(s->n + 1, sizeof *events);
	for (size_t i = 0; i < s->n; i++)
		events[i] = s->all[i].events[0]; /* says which it was */
	if (s->n)
		qsort(s->all, s->n, sizeof *s->all, by_first);
	AUTO(mem_freep) size_t *now = mem_alloc(s->index->n_events + 1, sizeof *now);
	for (size_t i = 0; i < s->n; i++)
		now[s->all[i].events[0]] = i;
	for (size_t i = 0; i < s->n; i++)
		to[i] = now[events[i]];
	for (size_t i = 0; i < s->index->n_events; i++)
		if (s->of[i] != SUBJECT_NONE)
			s->of[i] = to[s->of[i]];
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->all[i].n_possible; k++)
			s->all[i].possible[k] = to[s->all[i].possible[k]];
	for (size_t i = 0; i < s->index->n_classes; i++)
		for (size_t k = 0; k < s->index->classes[i].n_subjects; k++)
			s->index->classes[i].subjects[k] = to[s->index->classes[i].subjects[k]];
}

struct subjects *subjects_make(const struct subject_event *events, size_t n,
                               const struct subject_follow *follows, size_t n_follows)
{
	struct subjects *s = mem_alloc(1, sizeof *s);
	s->index = new_index(events, n);
	subjects_set_runs(s->index, follows, n_follows);
	s->of = mem_alloc(n + 1, sizeof *s->of);
	for (size_t i = 0; i < n; i++)
		s->of[i] = SUBJECT_NONE;
	for (size_t i = 0; i < s->index->n_classes; i++) {
		struct walk w = {.look = i};
		for (size_t k = 0; k < s->index->classes[i].n_runs; k++)
			give_away(s, &w, k);
	}
	sort_subjects(s);
	subjects_link_looks(s);
	return s;
}

void subjects_free(struct subjects *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->all[i].events);
	for (size_t i = 0; i < s->index->n_classes; i++) {
		free(s->index->classes[i].key);
		free(s->index->classes[i].subjects);
	}
	free(s->index->classes);
	free(s->index->look);
	free(s->index->sorted);
	free(s->index->next);
	free(s->index->runs);
	free(s->index->cited);
	free(s->index->votes);
	free(s->index->by_rules);
	free(s->index);
	free(s->all);
	free(s->of);
	free(s);
}

size_t subjects_find(const struct subjects *s, int64_t number)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].number == number && s->all[i].n_events)
			return i;
	return SUBJECT_NONE;
}

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

size_t subjects_possible(const struct subjects *s, size_t subject,
                         int64_t ret[static SUBJECT_POSSIBLE_MAX], bool *ret_more)
{
	const struct subject *from = &s->all[subject];
	size_t n = 0;
	for (size_t i = 0; i < from->n_possible; i++) {
		size_t one = from->possible[i], k = 0;
		while (s->all[one].merged != SUBJECT_NONE)
			one = s->all[one].merged;
		while (k < n && ret[k] != s->all[one].number)
			k++;
		if (k == n && one != subject && s->all[one].n_events)
			ret[n++] = s->all[one].number;
	}
	qsort(ret, n, sizeof *ret, by_number);
	*ret_more = from->more;
	return n;
}
