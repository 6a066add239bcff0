/* SPDX-License-Identifier: Apache-2.0 */
#include "story/story.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "story/words.h"

enum { FRAMES_BETWEEN = 1 }; /* at either side of a border, which the model may have left out */

#define NEAR (10 * CLOCK_SECOND)
#define NONE SIZE_MAX

/* A part and its neighbours in the event. */
struct link {
	const struct story_part *part;
	size_t index; /* of the part */
	char *key;
	bool state;
	size_t next, previous; /* indices of parts, or NONE */
};

static int by_time(const struct story_part *a, const struct story_part *b)
{
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->end > b->end) - (a->end < b->end);
}

static int by_key(const void *x, const void *y)
{
	const struct link *a = *(struct link *const *)x, *b = *(struct link *const *)y;
	int r = strcmp(a->key, b->key);
	if (r == 0)
		r = by_time(a->part, b->part);
	return r ? r : (a->index > b->index) - (a->index < b->index);
}

static void join(struct link *a, struct link *b)
{
	a->next = b->index;
	b->previous = a->index;
}

/* Both are in view at once, so they are about two: they begin with one frame,
 * or have more than one in common, or one that they have in common shows that
 * the first leaves or the second comes. */
static bool are_at_once(const struct story_part *a, const struct story_part *b)
{
	return b->first == a->first || b->first < a->last ||
	       (b->first == a->last && (story_leaves(a->what) || story_comes(b->what)));
}

/* A state belongs to what the same subject does before or after it. */
static void join_states(struct link **group, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct link *a = group[i - 1], *b = group[i];
		if ((a->state || b->state) && b->part->first <= a->part->last + 1 &&
		    !are_at_once(a->part, b->part))
			join(a, b);
	}
}

/* Nothing that the model saw is between the part and the border, but for a
 * frame that it may have left out. */
static bool is_at_border(const struct story_part *p, bool begin)
{
	return (begin ? p->first : p->frames - 1 - p->last) <= FRAMES_BETWEEN;
}

/* The only part that touches the end of its chunk, or (`begin`) its beginning;
 * NULL: none or several. */
static struct link *at_border(struct link **group, size_t n, bool begin)
{
	struct link *found = NULL;
	for (size_t i = 0; i < n; i++) {
		if (!is_at_border(group[i]->part, begin) ||
		    (begin ? group[i]->previous : group[i]->next) != NONE)
			continue;
		if (found)
			return NULL;
		found = group[i];
	}
	return found;
}

static bool continues(const struct story_part *a, bool a_state, const struct story_part *b,
                      bool b_state)
{
	int64_t step = a->step > b->step ? a->step : b->step;
	int64_t longest = 2 * step > NEAR ? 2 * step : NEAR;
	if (story_leaves(a->what) && story_comes(b->what))
		return false;
	return a_state || b_state || b->start - a->end <= longest;
}

bool story_may_go_on(const struct story_part *a, const struct story_part *b)
{
	return is_at_border(a, false) && is_at_border(b, true) &&
	       continues(a, story_is_state(a->what), b, story_is_state(b->what));
}

bool story_stays(const struct story_part *a, const struct story_part *b)
{
	return story_may_go_on(a, b) && !story_leaves(a->what) && !story_comes(b->what);
}

/* Parts of one chunk and of the next that have the same key. */
static void join_chunks(struct link **a, size_t n_a, struct link **b, size_t n_b)
{
	struct link *last = at_border(a, n_a, false), *first = at_border(b, n_b, true);
	if (last && first && continues(last->part, last->state, first->part, first->state))
		join(last, first);
}

/* How many of the n links, from the first on, have its key, and (`chunk`) its
 * chunk. */
static size_t run_length(struct link *const *links, size_t n, bool chunk)
{
	size_t k = 1;
	while (k < n && strcmp(links[k]->key, links[0]->key) == 0 &&
	       (!chunk || links[k]->part->chunk == links[0]->part->chunk))
		k++;
	return k;
}

static void join_subject(struct link **group, size_t n)
{
	size_t n_before = 0;
	for (size_t i = 0, k; i < n; i += k) {
		k = run_length(&group[i], n - i, true);
		join_states(&group[i], k);
		if (n_before && group[i - 1]->part->chunk + 1 == group[i]->part->chunk)
			join_chunks(&group[i - n_before], n_before, &group[i], k);
		n_before = k;
	}
}

static void join_said(struct link *links, size_t n, const struct story_link *said, size_t n_said)
{
	for (size_t i = 0; i < n_said; i++) {
		struct link *a = said[i].first < n ? &links[said[i].first] : NULL,
					*b = said[i].second < n ? &links[said[i].second] : NULL;
		if (a && b && a->next == NONE && b->previous == NONE &&
		    a->part->chunk + 1 == b->part->chunk && story_may_go_on(a->part, b->part))
			join(a, b);
	}
}

char *story_sentence(const struct story_part *parts, const size_t *which, size_t n, bool *ret_state)
{
	size_t n_said = 0;
	AUTO(mem_freep) bool *states = mem_alloc(n, sizeof *states);
	AUTO(mem_freep) const char **said = mem_alloc(n, sizeof *said);
	*ret_state = true;
	for (size_t i = 0; i < n; i++) {
		states[i] = story_is_state(parts[which[i]].what);
		*ret_state &= states[i];
	}
	for (size_t i = 0; i < n; i++)
		if (*ret_state || !states[i])
			said[n_said++] = parts[which[i]].what;
	return words_combine(parts[which[0]].subject, said, n_said);
}

/* Chunks may overlap: the part of a later one may begin earlier. */
static int by_start(const void *x, const void *y, void *ctx)
{
	const struct link *links = ctx;
	const struct story_part *a = links[*(const size_t *)x].part,
							*b = links[*(const size_t *)y].part;
	return a->start != b->start ? (a->start < b->start ? -1 : 1) : by_time(a, b);
}

static void collect(const struct story_part *parts, const struct link *links, size_t first,
                    struct story_event *to)
{
	size_t n = 0, cap = 0;
	*to = (struct story_event){0};
	for (size_t i = first; i != NONE; i = links[i].next) {
		to->parts = mem_room(to->parts, n, &cap, sizeof *to->parts);
		to->parts[n++] = i;
	}
	to->n_parts = n;
	qsort_r(to->parts, n, sizeof *to->parts, by_start, (void *)links);
	to->what = story_sentence(parts, to->parts, n, &to->state);
}

static int by_first_part(const void *x, const void *y, void *parts)
{
	const struct story_event *a = x, *b = y;
	const struct story_part *p = parts;
	int r = by_time(&p[a->parts[0]], &p[b->parts[0]]);
	return r ? r : (a->parts[0] > b->parts[0]) - (a->parts[0] < b->parts[0]);
}

struct story_event *story_join(const struct story_part *parts, size_t n,
                               const struct story_link *said, size_t n_said, size_t *ret_n)
{
	struct link *links = mem_alloc(n + 1, sizeof *links);
	struct link **sorted = mem_alloc(n + 1, sizeof(struct link *));
	struct story_event *events = mem_alloc(n + 1, sizeof *events);
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct story_part *p = &parts[i];
		links[i] = (struct link){p,    i,   words_key(p->subject, p->what), story_is_state(p->what),
		                         NONE, NONE};
		sorted[i] = &links[i];
	}

	qsort(sorted, n, sizeof *sorted, by_key);
	for (size_t i = 0, k; i < n; i += k) {
		k = run_length(&sorted[i], n - i, false);
		join_subject(&sorted[i], k);
	}
	join_said(links, n, said, n_said);

	for (size_t i = 0; i < n; i++)
		if (links[i].previous == NONE)
			collect(parts, links, i, &events[(*ret_n)++]);
	qsort_r(events, *ret_n, sizeof *events, by_first_part, (void *)parts);
	for (size_t i = 0; i < n; i++)
		free(links[i].key);
	free(sorted);
	free(links);
	return events;
}

void story_free(struct story_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(events[i].parts);
		free(events[i].what);
	}
	free(events);
}
