/* SPDX-License-Identifier: Apache-2.0 */
#include "report/said.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/chunk-json.h"

/* Boxes have 10000 units on each side. */
#define BOX_UNITS 10000.0
enum { REASONS_SHOWN = 4, REASONS_MAX = 64 };

/* Kinds of sources, and what reports call their list. */
static const struct source_kind {
	const char *kind, *list;
	bool recognized;
} source_kinds[] = {{STORE_SUBTITLE, "said", false},
                    {STORE_SPEECH, "said", true},
                    {STORE_WRITTEN, "written", true}};

static const struct source_kind *find_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(source_kinds); i++)
		if (strcmp(source_kinds[i].kind, kind) == 0)
			return &source_kinds[i];
	return NULL;
}

bool said_is_choice(const char *kinds)
{
	static const char *const all[] = {"said", "written", "subtitle", "speech", "all", NULL};
	return text_one_of(kinds, all);
}

bool said_has_kind(const struct said_choice *c, const char *kind)
{
	const struct source_kind *of = find_kind(kind);
	return of && (strcmp(c->kinds, "all") == 0 || strcmp(c->kinds, of->list) == 0 ||
	              strcmp(c->kinds, kind) == 0);
}

bool said_has(const struct said_choice *c, const struct store_segment *s)
{
	return said_has_kind(c, s->kind) && (c->track == SAID_ALL || c->track == s->track);
}

bool said_is_recognized(const char *kind)
{
	const struct source_kind *of = find_kind(kind);
	return of && of->recognized;
}

static size_t count_dropped(const struct store_transcript *t, const struct said_choice *c)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_dropped; i++)
		n += said_has_kind(c, t->dropped[i].kind) &&
		     (c->track == SAID_ALL || c->track == t->dropped[i].track);
	return n;
}

size_t said_count(const struct store_transcript *t, const char *kinds)
{
	const struct said_choice c = {kinds, SAID_ALL};
	size_t n = 0;
	for (size_t i = 0; i < t->n_segments; i++)
		n += said_has(&c, &t->segments[i]);
	return n;
}

static size_t count_tracks(const struct store_transcript *t, const char *kind)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_sources; i++)
		n += t->sources[i].track >= 0 && strcmp(t->sources[i].kind, kind) == 0;
	return n;
}

bool said_is_known(const struct store_transcript *t, const char *kind)
{
	bool tracks = count_tracks(t, kind) > 0;
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		if (strcmp(s->kind, kind) == 0 && (s->track >= 0) == tracks && !*s->fault)
			return true;
	}
	return false;
}

bool said_is_silent(const struct store_transcript *t)
{
	return !count_tracks(t, STORE_SPEECH) && said_is_known(t, STORE_SPEECH);
}

/* A row of all sources of a kind says nothing if all were read. */
bool report_said_source_counts(const struct store_text_source *s)
{
	return s->track >= 0 || *s->fault;
}

bool report_said_source_shown(const struct store_transcript *t, size_t i)
{
	const struct store_text_source *s = &t->sources[i];
	for (size_t k = 0; s->track < 0 && k < t->n_sources; k++)
		if (t->sources[k].track >= 0 && strcmp(t->sources[k].kind, s->kind) == 0 &&
		    strcmp(t->sources[k].fault, s->fault) == 0)
			return false;
	return report_said_source_counts(s);
}

bool said_is_listed(const struct store_transcript *t, const char *kinds)
{
	const struct said_choice c = {kinds, SAID_ALL};
	for (size_t i = 0; i < t->n_sources; i++)
		if (said_has_kind(&c, t->sources[i].kind) && report_said_source_counts(&t->sources[i]))
			return true;
	return said_count(t, kinds) || count_dropped(t, &c);
}

/* ---- JSON */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *conf_or_null(double conf)
{
	return conf < 0 ? json_null() : json_real(conf);
}

/* Of the journal, in microseconds; null where it is none. */
static json_t *words_json(const char *text)
{
	json_auto_t *words = json_loads(text ? text : "", 0, NULL);
	json_t *list = json_array(), *word;
	size_t i;
	if (!json_array_size(words)) {
		json_decref(list);
		return json_null();
	}
	json_array_foreach (words, i, word) {
		const char *said = json_string_value(json_array_get(word, 2));
		const json_t *conf = json_array_get(word, 3);
		if (!said)
			continue;
		json_t *start = json_real(result_seconds(json_integer_value(json_array_get(word, 0))));
		json_t *end = json_real(result_seconds(json_integer_value(json_array_get(word, 1))));
		json_array_append_new(
			list,
			json_pack("{s:o s:o s:s s:o}", "start", start, "end", end, "text", said, "confidence",
		              json_is_number(conf) ? conf_or_null(json_number_value(conf)) : json_null()));
	}
	return list;
}

static json_t *box_json(const struct store_box *b)
{
	if (b->w <= 0 || b->h <= 0)
		return json_null();
	return json_pack("{s:f s:f s:f s:f}", "x", b->x / BOX_UNITS, "y", b->y / BOX_UNITS, "width",
	                 b->w / BOX_UNITS, "height", b->h / BOX_UNITS);
}

static json_t *said_json(const struct store_segment *s)
{
	return json_pack("{s:f s:f s:s s:o s:o s:o s:o s:s s:i}", "start", result_seconds(s->start),
	                 "end", result_seconds(s->end), "text", s->text, "speaker",
	                 text_or_null(s->who), "language", text_or_null(s->lang), "confidence",
	                 conf_or_null(s->conf), "words", words_json(s->words), "source", s->kind,
	                 "track", s->track);
}

static json_t *written_json(const struct store_segment *s)
{
	return json_pack("{s:f s:f s:s s:o s:o s:o s:i}", "start", result_seconds(s->start), "end",
	                 result_seconds(s->end), "text", s->text, "language", text_or_null(s->lang),
	                 "confidence", conf_or_null(s->conf), "box", box_json(&s->box), "track",
	                 s->track);
}

static json_t *segments_json(const struct store_transcript *t, const struct said_choice *c,
                             const char *list, json_t *(*one)(const struct store_segment *s))
{
	json_t *all = json_array();
	for (size_t i = 0; i < t->n_segments; i++) {
		const struct source_kind *of = find_kind(t->segments[i].kind);
		if (of && said_has(c, &t->segments[i]) && strcmp(of->list, list) == 0)
			json_array_append_new(all, one(&t->segments[i]));
	}
	return all;
}

json_t *report_said_json(const struct store_transcript *t, const struct said_choice *c)
{
	return segments_json(t, c, "said", said_json);
}

json_t *report_written_json(const struct store_transcript *t, const struct said_choice *c)
{
	return segments_json(t, c, "written", written_json);
}

static json_t *source_json(const struct store_text_source *s)
{
	const char *engine = s->engine ? s->engine : "";
	return json_pack("{s:s s:o s:o s:o s:o s:o s:o s:I}", "kind", s->kind, "track",
	                 s->track < 0 ? json_null() : json_integer(s->track), "format",
	                 text_or_null(s->format), "engine", text_or_null(engine), "language",
	                 text_or_null(s->lang), "title", text_or_null(s->title), "fault",
	                 text_or_null(s->fault), "segments", (json_int_t)s->n);
}

static json_t *sources_json(const struct store_transcript *t, const struct said_choice *c,
                            const char *list)
{
	bool known = false;
	json_t *all = json_array();
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		const struct source_kind *of = find_kind(s->kind);
		if (!of || !said_has_kind(c, s->kind) || strcmp(of->list, list) != 0)
			continue;
		known = true;
		if (report_said_source_counts(s))
			json_array_append_new(all, source_json(s));
	}
	if (known)
		return all;
	json_decref(all);
	return json_null();
}

json_t *report_said_sources_json(const struct store_transcript *t, const struct said_choice *c)
{
	return sources_json(t, c, "said");
}

json_t *report_written_sources_json(const struct store_transcript *t, const struct said_choice *c)
{
	return sources_json(t, c, "written");
}

json_t *report_dropped_json(const struct store_transcript *t, const struct said_choice *c,
                            bool list)
{
	json_t *all = list ? json_array() : json_null();
	for (size_t i = 0; list && i < t->n_dropped; i++) {
		const struct store_dropped *d = &t->dropped[i];
		if (said_has_kind(c, d->kind) && (c->track == SAID_ALL || c->track == d->track))
			json_array_append_new(all, json_pack("{s:f s:f s:s s:s s:s s:i}", "start",
			                                     result_seconds(d->start), "end",
			                                     result_seconds(d->end), "text", d->text, "reason",
			                                     d->reason, "source", d->kind, "track", d->track));
	}
	return json_pack("{s:I s:o}", "count", (json_int_t)count_dropped(t, c), "texts", all);
}

/* ---- for people */

/* Of written text the format names the languages, too. */
static bool has_language(const struct store_text_source *s)
{
	size_t n = strlen(s->format), m = strlen(s->lang);
	return m < n && strcmp(s->format + n - m, s->lang) == 0 && s->format[n - m - 1] == ' ';
}

char *report_said_source(const struct store_text_source *s)
{
	if (s->track < 0)
		return mem_printf("all sources of the kind \"%s\"", s->kind);
	const char *engine = s->engine && strcmp(s->engine, s->format) != 0 ? s->engine : "";
	const char *lang = has_language(s) ? "" : s->lang;
	return mem_printf("%s, track %d%s%s%s%s%s%s%s%s%s", s->kind, s->track, *s->format ? ", " : "",
	                  s->format, *lang ? ", " : "", lang, *s->title ? ", \"" : "", s->title,
	                  *s->title ? "\"" : "", *engine ? ", by " : "", engine);
}

struct reason {
	const char *text;
	size_t n;
};

static int by_number(const void *x, const void *y)
{
	const struct reason *a = x, *b = y;
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return strcmp(a->text, b->text);
}

static size_t count_reasons(const struct store_transcript *t, const struct said_choice *c,
                            struct reason *reasons)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n_dropped; i++) {
		size_t k = 0;
		if (!said_has_kind(c, t->dropped[i].kind))
			continue;
		while (k < n && strcmp(reasons[k].text, t->dropped[i].reason) != 0)
			k++;
		if (k == REASONS_MAX)
			continue;
		if (k == n)
			reasons[n++] = (struct reason){.text = t->dropped[i].reason};
		reasons[k].n++;
	}
	if (n)
		qsort(reasons, n, sizeof *reasons, by_number);
	return n;
}

void report_dropped_text(const struct store_transcript *t, const char *kinds, struct buf *out)
{
	const struct said_choice c = {kinds, SAID_ALL};
	struct reason reasons[REASONS_MAX];
	size_t n = count_reasons(t, &c, reasons), all = count_dropped(t, &c), rest = all;
	if (!all)
		return;
	buf_addf(out, "%zu text%s recognized and left out: ", all, all == 1 ? " was" : "s were");
	for (size_t i = 0; i < n && i < REASONS_SHOWN; rest -= reasons[i++].n)
		buf_addf(out, "%s%s (%zu)", i ? ", " : "", reasons[i].text, reasons[i].n);
	if (rest)
		buf_addf(out, ", for other reasons (%zu)", rest);
}

/* What is said of a kind: that it was not looked for, that there is nothing,
 * and what there is. */
static const struct kind_words {
	const char *kind, *unknown, *none, *failed, *one, *several, *note;
} kind_words[] = {
	{STORE_SUBTITLE, "It was not looked for subtitles in the file.",
     "The file has no subtitles that can be read here.",
     "No subtitles were read: ", "subtitle is in the file", "subtitles are in the file", ""},
	{STORE_SPEECH, "Speech was not transcribed: what is only heard is not known.",
     "No speech was recognized.", "No speech is known: ", "text of speech was recognized",
     "texts of speech were recognized", ", and may have errors"},
	{STORE_WRITTEN, "Text in the picture was not read.", "No text in the picture was recognized.",
     "No text in the picture is known: ", "text in the picture was recognized",
     "texts in the picture were recognized", ", and may have errors"},
};

static const char *const no_sound = "The file has no sound.";

/* Whether the reason of source i was given by one before it. */
static bool is_repeated(const struct store_transcript *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(t->sources[k].kind, t->sources[i].kind) == 0 &&
		    strcmp(t->sources[k].fault, t->sources[i].fault) == 0)
			return true;
	return false;
}

/* Why something of a kind is missing; nothing where nothing is known to be. */
static void add_faults(const struct store_transcript *t, const char *kind, const char *head,
                       struct buf *out)
{
	bool any = false;
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		if (strcmp(s->kind, kind) != 0 || !*s->fault || is_repeated(t, i))
			continue;
		buf_addf(out, "%s", any ? "; " : head);
		if (s->track >= 0)
			buf_addf(out, "track %d: ", s->track);
		buf_addf(out, "%s", s->fault);
		any = true;
	}
	if (any)
		buf_adds(out, ".");
}

static void add_coverage(const struct store_transcript *t, const struct kind_words *k,
                         struct buf *out)
{
	size_t n = said_count(t, k->kind);
	bool known = false, fault = false;
	const char *engine = "";
	for (size_t i = 0; i < t->n_sources; i++)
		if (strcmp(t->sources[i].kind, k->kind) == 0) {
			known = true;
			fault |= *t->sources[i].fault != '\0';
			if (!*engine && t->sources[i].engine)
				engine = t->sources[i].engine;
		}
	buf_adds(out, out->len ? " " : "");
	if (n)
		buf_addf(out, "%zu %s%s%s%s%s.", n, n == 1 ? k->one : k->several, *engine ? " (" : "",
		         engine, *engine ? ")" : "", k->note);
	else if (!fault)
		buf_adds(out, !known                                                    ? k->unknown
		              : strcmp(k->kind, STORE_SPEECH) == 0 && said_is_silent(t) ? no_sound
		                                                                        : k->none);
	add_faults(t, k->kind, n ? " Not complete: " : k->failed, out);
}

void report_said_coverage(const struct store_transcript *t, const char *kinds, struct buf *out)
{
	const struct said_choice c = {kinds, SAID_ALL};
	for (size_t i = 0; i < ARRAY_LEN(kind_words); i++)
		if (said_has_kind(&c, kind_words[i].kind))
			add_coverage(t, &kind_words[i], out);
	if (count_dropped(t, &c)) {
		buf_adds(out, " ");
		report_dropped_text(t, kinds, out);
		buf_adds(out, ".");
	}
}
