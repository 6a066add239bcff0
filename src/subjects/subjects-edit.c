/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and edits, which find their subjects by evidence. */
#include <stdlib.h>
#include <string.h>

#include "subjects/subjects-internal.h"

const char *subject_op_name(enum subject_op op)
{
	static const char *const names[] = {"rename", "merge", "split"};
	return (size_t)op < ARRAY_LEN(names) ? names[op] : "unknown";
}

enum subject_op subject_op_of_name(const char *name)
{
	int op = 0;
	while (op < SUBJECT_OPS && strcmp(subject_op_name((enum subject_op)op), name) != 0)
		op++;
	return (enum subject_op)op;
}

void subject_edit_clear(struct subject_edit *e)
{
	for (size_t i = 0; i < e->n_cites; i++) {
		free(e->cites[i].description);
		free(e->cites[i].what);
	}
	free(e->cites);
	free(e->text);
	*e = (struct subject_edit){0};
}

/* ---- where evidence is cited */

static size_t *votes_of(struct subjects *s)
{
	struct subjects_index *x = s->index;
	if (x->n_votes < s->n) {
		free(x->votes);
		x->n_votes = 2 * s->n;
		x->votes = mem_alloc(x->n_votes, sizeof *x->votes);
	}
	return x->votes;
}

/* The citations of a frame by events of this look. */
static const struct cited *find_cited(struct subjects *s, int64_t pts, size_t look, size_t *ret_n)
{
	const struct subjects_index *x = s->index;
	size_t from = 0, to = x->n_cited;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		const struct cited *c = &x->cited[mid];
		s->steps++;
		if (c->pts < pts || (c->pts == pts && c->look < look))
			from = mid + 1;
		else
			to = mid;
	}
	while (to < x->n_cited && x->cited[to].pts == pts && x->cited[to].look == look)
		to++;
	s->steps += to - from;
	*ret_n = to - from;
	return x->cited + from;
}

/* ---- votes */

/* Subjects that cite the frames of some evidence, and how much of it. */
struct votes {
	size_t *subjects, n, cap;
};

static void votes_clear(struct votes *v)
{
	free(v->subjects);
}

/* A frame counts twice where the event says the same, so that two events about
 * the same frames can be distinguished. */
static void vote(struct subjects *s, struct votes *v, size_t look, const char *what,
                 const int64_t *frames, size_t n_frames)
{
	size_t *votes = votes_of(s), n;
	for (size_t i = 0; look != SUBJECT_NONE && i < n_frames; i++) {
		const struct cited *c = find_cited(s, frames[i], look, &n);
		for (size_t k = 0; k < n; k++) {
			const struct subject_event *e = &s->index->events[c[k].event];
			size_t one = s->of[c[k].event];
			if (!votes[one]) {
				v->subjects = mem_room(v->subjects, v->n, &v->cap, sizeof *v->subjects);
				v->subjects[v->n++] = one;
			}
			votes[one] += what && strcmp(what, e->what) == 0 ? 2 : 1;
		}
	}
}

/* The subject with the most votes, of those without a number if
 * `free_only`; the first one of several. *ret_tie: there are several. Forgets
 * the votes. */
static size_t count_votes(struct subjects *s, struct votes *v, bool free_only, bool *ret_tie)
{
	size_t *votes = votes_of(s), best = SUBJECT_NONE, most = 0;
	*ret_tie = false;
	for (size_t i = 0; i < v->n; i++) {
		size_t one = v->subjects[i];
		if (free_only && s->all[one].number)
			continue;
		if (votes[one] > most)
			*ret_tie = false;
		else if (votes[one] == most)
			*ret_tie = true;
		if (votes[one] > most || (votes[one] == most && one < best)) {
			most = votes[one];
			best = one;
		}
	}
	for (size_t i = 0; i < v->n; i++)
		votes[v->subjects[i]] = 0;
	v->n = 0;
	return best;
}

/* ---- numbers */

/* Leaves the votes for subjects out that other events describe more precisely. */
static void keep_looks(struct subjects *s, struct votes *v, size_t look)
{
	size_t *votes = votes_of(s), n = 0;
	for (size_t i = 0; i < v->n; i++)
		if (s->all[v->subjects[i]].look == look)
			v->subjects[n++] = v->subjects[i];
		else
			votes[v->subjects[i]] = 0;
	v->n = n;
}

void subjects_number(struct subjects *s, const struct subject_known *known, size_t n)
{
	AUTO(votes_clear) struct votes v = {0};
	bool tie;
	s->index->known = known;
	s->index->n_known = n;
	for (size_t i = 0; i < n; i++) {
		const struct subject_known *k = &known[i];
		if (k->number > s->index->last)
			s->index->last = k->number;
		if (k->split)
			continue;
		size_t look = subjects_look(s, k->description);
		vote(s, &v, look, NULL, k->frames, k->n_frames);
		keep_looks(s, &v, look);
		size_t one = count_votes(s, &v, true, &tie);
		if (one != SUBJECT_NONE)
			s->all[one].number = k->number;
	}
	for (size_t i = 0; i < s->n; i++)
		if (!s->all[i].number)
			s->all[i].number = ++s->index->last;
	free(s->index->by_rules);
	s->index->by_rules = mem_alloc(s->index->n_events + 1, sizeof *s->of);
	memcpy(s->index->by_rules, s->of, s->index->n_events * sizeof *s->of);
}

static void add_frames(struct subject_known *k, const struct subject_event *e)
{
	k->frames = mem_grow(k->frames, k->n_frames + e->n_frames + 1, sizeof *k->frames);
	memcpy(k->frames + k->n_frames, e->frames, e->n_frames * sizeof *k->frames);
	k->n_frames += e->n_frames;
}

static int by_number(const void *a, const void *b)
{
	const struct subject_known *x = a, *y = b;
	return (x->number > y->number) - (x->number < y->number);
}

struct subject_known *subjects_known(const struct subjects *s, size_t *ret_n)
{
	const struct subjects_index *x = s->index;
	struct subject_known *all = mem_alloc(s->n + 1, sizeof *all);
	for (size_t i = 0; i < s->n; i++)
		all[i] = (struct subject_known){.number = s->all[i].number, .split = s->all[i].split};
	for (size_t i = 0; x->by_rules && i < x->n_events; i++) {
		if (x->by_rules[i] == SUBJECT_NONE)
			continue;
		struct subject_known *k = &all[x->by_rules[i]];
		if (!k->description && x->look[i] == s->all[x->by_rules[i]].look)
			k->description = mem_strdup(x->events[i].description);
		add_frames(k, &x->events[i]);
	}
	for (size_t i = 0; i < s->n; i++) {
		all[i].description = all[i].description ? all[i].description : mem_strdup("");
		all[i].n_frames = mem_sort_times(all[i].frames, all[i].n_frames);
	}
	qsort(all, s->n, sizeof *all, by_number);
	*ret_n = s->n;
	return all;
}

void subjects_known_free(struct subject_known *known, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(known[i].description);
		free(known[i].frames);
	}
	free(known);
}

/* ---- edits */

static const char not_cited[] = "its frames are not cited here by an event of this description";
static const char not_clear[] = "several subjects here cite its frames";
static const char not_single[] = "several events here cite its frames";

/* Events that cite frames of one event of another analysis. */
struct found {
	size_t events[4 * SUBJECT_FRAMES_MAX], votes[4 * SUBJECT_FRAMES_MAX], n;
};

static void find_event(struct found *f, size_t event, size_t votes)
{
	size_t k = 0;
	while (k < f->n && f->events[k] != event)
		k++;
	if (k == ARRAY_LEN(f->events))
		return;
	if (k == f->n)
		f->votes[f->n++] = 0;
	f->events[k] = event;
	f->votes[k] += votes;
}

/* The event that cites the most of the frames. */
static const char *event_of_cite(struct subjects *s, const struct subject_cite *c, size_t *ret)
{
	size_t look = subjects_look(s, c->description), most = 0, n;
	struct found f = {.n = 0};
	bool tie = false;
	for (size_t i = 0; look != SUBJECT_NONE && i < c->n_frames; i++) {
		const struct cited *at = find_cited(s, c->frames[i], look, &n);
		for (size_t k = 0; k < n; k++) {
			bool same = strcmp(s->index->events[at[k].event].what, c->what) == 0;
			find_event(&f, at[k].event, same ? 2 : 1);
		}
	}
	for (size_t k = 0; k < f.n; k++) {
		tie = f.votes[k] > most ? false : tie || f.votes[k] == most;
		*ret = f.votes[k] > most ? f.events[k] : *ret;
		most = f.votes[k] > most ? f.votes[k] : most;
	}
	return !f.n ? not_cited : tie ? not_single : NULL;
}

/* The subject that the cites with this `which` are about. */
static const char *find_subject(struct subjects *s, const struct subject_edit *e, size_t which,
                                size_t *ret)
{
	AUTO(votes_clear) struct votes v = {0};
	bool tie;
	for (size_t i = 0; i < e->n_cites; i++) {
		const struct subject_cite *c = &e->cites[i];
		if (c->which == which)
			vote(s, &v, subjects_look(s, c->description), c->what, c->frames, c->n_frames);
	}
	*ret = count_votes(s, &v, false, &tie);
	return *ret == SUBJECT_NONE ? not_cited : tie ? not_clear : NULL;
}

static const char *rename_subject(struct subjects *s, const struct subject_edit *e)
{
	size_t one;
	const char *fault = find_subject(s, e, 0, &one);
	if (!fault)
		s->all[one].name = e->text;
	return fault;
}

static int by_place(const void *a, const void *b)
{
	const size_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void merge_into(struct subjects *s, size_t into, size_t from)
{
	struct subject *f = &s->all[from];
	for (size_t i = 0; i < f->n_events; i++)
		subjects_give(s, into, f->events[i]);
	f->n_events = 0;
	f->merged = into;
	struct subject *t = &s->all[into];
	t->name = t->name ? t->name : f->name;
	qsort(t->events, t->n_events, sizeof *t->events, by_place);
}

static const char *merge_subjects(struct subjects *s, const struct subject_edit *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n_cites; i++)
		n = e->cites[i].which >= n ? e->cites[i].which + 1 : n;
	AUTO(mem_freep) size_t *all = mem_alloc(n + 1, sizeof *all);
	for (size_t i = 0; i < n; i++) {
		const char *fault = find_subject(s, e, i, &all[i]);
		if (fault)
			return fault;
	}
	/* Some may be one here without the edit. */
	for (size_t i = 1; i < n; i++)
		if (all[i] != all[0] && s->all[all[i]].n_events)
			merge_into(s, all[0], all[i]);
	return NULL;
}

/* The number that the subject of this edit got before, or the next one. */
static int64_t split_number(struct subjects *s, int64_t edit)
{
	for (size_t i = 0; i < s->index->n_known; i++)
		if (s->index->known[i].split == edit)
			return s->index->known[i].number;
	return ++s->index->last;
}

static void take_out(struct subjects *s, size_t from, const bool *gone, int64_t edit)
{
	size_t to = subjects_add(s, SUBJECT_NONE), kept = 0;
	struct subject *f = &s->all[from];
	for (size_t i = 0; i < f->n_events; i++)
		if (gone[f->events[i]])
			subjects_give(s, to, f->events[i]);
		else
			f->events[kept++] = f->events[i];
	f->n_events = kept;
	s->all[to].split = edit;
	s->all[to].number = split_number(s, edit);
}

static const char *split_subject(struct subjects *s, const struct subject_edit *e)
{
	AUTO(mem_freep) bool *gone = mem_alloc(s->index->n_events + 1, sizeof *gone);
	size_t from = SUBJECT_NONE, n = 0;
	for (size_t i = 0; i < e->n_cites; i++) {
		size_t event = 0;
		if (e->cites[i].which != 1)
			continue;
		const char *fault = event_of_cite(s, &e->cites[i], &event);
		if (fault)
			return fault;
		if (from != SUBJECT_NONE && s->of[event] != from)
			return "its events are about several subjects here";
		from = s->of[event];
		n += !gone[event];
		gone[event] = true;
	}
	if (from == SUBJECT_NONE)
		return not_cited;
	/* All of them: they are a subject of their own here without the edit. */
	if (n < s->all[from].n_events)
		take_out(s, from, gone, e->id);
	return NULL;
}

const char *subjects_apply(struct subjects *s, const struct subject_edit *edit)
{
	switch (edit->op) {
	case SUBJECT_RENAME: return rename_subject(s, edit);
	case SUBJECT_MERGE: return merge_subjects(s, edit);
	case SUBJECT_SPLIT: return split_subject(s, edit);
	case SUBJECT_OPS: break;
	}
	return "a newer version of vdet made it";
}

/* ---- evidence */

void subject_cite_event(struct subject_edit *edit, size_t which, const struct subject_event *e)
{
	edit->cites = mem_grow(edit->cites, edit->n_cites + 1, sizeof *edit->cites);
	struct subject_cite *c = &edit->cites[edit->n_cites++];
	*c = (struct subject_cite){
		.which = which, .description = mem_strdup(e->description), .what = mem_strdup(e->what)};
	/* of many frames some, over all of its time */
	size_t n = e->n_frames < SUBJECT_FRAMES_MAX ? e->n_frames : SUBJECT_FRAMES_MAX;
	for (; c->n_frames < n; c->n_frames++)
		c->frames[c->n_frames] = e->frames[c->n_frames * e->n_frames / n];
}

void subjects_cite(const struct subjects *s, size_t subject, size_t which,
                   struct subject_edit *edit)
{
	const struct subject *from = &s->all[subject];
	size_t n = from->n_events < SUBJECT_CITES_MAX ? from->n_events : SUBJECT_CITES_MAX;
	for (size_t i = 0; i < n; i++)
		subject_cite_event(edit, which, &s->index->events[from->events[i * from->n_events / n]]);
}
