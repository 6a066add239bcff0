/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/tools.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "mcp/pictures.h"
#include "mcp/schema.h"
#include "mcp/tools-internal.h"
#include "mcp_texts.h"

static const struct {
	const char *name;
	tool_fn *fn;
	bool costs; /* needs the right to submit, and is part of the budget */
} functions[] = {
	{"list_videos", tool_list_videos, false},
	{"search", tool_search, false},
	{"get_timeline", tool_get_timeline, false},
	{"get_frames", tool_get_frames, false},
	{"get_transcript", tool_get_transcript, false},
	{"look", tool_look, true},
	{"ask", tool_ask, true},
	{"get_answer", tool_get_answer, false},
	{"add_video", tool_add_video, true},
	{"export_clip", tool_export_clip, true},
};

void tools_init(struct tools *t, const struct mcp_setup *s)
{
	*t = (struct tools){.setup = *s};
	t->list = json_loadb(mcp_tools_json, mcp_tools_json_len, 0, NULL);
	t->known = library_known_new();
	t->budget = budget_new(s->calls);
	t->asks = asks_new(s);
	sem_init(&t->turn, 0, PICTURES_AT_ONCE);
}

void tools_clear(struct tools *t)
{
	asks_free(t->asks);
	json_decref(t->list);
	library_known_free(t->known);
	budget_free(t->budget);
	sem_destroy(&t->turn);
}

/* ---- which there are */

/* The index into the functions; -1: there is none. */
static int index_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool is_there(const struct tools *t, const struct mcp_call *call, int i)
{
	const struct mcp_host *host = t->setup.host;
	if (i < 0 || (functions[i].costs && !call->submit))
		return false;
	if (functions[i].fn == tool_look || functions[i].fn == tool_ask ||
	    functions[i].fn == tool_get_answer)
		return host && host->engine;
	if (functions[i].fn == tool_export_clip)
		return t->setup.output != NULL;
	return functions[i].fn != tool_add_video || (host && host->add_video);
}

json_t *tools_list(const struct tools *t, const struct mcp_call *call)
{
	json_t *all = json_array(), *tool;
	size_t i;
	json_array_foreach (t->list, i, tool)
		if (is_there(t, call, index_of(json_text(tool, "name"))))
			json_array_append_new(all, json_deep_copy(tool)); /* others count references */
	return all;
}

const json_t *tools_find(const struct tools *t, const struct mcp_call *call, const char *name)
{
	json_t *tool;
	size_t i;
	json_array_foreach (t->list, i, tool)
		if (strcmp(json_text(tool, "name"), name) == 0)
			return is_there(t, call, index_of(name)) ? tool : NULL;
	return NULL;
}

/* ---- calls */

static json_t *text_content(const char *text)
{
	return json_pack("{s:s, s:s}", "type", "text", "text", text);
}

static json_t *failed(const struct err *err)
{
	AUTO(mem_freep) char *line = text_line(err->msg, sizeof err->msg);
	return json_pack("{s:[o], s:b}", "content", text_content(line), "isError", 1);
}

static json_t *succeeded(json_t *structured, json_t *content)
{
	AUTO(mem_freep) char *text = json_dumps(structured, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_array_insert_new(content, 0, text_content(text));
	return json_pack("{s:o, s:o, s:b}", "content", content, "structuredContent", structured,
	                 "isError", 0);
}

/* The same call again, however long it waits, is the same. */
static int take_budget(struct tools *t, const struct mcp_call *call, const char *name,
                       const json_t *arguments, struct err *err)
{
	char what[HASH_HEX];
	json_auto_t *copy = json_copy((json_t *)arguments);
	json_object_del(copy, "wait");
	AUTO(mem_freep) char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	const char *const texts[] = {name, text ? text : ""};
	hash_texts(texts, ARRAY_LEN(texts), what);
	return budget_take(t->budget, call->client, what, clock_now(), err);
}

int tools_call(struct tools *t, const struct mcp_call *call, const json_t *tool,
               const json_t *arguments, const json_t *token, json_t **ret, struct err *err)
{
	int i = index_of(json_text(tool, "name"));
	struct tool_call c = {
		.tools = t, .call = call, .args = arguments, .token = token, .content = json_array()};
	json_t *structured = NULL;
	int r = schema_check(json_object_get(tool, "inputSchema"), arguments, err);
	if (r == 0 && functions[i].costs)
		r = take_budget(t, call, functions[i].name, arguments, err);
	if (r == 0)
		r = functions[i].fn(&c, &structured, err);
	if (r == 0 && cancel_fired(call->cancel)) {
		json_decref(structured);
		r = err_set(err, ERR_CANCELED, "canceled");
	}
	if (r < 0)
		json_decref(c.content);
	if (r == -ERR_CANCELED)
		return r;
	*ret = r < 0 ? failed(err) : succeeded(structured, c.content);
	return 0;
}
