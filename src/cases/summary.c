/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/summary.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "cases/writers.h"
#include "job/merge-events.h"
#include "job/summary.h"

enum { NOTE_MAX = 2000 /* bytes of the summary of one video */, LIST_LINES = 200 };

/* ---- what the summary is made of */

/* A sentence of a video's summary, or, where that has no evidence, an event. */
struct line {
	struct story_entry entry;
	char *text;
	size_t video;
	size_t event;         /* if it is one */
	const size_t *events; /* that the sentence is about; NULL = `event` alone */
	size_t n_events;
};

static size_t event_of(const struct line *l, size_t k)
{
	return l->events ? l->events[k] : l->event;
}

struct lines {
	struct line *items;
	size_t n;
};

static void lines_clear(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i].text);
	free(l->items);
}

static void add_line(struct lines *l, const struct case_report *r, struct line line,
                     const char *text)
{
	const struct case_video *v = &r->videos[line.video];
	line.text = mem_printf("%s: %s", v->label, text);
	line.entry = (struct story_entry){INT64_MAX, INT64_MIN, line.text};
	for (size_t i = 0; i < line.n_events; i++) {
		const struct case_event *e = &v->events[event_of(&line, i)];
		int64_t start = case_time(v, e->start), end = case_time(v, e->end);
		line.entry.start = start < line.entry.start ? start : line.entry.start;
		line.entry.end = end > line.entry.end ? end : line.entry.end;
	}
	l->items = mem_grow(l->items, l->n + 1, sizeof *l->items);
	l->items[l->n++] = line;
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	if (x->entry.start != y->entry.start)
		return x->entry.start < y->entry.start ? -1 : 1;
	if (x->video != y->video)
		return x->video < y->video ? -1 : 1;
	return strcmp(x->text, y->text);
}

static void collect(const struct case_report *r, struct lines *ret)
{
	for (size_t i = 0; i < r->n_videos; i++) {
		const struct case_video *v = &r->videos[i];
		for (size_t k = 0; k < v->n_sentences; k++) {
			const struct story_sentence *s = &v->sentences[k];
			add_line(ret, r,
			         (struct line){.video = i, .events = s->entries, .n_events = s->n_entries},
			         s->text);
		}
		for (size_t k = 0; k < v->n_events && !v->n_sentences; k++)
			add_line(ret, r, (struct line){.video = i, .event = k, .n_events = 1},
			         v->events[k].what);
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof *ret->items, by_time);
}

/* ---- from the lines to what they are about */

/* Where the events of each video are in `moments`. */
struct places {
	size_t *first;   /* of each video in `moments` */
	size_t *moments; /* by first[video] + event */
};

static void places_clear(struct places *p)
{
	free(p->first);
	free(p->moments);
}

static void find_places(const struct case_report *r, struct places *p)
{
	p->first = mem_alloc(r->n_videos + 1, sizeof *p->first);
	p->moments = mem_alloc(r->n_moments + 1, sizeof *p->moments);
	for (size_t i = 0; i < r->n_videos; i++)
		p->first[i + 1] = p->first[i] + r->videos[i].n_events;
	for (size_t i = 0; i < r->n_moments; i++)
		p->moments[p->first[r->moments[i].video] + r->moments[i].event] = i;
}

/* A sentence about lines becomes one about the events of the case. */
static void point_to_moments(const struct lines *l, const struct places *p,
                             struct story_sentence *s)
{
	AUTO(mem_freep) size_t *lines = TAKE(s->entries);
	size_t n = s->n_entries;
	s->n_entries = 0;
	for (size_t i = 0; i < n; i++) {
		const struct line *line = &l->items[lines[i]];
		s->entries = mem_grow(s->entries, s->n_entries + line->n_events, sizeof *s->entries);
		for (size_t k = 0; k < line->n_events; k++)
			s->entries[s->n_entries++] = p->moments[p->first[line->video] + event_of(line, k)];
	}
	s->n_entries = mem_sort_distinct(s->entries, s->n_entries);
}

/* The sentences are the summary: as text, too. */
static void show_sentences(struct case_report *r)
{
	struct buf text = BUF(SIZE_MAX / 2);
	for (size_t i = 0; i < r->n_sentences; i++) {
		buf_adds(&text, i ? " " : "");
		case_sentence_text(r, &r->sentences[i], &text);
	}
	free(r->summary);
	r->summary = buf_take(&text);
	free(r->summary_fallback);
	r->summary_fallback = mem_strdup("");
	r->summary_by_model = true;
}

static void take_sentences(struct case_report *r, const struct lines *l, struct story_section *s)
{
	AUTO(places_clear) struct places places = {0};
	find_places(r, &places);
	r->sentences = TAKE(s->sentences);
	r->n_sentences = s->n;
	s->n = 0;
	for (size_t i = 0; i < r->n_sentences; i++)
		point_to_moments(l, &places, &r->sentences[i]);
	show_sentences(r);
}

/* ---- kept, and shown again */

/* Of the events that sentences are about, in their order. */
static void hash_moments(const struct case_report *r, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	for (size_t i = 0; i < r->n_moments; i++) {
		const struct case_video *v = &r->videos[r->moments[i].video];
		const struct case_event *e = &v->events[r->moments[i].event];
		AUTO(mem_freep)
		char *times = mem_printf("%lld %lld ", (long long)case_time(v, e->start),
		                         (long long)case_time(v, e->end));
		hash_adds(h, times);
		hash_adds(h, v->label);
		hash_add(h, "", 1);
		hash_adds(h, e->what);
		hash_add(h, "", 1);
	}
	hash_end(h, out);
}

char *case_summary_pack(const struct case_report *r)
{
	char events[HASH_HEX];
	hash_moments(r, events);
	json_auto_t *root =
		json_pack("{s:s, s:o}", "events", events, "sentences", case_sentences_json(r));
	return json_dumps(root, JSON_COMPACT);
}

/* False if it is none of this report. */
static bool read_sentence(const struct case_report *r, const json_t *j, struct story_sentence *ret)
{
	const char *text = json_string_value(json_object_get(j, "text"));
	const json_t *events = json_object_get(j, "events"), *event;
	size_t i, n = json_array_size(events);
	if (!text || !n)
		return false;
	*ret = (struct story_sentence){.text = mem_strdup(text),
	                               .entries = mem_alloc(n, sizeof *ret->entries)};
	json_array_foreach (events, i, event) {
		json_int_t at = json_integer_value(event);
		if (!json_is_integer(event) || at < 0 || (size_t)at >= r->n_moments)
			return false;
		ret->entries[ret->n_entries++] = (size_t)at;
	}
	return true;
}

bool case_summary_unpack(struct case_report *r, const char *packed)
{
	json_auto_t *root = json_loads(packed, 0, NULL);
	const json_t *all = json_object_get(root, "sentences"), *sentence;
	const char *events = json_string_value(json_object_get(root, "events"));
	char now[HASH_HEX];
	size_t i, n = json_array_size(all);
	bool whole = n > 0 && events;
	hash_moments(r, now);
	if (!whole || strcmp(events, now) != 0)
		return false;
	struct story_sentence *sentences = mem_alloc(n, sizeof *sentences);
	json_array_foreach (all, i, sentence)
		whole = whole && read_sentence(r, sentence, &sentences[i]);
	if (!whole) {
		story_sentences_free(sentences, n);
		return false;
	}
	r->sentences = sentences;
	r->n_sentences = n;
	show_sentences(r);
	return true;
}

/* ---- the model */

static int find_answer(void *ctx, const char *request, char **ret, struct err *err)
{
	const struct case_answers *a = ctx;
	return store_case_step_load(a->store, a->report->id, request, ret, err);
}

static char *print_runs(const struct case_report *r)
{
	json_auto_t *runs = json_array();
	for (size_t i = 0; i < r->n_videos; i++)
		if (*r->videos[i].job)
			json_array_append_new(runs, json_string(r->videos[i].job));
	return json_dumps(runs, JSON_COMPACT);
}

static int add_answer(void *ctx, const char *request, const char *text, struct err *err)
{
	const struct case_answers *a = ctx;
	AUTO(mem_freep) char *runs = print_runs(a->report);
	return store_case_step_save(a->store, a->report->id, request, "summary", runs, text, err);
}

struct reply_journal case_answers_of(struct case_answers *answers)
{
	return (struct reply_journal){.find = find_answer, .add = add_answer, .ctx = answers};
}

static int ask_model(const struct run_context *run, const struct merge_options *o,
                     const struct lines *l, const struct reply_journal *answers,
                     struct story_summary *ret, struct err *err)
{
	const struct engine_info *e = engine_info(run->engine);
	AUTO(mem_freep) struct story_entry *entries = mem_alloc(l->n, sizeof *entries);
	for (size_t i = 0; i < l->n; i++)
		entries[i] = l->items[i].entry;
	const struct merge_list list = {
		.entries = {.entries = entries, .n = l->n, .stamp = case_clock},
		.of_case = true,
		.model = e->model,
		.model_hash = e->model_hash,
		.journal = *answers,
	};
	return merge_events(run, o, &list, ret, err);
}

/* ---- without it */

/* The list of the videos, each with its own summary. The caller frees. */
static char *list_videos(const struct case_report *r)
{
	AUTO(notes_clear) struct notes notes = {.stamp = case_clock};
	for (size_t i = 0; i < r->n_videos; i++) {
		const struct case_video *v = &r->videos[i];
		if (!*v->job || !*v->summary)
			continue;
		AUTO(mem_freep) char *line = text_line(v->summary, NOTE_MAX);
		AUTO(mem_freep) char *text = mem_printf("%s: %s", v->label, line);
		notes_add(&notes, v->start, case_time(v, v->duration), text);
	}
	return notes.n ? summary_timeline(&notes, LIST_LINES, true)
	               : mem_strdup("No video was described.");
}

void case_list_videos(struct case_report *r, const char *why)
{
	free(r->summary);
	free(r->summary_fallback);
	r->summary = list_videos(r);
	r->summary_fallback = text_line(why, 1000);
}

int case_summarize(const struct run_context *run, const struct merge_options *o,
                   const struct reply_journal *answers, struct case_report *r, struct err *err)
{
	AUTO(lines_clear) struct lines lines = {0};
	AUTO(story_summary_clear) struct story_summary s = {0};
	const char *why = "";
	collect(r, &lines);
	if (lines.n && engine_info(run->engine)->demo_model)
		why = "the demo model knows single videos only";
	else if (lines.n) {
		int e = ask_model(run, o, &lines, answers, &s, err);
		if (e < 0)
			return e;
		why = s.whole.fallback;
	}

	case_list_videos(r, why);
	if (s.whole.n && !*why)
		take_sentences(r, &lines, &s.whole);
	return 0;
}
