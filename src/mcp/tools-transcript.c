/* SPDX-License-Identifier: Apache-2.0 */
/* The tool that reads what is said and written. */
#include <string.h>

#include "mcp/tools-internal.h"
#include "report/said.h"

enum { TEXT_MAX = 2000, SHORT_MAX = 200, COVERAGE_MAX = 4000 };

struct wanted {
	struct said_choice choice;
	int64_t from, to; /* to 0 = the end */
	int64_t skip, limit;
};

static json_t *segment_json(const struct store_segment *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:i}", "start",
	                 tool_seconds(s->start), "end", tool_seconds(s->end), "text",
	                 tool_data(s->text, TEXT_MAX), "speaker", tool_data(s->who, SHORT_MAX),
	                 "language", tool_data(s->lang, SHORT_MAX), "source", s->kind, "recognized",
	                 (int)said_is_recognized(s->kind), "confidence",
	                 s->conf < 0 ? json_null() : json_real(s->conf), "track", s->track);
}

/* Of both lists, page by page, in order of time. */
static void add_segments(const struct store_transcript *t, struct wanted w, json_t *said,
                         json_t *written, bool *ret_more)
{
	*ret_more = false;
	for (size_t i = 0; i < t->n_segments && !*ret_more; i++) {
		const struct store_segment *s = &t->segments[i];
		if (s->end < w.from || (w.to && s->start > w.to) || !said_has(&w.choice, s) || w.skip-- > 0)
			continue;
		*ret_more = w.limit-- == 0;
		if (!*ret_more)
			json_array_append_new(strcmp(s->kind, STORE_WRITTEN) == 0 ? written : said,
			                      segment_json(s));
	}
}

/* A row of all sources of a kind only says what could not be read. */
static json_t *sources(const struct store_transcript *t, const struct said_choice *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		if (said_has_kind(c, s->kind) && report_said_source_counts(s))
			json_array_append_new(
				list,
				json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:I}", "kind", s->kind, "track",
			              s->track, "format", tool_data(s->format, SHORT_MAX), "engine",
			              tool_data(s->engine ? s->engine : "", SHORT_MAX), "language",
			              tool_data(s->lang, SHORT_MAX), "title", tool_data(s->title, SHORT_MAX),
			              "fault", tool_data(s->fault, TEXT_MAX), "segments", (json_int_t)s->n));
	}
	return list;
}

/* What is known of these kinds, and how many texts are left out. */
static json_t *coverage(const struct store_transcript *t, const char *kinds)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	report_said_coverage(t, kinds, &b);
	return tool_data(buf_str(&b), COVERAGE_MAX);
}

int tool_get_transcript(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	const struct mcp_video *v = NULL;
	const struct wanted w = {
		.choice = {tool_text(c, "kind", "said"), (int)tool_int(c, "track", SAID_ALL)},
		.from = tool_time(c, "from", 0),
		.to = tool_time(c, "to", 0),
		.skip = tool_int(c, "skip", 0),
		.limit = tool_int(c, "limit", 200)};
	bool more;
	int r = library_load(&c->tools->setup, c->call->cancel, &l, err);
	if (r == 0)
		r = library_find(&l, tool_text(c, "video", ""), &v, err);
	if (r == 0)
		r = store_transcript_load(c->tools->setup.store, v->id, &t, err);
	if (r < 0)
		return r;
	json_t *said = json_array(), *written = json_array();
	add_segments(&t, w, said, written, &more);
	*ret = json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "video", v->id, "name",
	                 tool_data(v->name, SHORT_MAX), "said", said, "written", written, "more",
	                 (int)more, "sources", sources(&t, &w.choice), "coverage",
	                 coverage(&t, w.choice.kinds));
	return 0;
}
