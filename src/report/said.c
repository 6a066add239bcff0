/* SPDX-License-Identifier: Apache-2.0 */
#include "report/said.h"

#include "base/mem.h"
#include "report/chunk-json.h"

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

json_t *report_said_json(const struct store_transcript *t, int track)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_segments; i++) {
		const struct store_segment *s = &t->segments[i];
		if (track != SAID_ALL && s->track != track)
			continue;
		json_array_append_new(
			list, json_pack("{s:f s:f s:s s:o s:o s:o s:s s:i}", "start", result_seconds(s->start),
		                    "end", result_seconds(s->end), "text", s->text, "speaker",
		                    text_or_null(s->who), "language", text_or_null(s->lang), "confidence",
		                    s->conf < 0 ? json_null() : json_real(s->conf), "source", s->kind,
		                    "track", s->track));
	}
	return list;
}

/* A row of all sources of a kind says nothing if all were read. */
static bool is_listed(const struct store_text_source *s)
{
	return s->track >= 0 || *s->fault;
}

bool said_is_listed(const struct store_transcript *t)
{
	for (size_t i = 0; i < t->n_sources; i++)
		if (is_listed(&t->sources[i]))
			return true;
	return t->n_segments > 0;
}

json_t *report_said_sources_json(const struct store_transcript *t)
{
	if (!t->n_sources)
		return json_null();
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		if (is_listed(s))
			json_array_append_new(
				list, json_pack("{s:s s:o s:o s:o s:o s:o s:I}", "kind", s->kind, "track",
			                    s->track < 0 ? json_null() : json_integer(s->track), "format",
			                    text_or_null(s->format), "language", text_or_null(s->lang), "title",
			                    text_or_null(s->title), "fault", text_or_null(s->fault), "segments",
			                    (json_int_t)s->n));
	}
	return list;
}

char *report_said_source(const struct store_text_source *s)
{
	if (s->track < 0)
		return mem_printf("all sources of the kind \"%s\"", s->kind);
	return mem_printf("%s, track %d, %s%s%s%s%s%s", s->kind, s->track, s->format,
	                  *s->lang ? ", " : "", s->lang, *s->title ? ", \"" : "", s->title,
	                  *s->title ? "\"" : "");
}
