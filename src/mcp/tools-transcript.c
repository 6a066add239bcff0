/* SPDX-License-Identifier: Apache-2.0 */
/* The tool that reads what is said. */
#include <string.h>

#include "mcp/tools-internal.h"
#include "store/transcript.h"

enum { TEXT_MAX = 2000, SHORT_MAX = 200 };

struct wanted {
	int64_t from, to; /* to 0 = the end */
	int64_t track;    /* -1 = all */
	int64_t skip, limit;
};

static json_t *segment_json(const struct store_segment *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:i}", "start", tool_seconds(s->start), "end",
	                 tool_seconds(s->end), "text", tool_data(s->text, TEXT_MAX), "speaker",
	                 tool_data(s->who, SHORT_MAX), "language", tool_data(s->lang, SHORT_MAX),
	                 "source", s->kind, "track", s->track);
}

static json_t *segments(const struct store_transcript *t, struct wanted w, bool *ret_more)
{
	json_t *list = json_array();
	*ret_more = false;
	for (size_t i = 0; i < t->n_segments && !*ret_more; i++) {
		const struct store_segment *s = &t->segments[i];
		if (s->end < w.from || (w.to && s->start > w.to) || (w.track >= 0 && s->track != w.track) ||
		    w.skip-- > 0)
			continue;
		*ret_more = (int64_t)json_array_size(list) == w.limit;
		if (!*ret_more)
			json_array_append_new(list, segment_json(s));
	}
	return list;
}

/* A row of all sources of a kind only says what could not be read. */
static json_t *sources(const struct store_transcript *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		if (s->track >= 0 || *s->fault)
			json_array_append_new(
				list,
				json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:I}", "kind", s->kind, "track", s->track,
			              "format", tool_data(s->format, SHORT_MAX), "language",
			              tool_data(s->lang, SHORT_MAX), "title", tool_data(s->title, SHORT_MAX),
			              "fault", tool_data(s->fault, TEXT_MAX), "segments", (json_int_t)s->n));
	}
	return list;
}

static const char *coverage(const struct store_transcript *t)
{
	if (!t->n_sources)
		return "It was not looked for what is said: an older version of vdet analyzed this video.";
	return t->n_segments
	           ? "These are texts of the file's subtitles. What is only heard is not known."
	           : "The file has no subtitles that can be read here. What is only heard is "
	             "not known.";
}

int tool_get_transcript(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	const struct mcp_video *v = NULL;
	const struct wanted w = {.from = tool_time(c, "from", 0),
	                         .to = tool_time(c, "to", 0),
	                         .track = tool_int(c, "track", -1),
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
	json_t *said = segments(&t, w, &more);
	*ret = json_pack("{s:s, s:o, s:o, s:b, s:o, s:s}", "video", v->id, "name",
	                 tool_data(v->name, SHORT_MAX), "said", said, "more", (int)more, "sources",
	                 sources(&t), "coverage", coverage(&t));
	return 0;
}
