/* SPDX-License-Identifier: Apache-2.0 */
/* Which subjects may be the same: of one look, or although one description is
 * less precise. */
#include <stdlib.h>
#include <string.h>

#include "subjects/look.h"
#include "subjects/subjects-internal.h"

enum { TRIES = 2 * SUBJECT_POSSIBLE_MAX };

bool subjects_overlap(const struct subject_event *a, const struct subject_event *b)
{
	if (a->start > b->start || (a->start == b->start && a->end > b->end)) {
		const struct subject_event *first = b;
		b = a;
		a = first;
	}
	return b->start < a->end || (a->start == b->start && a->end == b->end) ||
	       (b->start == a->end && (a->leaves || b->comes));
}

bool subjects_link(struct subjects *s, size_t later, size_t earlier)
{
	struct subject *to = &s->all[later];
	for (size_t i = 0; i < to->n_possible; i++)
		if (to->possible[i] == earlier)
			return true;
	if (to->n_possible == SUBJECT_POSSIBLE_MAX) {
		to->more = true;
		return false;
	}
	to->possible[to->n_possible++] = earlier;
	return true;
}

/* A class, and a less precise one. */
struct pair {
	size_t general, precise;
};

/* A less precise class, and a subject of a more precise one. */
struct member {
	size_t general, subject;
};

static int by_general(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	if (x->general != y->general)
		return x->general < y->general ? -1 : 1;
	return (x->subject > y->subject) - (x->subject < y->subject);
}

static int by_class(const void *key, const void *item)
{
	return strcmp(key, ((const struct look_class *)item)->key);
}

/* Whether an event of the subject goes on at the same time. Its events are in
 * order, and do not overlap. */
static bool any_overlaps(struct subjects *s, const struct subject *in,
                         const struct subject_event *e)
{
	const struct subject_event *events = s->index->events;
	size_t from = 0, to = in->n_events;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		s->steps++;
		if (subjects_overlap(&events[in->events[mid]], e))
			return true;
		if (events[in->events[mid]].start < e->start)
			from = mid + 1;
		else
			to = mid;
	}
	/* what only touches at its start may overlap the event before it */
	return from && subjects_overlap(&events[in->events[from - 1]], e);
}

static bool can_be_same(struct subjects *s, size_t one, size_t other)
{
	const struct subject *a = &s->all[one], *b = &s->all[other];
	if (a->n_events > b->n_events) {
		a = b;
		b = &s->all[one];
	}
	for (size_t i = 0; i < a->n_events; i++)
		if (any_overlaps(s, b, &s->index->events[a->events[i]]))
			return false;
	return true;
}

/* The pairs of classes of which one is less precise; the caller frees. */
static struct pair *find_pairs(struct subjects *s, size_t *ret_n)
{
	const struct subjects_index *x = s->index;
	struct pair *pairs = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < x->n_classes; i++) {
		size_t n_keys;
		const char *text = x->events[x->sorted[x->classes[i].first]].description;
		char **keys = look_general(text, &n_keys);
		for (size_t k = 0; k < n_keys; k++) {
			const struct look_class *c =
				bsearch(keys[k], x->classes, x->n_classes, sizeof *x->classes, by_class);
			s->steps++;
			if (!c)
				continue;
			pairs = mem_room(pairs, n, &cap, sizeof *pairs);
			pairs[n++] = (struct pair){(size_t)(c - x->classes), i};
		}
		look_general_free(keys, n_keys);
	}
	*ret_n = n;
	return pairs;
}

/* A subject of the precise class after some of the general one. */
static void link_precise(struct subjects *s, const struct pair *p)
{
	const struct look_class *general = &s->index->classes[p->general],
							*precise = &s->index->classes[p->precise];
	for (size_t i = 0; i < precise->n_subjects; i++) {
		size_t later = precise->subjects[i];
		for (size_t k = 0; k < general->n_subjects && general->subjects[k] < later; k++) {
			s->steps++;
			if (k == TRIES) {
				s->all[later].more = true;
				break;
			}
			if (can_be_same(s, later, general->subjects[k]) &&
			    !subjects_link(s, later, general->subjects[k]))
				break;
		}
	}
}

/* The subjects of the general class after some of the more precise ones, which
 * are the given n, in order. */
static void link_general(struct subjects *s, const struct look_class *c,
                         const struct member *members, size_t n)
{
	for (size_t i = 0; i < c->n_subjects; i++) {
		size_t later = c->subjects[i];
		for (size_t k = 0; k < n && members[k].subject < later; k++) {
			s->steps++;
			if (k == TRIES) {
				s->all[later].more = true;
				break;
			}
			if (can_be_same(s, later, members[k].subject) &&
			    !subjects_link(s, later, members[k].subject))
				break;
		}
	}
}

void subjects_link_looks(struct subjects *s)
{
	size_t n_pairs, n = 0, cap = 0;
	AUTO(mem_freep) struct pair *pairs = find_pairs(s, &n_pairs);
	AUTO(mem_freep) struct member *members = NULL;
	for (size_t i = 0; i < n_pairs; i++) {
		const struct look_class *precise = &s->index->classes[pairs[i].precise];
		link_precise(s, &pairs[i]);
		for (size_t k = 0; k < precise->n_subjects; k++) {
			members = mem_room(members, n, &cap, sizeof *members);
			members[n++] = (struct member){pairs[i].general, precise->subjects[k]};
		}
	}
	if (n)
		qsort(members, n, sizeof *members, by_general);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && members[end].general == members[i].general; end++)
			;
		link_general(s, &s->index->classes[members[i].general], members + i, end - i);
	}
}
