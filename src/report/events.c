/* SPDX-License-Identifier: Apache-2.0 */
#include "report/events.h"

#include <stdlib.h>
#include <string.h>

#include "report/joins.h"
#include "report/text.h"
#include "story/story.h"

/* How many frames of the chunk the model saw before sample `end`. */
static size_t count_seen(const struct report_chunk *c, size_t end)
{
	size_t n = 0;
	for (size_t i = 0; i < end && i < c->n_samples; i++)
		n += report_is_empty(c->samples[i].fault) && !c->samples[i].repeated;
	return n;
}

struct story_part report_story_part(const struct report *r, const struct report_part *p)
{
	const struct report_chunk *c = &r->chunks[p->chunk];
	size_t last = p->samples[p->n_samples - 1];
	struct story_part part = {.start = p->start,
	                          .end = p->end,
	                          .chunk = p->chunk,
	                          .frames = count_seen(c, c->n_samples),
	                          .first = count_seen(c, p->samples[0]),
	                          .last = count_seen(c, last),
	                          .subject = p->subject,
	                          .what = p->what};
	for (size_t k = 1; k < p->n_samples; k++) {
		int64_t step = c->samples[p->samples[k]].pts - c->samples[p->samples[k - 1]].pts;
		part.step = step > part.step ? step : part.step;
	}
	return part;
}

/* Moves the parts of `from` into an event. */
static struct report_event take_event(struct report_part *parts, struct story_event *from)
{
	struct report_event e = {.start = parts[from->parts[0]].start,
	                         .end = parts[from->parts[0]].end,
	                         .what = TAKE(from->what),
	                         .state = from->state,
	                         .parts = mem_alloc(from->n_parts, sizeof *e.parts),
	                         .n_parts = from->n_parts};
	for (size_t i = 0; i < from->n_parts; i++) {
		e.parts[i] = parts[from->parts[i]];
		e.end = e.parts[i].end > e.end ? e.parts[i].end : e.end;
	}
	return e;
}

static void withdraw(struct report *r, struct report_part *parts, size_t i)
{
	struct story_event single = {.parts = &i, .n_parts = 1, .what = mem_strdup(parts[i].what)};
	r->withdrawn[r->n_withdrawn++] = take_event(parts, &single);
}

/* Takes what is withdrawn out of the event, whose sentence is made again from
 * the rest. */
static void leave_out_withdrawn(struct report *r, struct report_part *parts,
                                const struct story_part *story, struct story_event *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n_parts; i++)
		if (parts[e->parts[i]].check.verdict == VERDICT_WITHDRAWN)
			withdraw(r, parts, e->parts[i]);
		else
			e->parts[n++] = e->parts[i];
	if (n && n < e->n_parts) {
		free(e->what);
		e->what = story_sentence(story, e->parts, n, &e->state);
	}
	e->n_parts = n;
}

static int by_start(const void *a, const void *b)
{
	const struct report_event *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	size_t p = x->parts[0].chunk, q = y->parts[0].chunk;
	return p != q ? (p < q ? -1 : 1) : strcmp(x->what, y->what);
}

size_t *report_chunk_numbers(const struct report *r)
{
	size_t *numbers = mem_alloc(r->n_chunks + 1, sizeof *numbers);
	for (size_t i = 1; i < r->n_chunks; i++)
		numbers[i] = numbers[i - 1] + (r->chunks[i].start > r->chunks[i - 1].end ? 2 : 1);
	return numbers;
}

/* Joins the statements, also where each is listed by itself: what is about one
 * subject does not depend on that. */
static void join(struct report *r, struct report_part *parts, size_t n, const json_t *joins)
{
	size_t n_events, n_links;
	AUTO(mem_freep) struct story_part *story = mem_alloc(n, sizeof *story);
	AUTO(mem_freep) size_t *numbers = report_chunk_numbers(r);
	AUTO(mem_freep) struct story_link *links = report_joins_find(joins, parts, n, &n_links);
	for (size_t i = 0; i < n; i++) {
		story[i] = report_story_part(r, &parts[i]);
		story[i].chunk = numbers[parts[i].chunk];
	}

	struct story_event *events = story_join(story, n, links, n_links, &n_events);
	for (size_t i = 0; i < n_events; i++)
		for (size_t k = 0; k < events[i].n_parts; k++)
			parts[events[i].parts[k]].event = i;
	for (size_t i = 0; i < n_links; i++)
		parts[links[i].second].by_model =
			parts[links[i].first].event == parts[links[i].second].event;
	for (size_t i = 0; r->detail != REPORT_ALL && i < n_events; i++) {
		leave_out_withdrawn(r, parts, story, &events[i]);
		if (!events[i].n_parts)
			continue;
		struct report_event e = take_event(parts, &events[i]);
		if (e.state)
			r->states[r->n_states++] = e;
		else
			r->events[r->n_events++] = e;
	}
	story_free(events, n_events);
}

static void keep_apart(struct report *r, struct report_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (parts[i].check.verdict == VERDICT_WITHDRAWN) {
			withdraw(r, parts, i);
			continue;
		}
		struct story_event single = {.parts = &i, .n_parts = 1, .what = mem_strdup(parts[i].what)};
		r->events[r->n_events++] = take_event(parts, &single);
	}
}

void report_events_set(struct report *r, struct report_part *parts, size_t n, const json_t *joins)
{
	r->events = mem_alloc(n, sizeof *r->events);
	r->states = mem_alloc(n, sizeof *r->states);
	r->withdrawn = mem_alloc(n, sizeof *r->withdrawn);
	join(r, parts, n, joins);
	if (r->detail == REPORT_ALL)
		keep_apart(r, parts, n);
	qsort(r->events, r->n_events, sizeof *r->events, by_start);
	qsort(r->states, r->n_states, sizeof *r->states, by_start);
	qsort(r->withdrawn, r->n_withdrawn, sizeof *r->withdrawn, by_start);
}

void report_events_free(struct report_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < events[i].n_parts; k++) {
			free(events[i].parts[k].subject);
			free(events[i].parts[k].what);
			free(events[i].parts[k].quote);
			free(events[i].parts[k].samples);
			free(events[i].parts[k].check.reason);
			free(events[i].parts[k].check.frames);
		}
		free(events[i].parts);
		free(events[i].what);
	}
	free(events);
}
