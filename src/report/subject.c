/* SPDX-License-Identifier: Apache-2.0 */
#include "report/subject.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "report/text.h"
#include "story/story.h"
#include "subjects/look.h"

void registry_clear(struct registry *g)
{
	subjects_free(g->subjects);
	for (size_t i = 0; i < g->n_events; i++)
		free(g->frames[i]);
	for (size_t i = 0; i < g->n_edits; i++)
		subject_edit_clear(&g->edits[i]);
	subjects_known_free(g->known, g->n_known);
	store_subjects_clear(&g->saved);
	free(g->events);
	free(g->frames);
	free(g->follows);
	free(g->of_statement);
	free(g->edits);
	free(g->faults);
	*g = (struct registry){0};
}

struct store_source report_store_source(const struct report *r)
{
	return (struct store_source){.sha256 = r->source_sha256 ? r->source_sha256 : "",
	                             .has_stream = r->source_stream >= 0,
	                             .stream = r->source_stream};
}

/* ---- events */

/* The statements of one joined event; the first of them stands for it, and the
 * one that describes its subject most precisely for that: a model may have
 * joined others. */
struct gathered {
	size_t statement; /* report_part.event */
	const struct report_part *first, *last, *precise;
	size_t precision;
	int64_t start, end, *frames;
	size_t n_frames;
};

static bool comes_before(const struct report_part *a, const struct report_part *b)
{
	if (a->start != b->start)
		return a->start < b->start;
	return a->chunk != b->chunk ? a->chunk < b->chunk : a->index < b->index;
}

static void gather_part(const struct report *r, struct gathered *to, const struct report_part *p)
{
	size_t precision = look_precision(p->subject);
	bool before = !to->first || comes_before(p, to->first);
	if (before)
		to->first = p;
	if (!to->last || comes_before(to->last, p))
		to->last = p;
	if (!to->precise || precision > to->precision || (precision == to->precision && before)) {
		to->precise = p;
		to->precision = precision;
	}
	to->start = to->n_frames && to->start < p->start ? to->start : p->start;
	to->end = to->n_frames && to->end > p->end ? to->end : p->end;
	to->frames = mem_grow(to->frames, to->n_frames + p->n_samples + 1, sizeof *to->frames);
	for (size_t k = 0; k < p->n_samples; k++) {
		const struct report_sample *s = report_evidence(r, p, k);
		if (s)
			to->frames[to->n_frames++] = s->pts;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct gathered *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return comes_before(x->first, y->first) ? -1 : 1;
}

static size_t count_statements(const struct report *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n_events + r->n_states; i++) {
		const struct report_event *e =
			i < r->n_events ? &r->events[i] : &r->states[i - r->n_events];
		for (size_t k = 0; k < e->n_parts; k++)
			n = e->parts[k].event >= n ? e->parts[k].event + 1 : n;
	}
	return n;
}

/* An event that ends in a chunk, or begins in it. */
struct at_chunk {
	size_t chunk, event; /* numbered so that neighbours have consecutive ones */
	struct story_part part;
};

static int by_chunk(const void *a, const void *b)
{
	const struct at_chunk *x = a, *y = b;
	if (x->chunk != y->chunk)
		return x->chunk < y->chunk ? -1 : 1;
	return (x->event > y->event) - (x->event < y->event);
}

/* Those of one border. Where there are very many, none is the only one. */
static void add_border(struct registry *g, size_t *cap, const struct at_chunk *ends, size_t n_ends,
                       const struct at_chunk *begins, size_t n_begins)
{
	enum { MANY = 32 };
	if (n_ends > MANY || n_begins > MANY)
		return;
	for (size_t i = 0; i < n_ends; i++)
		for (size_t k = 0; k < n_begins; k++) {
			if (!story_stays(&ends[i].part, &begins[k].part))
				continue;
			g->follows = mem_room(g->follows, g->n_follows, cap, sizeof *g->follows);
			g->follows[g->n_follows++] = (struct subject_follow){ends[i].event, begins[k].event};
		}
}

static size_t count_chunk(const struct at_chunk *at, size_t n)
{
	size_t k = 0;
	while (k < n && at[k].chunk == at[0].chunk)
		k++;
	return k;
}

static struct at_chunk at_chunk(const struct report *r, const size_t *numbers,
                                const struct report_part *p, size_t event)
{
	struct at_chunk at = {numbers[p->chunk], event, report_story_part(r, p)};
	at.part.chunk = at.chunk;
	return at;
}

static void find_follows(struct registry *g, const struct gathered *all, size_t n)
{
	size_t cap = 0;
	AUTO(mem_freep) size_t *numbers = report_chunk_numbers(g->report);
	AUTO(mem_freep) struct at_chunk *ends = mem_alloc(n + 1, sizeof *ends);
	AUTO(mem_freep) struct at_chunk *begins = mem_alloc(n + 1, sizeof *begins);
	for (size_t i = 0; i < n; i++) {
		ends[i] = at_chunk(g->report, numbers, all[i].last, i);
		begins[i] = at_chunk(g->report, numbers, all[i].first, i);
	}
	qsort(ends, n, sizeof *ends, by_chunk);
	qsort(begins, n, sizeof *begins, by_chunk);
	for (size_t i = 0, k = 0, n_ends; i < n; i += n_ends) {
		n_ends = count_chunk(&ends[i], n - i);
		while (k < n && begins[k].chunk <= ends[i].chunk)
			k++;
		if (k < n && begins[k].chunk == ends[i].chunk + 1)
			add_border(g, &cap, &ends[i], n_ends, &begins[k], count_chunk(&begins[k], n - k));
	}
}

/* The joined events, however much of them the report lists. */
static void gather(struct registry *g)
{
	const struct report *r = g->report;
	size_t n = count_statements(r);
	AUTO(mem_freep) struct gathered *all = mem_alloc(n + 1, sizeof *all);
	for (size_t i = 0; i < r->n_events + r->n_states; i++) {
		const struct report_event *e =
			i < r->n_events ? &r->events[i] : &r->states[i - r->n_events];
		for (size_t k = 0; k < e->n_parts; k++) {
			all[e->parts[k].event].statement = e->parts[k].event;
			gather_part(r, &all[e->parts[k].event], &e->parts[k]);
		}
	}
	g->events = mem_alloc(n + 1, sizeof *g->events);
	g->frames = mem_alloc(n + 1, sizeof *g->frames);
	g->of_statement = mem_alloc(n + 1, sizeof *g->of_statement);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		g->of_statement[i] = SUBJECT_NONE;
		if (all[i].first) {
			all[i].n_frames = mem_sort_times(all[i].frames, all[i].n_frames);
			all[kept++] = all[i];
		}
	}
	qsort(all, kept, sizeof *all, by_start);
	for (; g->n_events < kept; g->n_events++) {
		struct gathered *one = &all[g->n_events];
		g->of_statement[one->statement] = g->n_events;
		g->frames[g->n_events] = one->frames;
		g->events[g->n_events] = (struct subject_event){.start = one->start,
		                                                .end = one->end,
		                                                .description = one->precise->subject,
		                                                .what = one->first->what,
		                                                .frames = one->frames,
		                                                .n_frames = one->n_frames,
		                                                .comes = story_comes(one->first->what),
		                                                .leaves = story_leaves(one->last->what)};
	}
	find_follows(g, all, kept);
}

/* ---- from the journal */

static void read_known(struct registry *g)
{
	g->known = mem_alloc(g->saved.n + 1, sizeof *g->known);
	for (; g->n_known < g->saved.n; g->n_known++) {
		const struct store_subject *from = &g->saved.subjects[g->n_known];
		struct subject_known *to = &g->known[g->n_known];
		json_auto_t *frames = json_loads(from->frames, 0, NULL);
		*to = (struct subject_known){.number = from->number,
		                             .split = from->edit,
		                             .description = mem_strdup(from->description)};
		to->frames = json_times_of(frames, SIZE_MAX, &to->n_frames);
	}
}

static void read_cite(struct subject_edit *e, const json_t *from)
{
	AUTO(mem_freep) int64_t *frames = NULL;
	struct subject_cite *c = &e->cites[e->n_cites++];
	*c = (struct subject_cite){.which = (size_t)json_integer_value(json_object_get(from, "which")),
	                           .description = mem_strdup(json_text(from, "subject")),
	                           .what = mem_strdup(json_text(from, "what"))};
	frames = json_times_of(json_object_get(from, "frames"), SUBJECT_FRAMES_MAX, &c->n_frames);
	memcpy(c->frames, frames, c->n_frames * sizeof *frames);
}

static void read_edits(struct registry *g)
{
	g->edits = mem_alloc(g->saved.n_edits + 1, sizeof *g->edits);
	g->faults = mem_alloc(g->saved.n_edits + 1, sizeof *g->faults);
	for (; g->n_edits < g->saved.n_edits; g->n_edits++) {
		const struct store_subject_edit *from = &g->saved.edits[g->n_edits];
		struct subject_edit *to = &g->edits[g->n_edits];
		json_auto_t *data = json_loads(from->data, 0, NULL);
		const json_t *cites = json_object_get(data, "cites"), *cite;
		size_t i;
		*to = (struct subject_edit){.id = from->id,
		                            .op = subject_op_of_name(from->kind),
		                            .text = mem_strdup(json_text(data, "text")),
		                            .cites =
		                                mem_alloc(json_array_size(cites) + 1, sizeof *to->cites)};
		json_array_foreach (cites, i, cite)
			read_cite(to, cite);
	}
}

void registry_make(struct registry *g)
{
	gather(g);
	read_known(g);
	read_edits(g);
	g->subjects = subjects_make(g->events, g->n_events, g->follows, g->n_follows);
	subjects_number(g->subjects, g->known, g->n_known);
	for (size_t i = 0; i < g->n_edits; i++)
		g->faults[i] = subjects_apply(g->subjects, &g->edits[i]);
}

int registry_load(struct store *s, const struct report *r, struct registry *ret, struct err *err)
{
	const struct store_source source = report_store_source(r);
	*ret = (struct registry){.report = r};
	int e = store_subjects_load(s, r->job, &source, &ret->saved, err);
	if (e < 0)
		return err_wrap(err, "cannot load the subjects of job %s", r->job);
	registry_make(ret);
	return 0;
}

/* ---- to the journal */

static bool is_saved(const struct registry *g, const struct store_subject *x)
{
	for (size_t i = 0; i < g->saved.n; i++) {
		const struct store_subject *y = &g->saved.subjects[i];
		if (y->number == x->number)
			return strcmp(y->frames, x->frames) == 0 && strcmp(y->description, x->description) == 0;
	}
	return false;
}

int registry_save(struct store *s, const struct registry *g, const struct store_subject_edit *edit,
                  struct err *err)
{
	const struct store_source source = report_store_source(g->report);
	size_t n, kept = 0;
	struct subject_known *known = subjects_known(g->subjects, &n);
	AUTO(mem_freep) struct store_subject *rows = mem_alloc(n + 1, sizeof *rows);
	for (size_t i = 0; i < n; i++) {
		rows[kept] =
			(struct store_subject){.number = known[i].number,
		                           .edit = known[i].split,
		                           .description = known[i].description,
		                           .frames = json_times_text(known[i].frames, known[i].n_frames)};
		if (is_saved(g, &rows[kept]))
			free(rows[kept].frames);
		else
			kept++;
	}
	int r = kept || edit
	            ? store_subjects_save(s, g->report->job, &source, &g->saved, rows, kept, edit, err)
	            : 0;
	for (size_t i = 0; i < kept; i++)
		free(rows[i].frames);
	subjects_known_free(known, n);
	return r;
}

int report_subjects_keep(struct store *s, const struct report *r, struct err *err)
{
	enum { TRIES = 20 };
	int e = -ERR_CANCELED;
	for (int i = 0; e == -ERR_CANCELED && i < TRIES; i++) {
		AUTO(registry_clear) struct registry g = {0};
		e = registry_load(s, r, &g, err);
		if (e == 0)
			e = registry_save(s, &g, NULL, err);
	}
	if (e == -ERR_CANCELED)
		return err_set(err, ERR_BUSY, "other processes change the subjects of job %s; try again",
		               r->job);
	return e;
}

/* ---- to the report */

/* "red car" of "A red car". */
static char *without_article(const char *text)
{
	static const char *const articles[] = {"a ", "an ", "the "};
	for (size_t i = 0; i < ARRAY_LEN(articles); i++) {
		size_t n = strlen(articles[i]);
		if (strncasecmp(text, articles[i], n) == 0 && text[n])
			return mem_strdup(text + n);
	}
	return mem_strdup(text);
}

/* Events of a subject are in order of start. */
static void add_interval(struct report_subject *to, const struct subject_event *e)
{
	struct report_stretch *last = to->n_intervals ? &to->intervals[to->n_intervals - 1] : NULL;
	if (last && e->start <= last->end)
		last->end = e->end > last->end ? e->end : last->end;
	else
		to->intervals[to->n_intervals++] = (struct report_stretch){e->start, e->end};
}

static void set_subject(struct report_subject *to, const struct registry *g, size_t i)
{
	const struct subject *from = &g->subjects->all[i];
	const char *description = g->events[from->events[0]].description;
	for (size_t k = 1; k < from->n_events; k++)
		if (look_precision(g->events[from->events[k]].description) > look_precision(description))
			description = g->events[from->events[k]].description;
	*to = (struct report_subject){.number = from->number,
	                              .name = mem_strdup(from->name ? from->name : ""),
	                              .description = without_article(description),
	                              .intervals = mem_alloc(from->n_events, sizeof *to->intervals)};
	to->n_possible = subjects_possible(g->subjects, i, to->possible, &to->more_possible);
	for (size_t k = 0; k < from->n_events; k++)
		add_interval(to, &g->events[from->events[k]]);
}

/* Which subject each event of a list is about; adds the events to the subjects. */
static void set_events(struct report *r, const struct registry *g, const size_t *place,
                       struct report_event *events, size_t n, bool states)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = g->of_statement[events[i].parts[0].event];
		size_t one = at == SUBJECT_NONE ? SUBJECT_NONE : g->subjects->of[at];
		if (one == SUBJECT_NONE)
			continue;
		struct report_subject *x = &r->subjects[place[one]];
		events[i].subject = x;
		if (states) {
			x->states = mem_room(x->states, x->n_states, &x->cap_states, sizeof *x->states);
			x->states[x->n_states++] = i;
		} else {
			x->events = mem_room(x->events, x->n_events, &x->cap_events, sizeof *x->events);
			x->events[x->n_events++] = i;
		}
	}
}

static void set_edit(struct report_subject_edit *to, const struct subject_edit *from,
                     const char *fault)
{
	size_t n = 0;
	*to = (struct report_subject_edit){
		.kind = subject_op_name(from->op), .text = mem_strdup(from->text), .fault = fault};
	for (size_t i = 0; i < from->n_cites; i++)
		n += from->cites[i].n_frames;
	to->subject = without_article(from->n_cites ? from->cites[0].description : "");
	to->frames = mem_alloc(n + 1, sizeof *to->frames);
	for (size_t i = 0; i < from->n_cites; i++)
		for (size_t k = 0; k < from->cites[i].n_frames; k++)
			to->frames[to->n_frames++] = from->cites[i].frames[k];
	to->n_frames = mem_sort_times(to->frames, to->n_frames);
}

struct placed {
	int64_t number;
	size_t subject;
};

static int by_number(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	return (x->number > y->number) - (x->number < y->number);
}

void report_subjects_set(struct report *r, const struct registry *g)
{
	const struct subjects *s = g->subjects;
	AUTO(mem_freep) size_t *place = mem_alloc(s->n + 1, sizeof *place);
	AUTO(mem_freep) struct placed *order = mem_alloc(s->n + 1, sizeof *order);
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].n_events)
			order[n++] = (struct placed){s->all[i].number, i};
	qsort(order, n, sizeof *order, by_number);
	r->subjects = mem_alloc(n + 1, sizeof *r->subjects);
	for (; r->n_subjects < n; r->n_subjects++) {
		place[order[r->n_subjects].subject] = r->n_subjects;
		set_subject(&r->subjects[r->n_subjects], g, order[r->n_subjects].subject);
	}
	set_events(r, g, place, r->events, r->n_events, false);
	set_events(r, g, place, r->states, r->n_states, true);
	r->subject_edits = mem_alloc(g->n_edits + 1, sizeof *r->subject_edits);
	for (; r->n_subject_edits < g->n_edits; r->n_subject_edits++)
		set_edit(&r->subject_edits[r->n_subject_edits], &g->edits[r->n_subject_edits],
		         g->faults[r->n_subject_edits]);
}

int report_subjects_load(struct store *s, struct report *r, struct err *err)
{
	AUTO(registry_clear) struct registry g = {0};
	int e = registry_load(s, r, &g, err);
	if (e == 0)
		report_subjects_set(r, &g);
	return e;
}

void report_subjects_free(struct report *r)
{
	for (size_t i = 0; i < r->n_subjects; i++) {
		free(r->subjects[i].name);
		free(r->subjects[i].description);
		free(r->subjects[i].intervals);
		free(r->subjects[i].events);
		free(r->subjects[i].states);
	}
	for (size_t i = 0; i < r->n_subject_edits; i++) {
		free(r->subject_edits[i].text);
		free(r->subject_edits[i].subject);
		free(r->subject_edits[i].frames);
	}
	free(r->subjects);
	free(r->subject_edits);
}
