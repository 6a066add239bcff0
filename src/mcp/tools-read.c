/* SPDX-License-Identifier: Apache-2.0 */
/* Tools that read the journal: list_videos, search. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mcp/tools-internal.h"
#include "report/report.h"
#include "report/text.h"
#include "search/search.h"

enum { NAME_MAX_BYTES = 300, TEXT_MAX = 2000, SUMMARY_MAX = 600, PAGE = 500 };

static char *report_uri(const struct mcp_video *v)
{
	return mem_printf("vdet://video/%s/report.json", v->id);
}

/* ---- list_videos */

static json_t *video_json(const struct mcp_video *v)
{
	AUTO(mem_freep) char *uri = report_uri(v);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:s}", "video", v->id, "name",
	                 tool_data(v->name, NAME_MAX_BYTES), "duration", tool_seconds(v->duration),
	                 "from", tool_seconds(v->from), "to", tool_seconds(v->to), "chunks",
	                 (json_int_t)v->chunks, "holes", (json_int_t)v->holes, "summary",
	                 tool_data(v->summary, SUMMARY_MAX), "report", uri);
}

int tool_list_videos(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	const char *name = tool_text(c, "name", "");
	int64_t skip = tool_int(c, "skip", 0), limit = tool_int(c, "limit", 50);
	int r = library_load(&c->tools->setup, c->call->cancel, &l, err);
	if (r < 0)
		return r;

	json_t *videos = json_array();
	bool more = false;
	for (size_t i = 0; i < l.n && !more; i++) {
		if (!strcasestr(l.videos[i].name, name) || skip-- > 0)
			continue;
		more = (int64_t)json_array_size(videos) == limit;
		if (!more)
			json_array_append_new(videos, video_json(&l.videos[i]));
	}
	*ret = json_pack("{s:o, s:b}", "videos", videos, "more", (int)more);
	return 0;
}

/* ---- search */

struct searching {
	const struct library *library;
	const char *video; /* only in this one; NULL = in all */
	int64_t skip, limit;
	json_t *hits;
	bool more;
};

static enum search_kind kind_of(const char *name)
{
	int kind = search_kind_of_name(name);
	return kind < 0 ? SEARCH_ANY : (enum search_kind)kind;
}

/* Of the videos that the client may know. */
static void add_hits(struct searching *s, const struct search_result *found)
{
	for (size_t i = 0; i < found->n && !s->more; i++) {
		const struct search_hit *h = &found->hits[i];
		const struct mcp_video *v = NULL;
		struct err ignored;
		if (library_find(s->library, h->job, &v, &ignored) < 0 ||
		    (s->video && strcmp(s->video, v->id) != 0) || s->skip-- > 0)
			continue;
		s->more = (int64_t)json_array_size(s->hits) == s->limit;
		if (!s->more)
			json_array_append_new(
				s->hits,
				json_pack("{s:s, s:o, s:s, s:b, s:o, s:o, s:o, s:s}", "video", v->id, "name",
			              tool_data(v->name, NAME_MAX_BYTES), "kind", search_kind_name(h->kind),
			              "recognized", (int)h->recognized, "text", tool_data(h->text, TEXT_MAX),
			              "start", tool_seconds(h->start), "end", tool_seconds(h->end), "verdict",
			              check_verdict_name(h->verdict)));
	}
}

/* Page by page, as hits of other videos are left out. */
static int search_all(struct tool_call *c, struct search_query *q, struct searching *s,
                      struct err *err)
{
	bool more = true;
	for (q->limit = PAGE; more && !s->more && q->skip + PAGE <= SEARCH_LIMIT_MAX; q->skip += PAGE) {
		AUTO(search_result_clear) struct search_result found = {0};
		int r = search_run(c->tools->setup.store, q, &found, err);
		if (r < 0)
			return r;
		add_hits(s, &found);
		more = found.more && found.n;
	}
	s->more = s->more || more;
	return 0;
}

int tool_search(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	const struct mcp_video *v = NULL;
	const char *video = tool_text(c, "video", NULL);
	struct searching s = {.library = &l,
	                      .video = video,
	                      .skip = tool_int(c, "skip", 0),
	                      .limit = tool_int(c, "limit", 20)};
	int r = library_load(&c->tools->setup, c->call->cancel, &l, err);
	if (r == 0 && video)
		r = library_find(&l, video, &v, err);
	if (r < 0)
		return r;

	struct search_query q = {.words = tool_text(c, "words", ""),
	                         .scope = c->tools->setup.queue ? SEARCH_QUEUE : SEARCH_LATEST,
	                         .video = v ? v->sha256 : "",
	                         .kind = kind_of(tool_text(c, "kind", "any")),
	                         .from = tool_time(c, "from", 0),
	                         .to = tool_time(c, "to", 0)};
	s.hits = json_array();
	r = search_all(c, &q, &s, err);
	if (r < 0)
		json_decref(s.hits);
	else
		*ret = json_pack("{s:o, s:b}", "hits", s.hits, "more", (int)s.more);
	return r;
}
