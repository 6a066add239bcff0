/* SPDX-License-Identifier: Apache-2.0 */
#include "report/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "report/text.h"

enum { TIMES_MAX = 3 }; /* of a sentence, in text */

/* ---- to the journal */

/* SHA-256 of what all chunks say, withdrawn or not. The caller frees. */
static char *statements_key(const struct report *r)
{
	char hex[HASH_HEX], place[64];
	size_t n;
	AUTO(hash_freep) struct hash *h = hash_new();
	const struct report_part **all = report_parts(r, &n);
	for (size_t i = 0; i < n; i++) {
		snprintf(place, sizeof place, "%zu %zu", all[i]->chunk, all[i]->index);
		hash_adds(h, place);
		hash_adds(h, all[i]->what);
	}
	free(all);
	for (size_t i = 0; i < r->n_chunks; i++)
		hash_adds(h, r->chunks[i].summary);
	hash_end(h, hex);
	return mem_strdup(hex);
}

/* By which it is known whether a statement is still the one that was cited. */
static void what_key(const char *what, char out[static HASH_HEX])
{
	hash_texts(&what, 1, out);
	out[16] = '\0';
}

static json_t *pack_sentence(const struct report *r, const struct story_sentence *s)
{
	json_t *of = json_array();
	for (size_t i = 0; i < s->n_entries; i++) {
		const struct report_event *e = &r->events[s->entries[i]];
		for (size_t k = 0; k < e->n_parts; k++) {
			char key[HASH_HEX];
			what_key(e->parts[k].what, key);
			json_array_append_new(of, json_pack("[I, I, s]", (json_int_t)e->parts[k].chunk,
			                                    (json_int_t)e->parts[k].index, key));
		}
	}
	return json_pack("{s:s, s:o}", "text", s->text, "of", of);
}

static json_t *pack_section(const struct report *r, const struct story_section *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(all, pack_sentence(r, &s->sentences[i]));
	return json_pack("{s:I, s:I, s:o, s:s}", "start", (json_int_t)s->start, "end",
	                 (json_int_t)s->end, "sentences", all, "fallback",
	                 s->fallback ? s->fallback : "");
}

char *report_summary_pack(const struct report *r, const struct story_summary *s,
                          const char *language)
{
	json_t *sections = json_array();
	for (size_t i = 0; i < s->n_sections; i++)
		json_array_append_new(sections, pack_section(r, &s->sections[i]));
	AUTO(mem_freep) char *made_of = statements_key(r);
	json_auto_t *root = json_pack("{s:s, s:s, s:o, s:o}", "language", language, "made_of", made_of,
	                              "whole", pack_section(r, &s->whole), "sections", sections);
	return json_dumps(root, JSON_COMPACT);
}

bool report_summary_is_old(const struct report *r, const char *packed)
{
	json_auto_t *root = packed ? json_loads(packed, 0, NULL) : NULL;
	const char *made_of = json_string_value(json_object_get(root, "made_of"));
	AUTO(mem_freep) char *now = made_of ? statements_key(r) : NULL;
	return made_of && strcmp(made_of, now) != 0; /* of an older version it is not known */
}

char *report_summary_language(const char *packed)
{
	json_auto_t *root = packed ? json_loads(packed, 0, NULL) : NULL;
	const char *language = json_string_value(json_object_get(root, "language"));
	return mem_strdup(language ? language : "");
}

/* ---- from the journal */

#define GONE SIZE_MAX
#define WITHDRAWN (SIZE_MAX - 1)

/* Which event each statement belongs to. */
struct owners {
	/* by first[chunk] + index of the statement; GONE if none, or WITHDRAWN */
	size_t *events;
	size_t *first, n; /* of each chunk; in all */
};

static void owners_clear(struct owners *o)
{
	free(o->events);
	free(o->first);
}

/* The statements of a chunk that are in these events, up to the last of them. */
static void count_statements(const struct report_event *events, size_t n, size_t *counts)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < events[i].n_parts; k++) {
			const struct report_part *p = &events[i].parts[k];
			if (counts[p->chunk] <= p->index)
				counts[p->chunk] = p->index + 1;
		}
	}
}

static void find_owners(const struct report *r, struct owners *o)
{
	o->first = mem_alloc(r->n_chunks + 2, sizeof *o->first);
	count_statements(r->events, r->n_events, o->first + 1);
	count_statements(r->withdrawn, r->n_withdrawn, o->first + 1);
	for (size_t i = 1; i <= r->n_chunks; i++)
		o->first[i] += o->first[i - 1];
	o->n = o->first[r->n_chunks];

	o->events = mem_alloc(o->n + 1, sizeof *o->events);
	for (size_t i = 0; i < o->n; i++)
		o->events[i] = GONE;
	for (size_t i = 0; i < r->n_events; i++)
		for (size_t k = 0; k < r->events[i].n_parts; k++)
			o->events[o->first[r->events[i].parts[k].chunk] + r->events[i].parts[k].index] = i;
	for (size_t i = 0; i < r->n_withdrawn; i++)
		o->events[o->first[r->withdrawn[i].parts[0].chunk] + r->withdrawn[i].parts[0].index] =
			WITHDRAWN;
}

/* Whether the statement of this event is the one that was cited: its chunk may
 * have been described again. */
static bool is_cited(const struct report *r, size_t event, json_t *statement)
{
	const struct report_event *e = &r->events[event];
	const char *cited = json_string_value(json_array_get(statement, 2));
	size_t chunk = (size_t)json_integer_value(json_array_get(statement, 0));
	size_t index = (size_t)json_integer_value(json_array_get(statement, 1));
	for (size_t k = 0; cited && k < e->n_parts; k++) {
		char key[HASH_HEX];
		if (e->parts[k].chunk != chunk || e->parts[k].index != index)
			continue;
		what_key(e->parts[k].what, key);
		return strcmp(key, cited) == 0;
	}
	return !cited; /* of an older version */
}

static size_t owner_of(const struct report *r, const struct owners *o, json_t *statement)
{
	json_int_t chunk = json_integer_value(json_array_get(statement, 0));
	json_int_t index = json_integer_value(json_array_get(statement, 1));
	if (chunk < 0 || index < 0 || (size_t)chunk >= r->n_chunks)
		return GONE;
	size_t at = o->first[chunk] + (size_t)index;
	size_t event = at < o->first[chunk + 1] ? o->events[at] : GONE;
	return event >= WITHDRAWN || is_cited(r, event, statement) ? event : GONE;
}

static bool load_sentence(const struct report *r, const struct owners *o, json_t *j,
                          struct story_sentence *ret)
{
	json_t *of = json_object_get(j, "of"), *statement;
	const char *text = json_string_value(json_object_get(j, "text"));
	AUTO(mem_freep) size_t *entries = mem_alloc(json_array_size(of) + 1, sizeof *entries);
	size_t i, n = 0;
	json_array_foreach (of, i, statement) {
		size_t event = owner_of(r, o, statement);
		if (event == WITHDRAWN)
			return false;
		if (event != GONE)
			entries[n++] = event;
	}
	if (!n || !text)
		return false;

	n = mem_sort_distinct(entries, n);
	*ret =
		(struct story_sentence){.text = mem_strdup(text), .entries = TAKE(entries), .n_entries = n};
	return true;
}

static void load_section(const struct report *r, const struct owners *o, json_t *j,
                         struct story_section *s)
{
	json_t *all = json_object_get(j, "sentences"), *sentence;
	const char *fallback = json_string_value(json_object_get(j, "fallback"));
	size_t i;
	*s = (struct story_section){.start = json_integer_value(json_object_get(j, "start")),
	                            .end = json_integer_value(json_object_get(j, "end")),
	                            .sentences =
	                                mem_alloc(json_array_size(all) + 1, sizeof *s->sentences),
	                            .fallback = mem_strdup(fallback ? fallback : "")};
	json_array_foreach (all, i, sentence)
		s->n += load_sentence(r, o, sentence, &s->sentences[s->n]);
}

/* Whether some of the whole are left out. */
static bool load_sentences(struct report *r, json_t *root)
{
	json_t *sections = json_object_get(root, "sections"), *section;
	AUTO(owners_clear) struct owners owners = {0};
	size_t i;
	find_owners(r, &owners);
	load_section(r, &owners, json_object_get(root, "whole"), &r->sentences.whole);
	r->sentences.sections = mem_alloc(json_array_size(sections) + 1, sizeof *r->sentences.sections);
	json_array_foreach (sections, i, section)
		load_section(r, &owners, section, &r->sentences.sections[r->sentences.n_sections++]);
	json_t *whole = json_object_get(json_object_get(root, "whole"), "sentences");
	return r->sentences.whole.n < json_array_size(whole);
}

/* Whether something is withdrawn that was not when the key was made. */
static bool is_outdated(const struct report *r, const char *without)
{
	for (size_t i = 0; i < r->n_withdrawn; i++) {
		char one[64];
		const struct report_part *p = &r->withdrawn[i].parts[0];
		snprintf(one, sizeof one, " %zu:%zu ", p->chunk, p->index);
		if (!strstr(without, one))
			return true;
	}
	return false;
}

/* Without a model: the events, one a line. The caller frees. */
static char *list_events(const struct report *r)
{
	struct buf out = BUF(SIZE_MAX / 2);
	char t[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < r->n_events; i++)
		buf_addf(&out, "%s%s %s", i ? "\n" : "", clock_whole(r->events[i].start, t),
		         r->events[i].what);
	return out.len ? buf_take(&out) : mem_strdup("Nothing was seen to happen.");
}

void report_summary_set(struct report *r, const char *packed, const char *without)
{
	json_auto_t *root = packed ? json_loads(packed, 0, NULL) : NULL;
	bool less = root && load_sentences(r, root);
	bool outdated = is_outdated(r, without ? without : "");
	if (!r->summary_by_model || (!less && !outdated))
		return;

	bool sentences = r->sentences.whole.n;
	free(r->summary);
	r->summary = sentences ? report_section_text(r, &r->sentences.whole) : list_events(r);
	if (sentences)
		return;
	free(r->summary_fallback);
	r->summary_by_model = false;
	r->summary_fallback = mem_strdup(outdated ? "statements were withdrawn after it was written; "
	                                            "the same command as before writes it again"
	                                          : "its events are gone; the same command as before "
	                                            "writes it again");
}

char *report_withdrawn_key(const struct report *r)
{
	struct buf b = BUF(SIZE_MAX / 2);
	for (size_t i = 0; i < r->n_withdrawn; i++) {
		const struct report_part *p = &r->withdrawn[i].parts[0];
		buf_addf(&b, " %zu:%zu ", p->chunk, p->index);
	}
	char *text = buf_take(&b);
	return text ? text : mem_strdup("");
}

char *report_chunk_rest(const struct report *r, size_t chunk)
{
	struct buf b = BUF(SIZE_MAX / 2);
	for (size_t i = 0; i < r->n_events; i++)
		for (size_t k = 0; k < r->events[i].n_parts; k++)
			if (r->events[i].parts[k].chunk == chunk)
				buf_addf(&b, "%s%s", b.len ? " " : "", r->events[i].parts[k].what);
	char *text = buf_take(&b);
	return text ? text : mem_strdup("");
}

/* ---- as text */

void report_sentence_text(const struct report *r, const struct story_sentence *s, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	buf_addf(out, "%s [", s->text);
	for (size_t i = 0; i < s->n_entries && i < TIMES_MAX; i++)
		buf_addf(out, "%s%s", i ? ", " : "", clock_whole(r->events[s->entries[i]].start, t));
	if (s->n_entries > TIMES_MAX)
		buf_addf(out, " and %zu more", s->n_entries - TIMES_MAX);
	buf_adds(out, "]");
}

char *report_section_text(const struct report *r, const struct story_section *s)
{
	struct buf out = BUF(1 << 20);
	for (size_t i = 0; i < s->n; i++) {
		buf_adds(&out, i ? " " : "");
		report_sentence_text(r, &s->sentences[i], &out);
	}
	return buf_take(&out);
}
