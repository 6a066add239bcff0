/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/text.h"
#include "subjects/look.h"

enum { TIMES_SHOWN = 3 };

void case_files_add(struct case_files *f, const char *name, const char *reason)
{
	f->items = mem_grow(f->items, f->n + 1, sizeof *f->items);
	f->items[f->n++] = (struct case_file){mem_strdup(name), mem_strdup(reason)};
}

void case_files_clear(struct case_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].name);
		free(f->items[i].reason);
	}
	free(f->items);
	*f = (struct case_files){0};
}

static void events_free(struct case_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(events[i].subject);
		free(events[i].name);
		free(events[i].what);
	}
	free(events);
}

static void video_clear(struct case_video *v)
{
	for (size_t i = 0; i < v->n_same; i++)
		free(v->same[i].name);
	events_free(v->events, v->n_events);
	events_free(v->withdrawn, v->n_withdrawn);
	for (size_t i = 0; i < v->n_anomalies; i++) {
		free(v->anomalies[i].kind);
		free(v->anomalies[i].text);
	}
	for (size_t i = 0; i < v->n_holes; i++)
		free(v->holes[i].reason);
	char *strings[] = {v->name,  v->label,   v->sha256,        v->job,    v->link,
	                   v->fault, v->summary, v->left_out_text, v->warning};
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	free(v->same);
	story_sentences_free(v->sentences, v->n_sentences);
	free(v->anomalies);
	free(v->holes);
	free(v->left_out);
}

void case_report_free(struct case_report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_videos; i++)
		video_clear(&r->videos[i]);
	case_files_clear(&r->faults);
	case_files_clear(&r->skipped);
	case_files_clear(&r->others);
	char *strings[] = {r->id, r->title, r->vdet_version, r->summary, r->summary_fallback};
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	free(r->videos);
	free(r->moments);
	story_sentences_free(r->sentences, r->n_sentences);
	free(r);
}

const char *case_presence(bool missing, bool replaced)
{
	return replaced ? "replaced: its file has another content now" : missing ? "missing now" : "";
}

int64_t case_time(const struct case_video *v, int64_t at)
{
	return v->start + at;
}

const char *case_clock(int64_t unix_us, char out[static CLOCK_TEXT_MAX])
{
	clock_iso(unix_us, out);
	if (out[0]) {
		out[10] = ' ';
		out[19] = '\0';
	}
	return out;
}

void case_sentence_text(const struct case_report *r, const struct story_sentence *s,
                        struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	buf_addf(out, "%s [", s->text);
	for (size_t i = 0; i < s->n_entries && i < TIMES_SHOWN; i++) {
		const struct case_moment *m = &r->moments[s->entries[i]];
		const struct case_video *v = &r->videos[m->video];
		buf_addf(out, "%s%s", i ? ", " : "",
		         case_clock(case_time(v, v->events[m->event].start), t));
	}
	if (s->n_entries > TIMES_SHOWN)
		buf_addf(out, " and %zu more", s->n_entries - TIMES_SHOWN);
	buf_adds(out, "]");
}

const char *case_iso(int64_t unix_us, char out[static CLOCK_TEXT_MAX])
{
	clock_iso(unix_us, out);
	size_t n = strlen(out);
	if (n)
		snprintf(out + n - 1, CLOCK_TEXT_MAX - n + 1, ".%06dZ", (int)(unix_us % CLOCK_SECOND));
	return out;
}

/* One event with a subject. */
struct mention {
	char *key; /* begins with NAMED or DESCRIBED */
	size_t video, event;
};

#define NAMED "1 "
#define DESCRIBED "2 "

static int by_key(const void *a, const void *b)
{
	const struct mention *x = a, *y = b;
	int c = strcmp(x->key, y->key);
	if (c)
		return c;
	if (x->video != y->video)
		return x->video < y->video ? -1 : 1;
	return x->event < y->event ? -1 : x->event > y->event;
}

static int by_videos(const void *a, const void *b)
{
	const struct case_subject *x = a, *y = b;
	if (x->named != y->named)
		return x->named ? -1 : 1;
	if (x->n_sights != y->n_sights)
		return x->n_sights > y->n_sights ? -1 : 1;
	if (x->events != y->events)
		return x->events > y->events ? -1 : 1;
	return strcmp(x->text, y->text);
}

static void add_key(struct mention *all, size_t *n, char *key, size_t video, size_t event)
{
	if (key)
		all[(*n)++] = (struct mention){key, video, event};
}

/* What has a name is described, too: others may be the same. */
static struct mention *list_mentions(const struct case_report *r, size_t *ret_n)
{
	struct mention *all = mem_alloc(2 * r->n_moments + 1, sizeof *all);
	size_t n = 0;
	for (size_t i = 0; i < r->n_videos; i++)
		for (size_t k = 0; k < r->videos[i].n_events; k++) {
			const struct case_event *e = &r->videos[i].events[k];
			AUTO(mem_freep) char *look = look_key(e->subject);
			if (!report_is_empty(e->name))
				add_key(all, &n, mem_printf(NAMED "%s", e->name), i, k);
			if (*look)
				add_key(all, &n, mem_printf(DESCRIBED "%s", look), i, k);
		}
	qsort(all, n, sizeof *all, by_key);
	*ret_n = n;
	return all;
}

/* The only name of all mentions of one key; NULL: some have none, or another. */
static const char *only_name(const struct case_report *r, const struct mention *m, size_t n)
{
	const char *name = NULL;
	for (size_t i = 0; i < n && strcmp(m[i].key, m[0].key) == 0; i++) {
		const struct case_event *e = &r->videos[m[i].video].events[m[i].event];
		if (report_is_empty(e->name) || (name && strcmp(name, e->name) != 0))
			return NULL;
		name = e->name;
	}
	return name;
}

static void add_mention(struct case_subject *s, const struct mention *m)
{
	struct case_sight *last = s->n_sights ? &s->sights[s->n_sights - 1] : NULL;
	if (!last || last->video != m->video) {
		s->sights = mem_grow(s->sights, s->n_sights + 1, sizeof *s->sights);
		last = &s->sights[s->n_sights++];
		*last = (struct case_sight){.video = m->video, .first = m->event};
	}
	last->events++;
	s->events++;
}

struct case_subject *case_subjects(const struct case_report *r, size_t *ret_n)
{
	size_t n_mentions, n = 0, cap = 0;
	AUTO(mem_freep) struct mention *mentions = list_mentions(r, &n_mentions);
	struct case_subject *all = NULL;
	bool listed = false;
	for (size_t i = 0; i < n_mentions; i++) {
		const struct mention *m = &mentions[i];
		if (!i || strcmp(mentions[i - 1].key, m->key) != 0) {
			const struct case_event *e = &r->videos[m->video].events[m->event];
			bool named = strncmp(m->key, NAMED, strlen(NAMED)) == 0;
			listed = named || !only_name(r, m, n_mentions - i);
			if (listed) {
				all = mem_room(all, n, &cap, sizeof *all);
				all[n++] = (struct case_subject){.text = mem_strdup(named ? e->name : e->subject),
				                                 .named = named};
			}
		}
		if (listed)
			add_mention(&all[n - 1], m);
	}
	for (size_t i = 0; i < n_mentions; i++)
		free(mentions[i].key);
	if (n)
		qsort(all, n, sizeof *all, by_videos);
	*ret_n = n;
	return all;
}

void case_subjects_listed(const struct case_subject *s, size_t n, size_t *ret_named,
                          size_t *ret_alike)
{
	size_t named = 0, end;
	while (named < n && s[named].named)
		named++;
	for (end = named; end < n && s[end].n_sights > 1;)
		end++;
	*ret_named = named;
	*ret_alike = end - named;
}

void case_subjects_free(struct case_subject *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(s[i].text);
		free(s[i].sights);
	}
	free(s);
}
