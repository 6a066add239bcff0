/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/resources.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "mcp/pictures.h"
#include "report/report.h"

enum {
	PAGE = 200,                     /* resources in one list */
	DIGITS_MAX = 15,                /* of a time */
	FRAME_SIZE = 768,               /* pixels */
	REPORT_MAX = 128 * 1024 * 1024, /* bytes */
	PICTURE_MAX = 8 * 1024 * 1024,
};

/* ---- addresses */

/* Reads digits from *at on, and what has to follow them. */
static bool read_number(const char **at, const char *after, int64_t *ret)
{
	size_t n = strspn(*at, "0123456789");
	if (!n || n > DIGITS_MAX || strcmp(*at + n, after) != 0 || (n > 1 && **at == '0'))
		return false;
	*ret = strtoll(*at, NULL, 10);
	return true;
}

/* Reads what it begins with; whether it does. */
static bool skip(const char **at, const char *text)
{
	size_t n = strlen(text);
	bool good = strncmp(*at, text, n) == 0;
	*at += good ? n : 0;
	return good;
}

static bool read_id(const char **at, struct resource *to)
{
	size_t n = strspn(*at, "0123456789abcdef");
	if (!n || n >= sizeof to->id)
		return false;
	memcpy(to->id, *at, n);
	*at += n;
	return true;
}

static bool read_uri(const char *at, struct resource *to)
{
	if (skip(&at, "vdet://answer/")) {
		to->kind = RESOURCE_ANSWER;
		return read_id(&at, to) && strcmp(at, ".json") == 0;
	}
	if (!skip(&at, "vdet://video/") || !read_id(&at, to))
		return false;
	to->kind = RESOURCE_FRAME;
	if (skip(&at, "/frame/"))
		return read_number(&at, ".jpg", &to->pts);
	to->kind = RESOURCE_REPORT;
	return strcmp(at, "/report.json") == 0;
}

int resource_parse(const char *uri, struct resource *ret, struct err *err)
{
	struct resource r = {0};
	if (!read_uri(uri, &r))
		return err_set(err, ERR_ARG,
		               "there is no resource \"%.200s\"; they are vdet://video/ID/report.json, "
		               "vdet://video/ID/frame/MICROSECONDS.jpg and vdet://answer/ID.json",
		               uri);
	*ret = r;
	return 0;
}

/* ---- lists */

json_t *resources_templates(void)
{
	return json_pack(
		"[{s:s, s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s, s:s}]",
		"uriTemplate", "vdet://video/{id}/report.json", "name", "report", "title",
		"Report of a video", "description",
		"Everything that is known of a video; id from list_videos.", "mimeType", "application/json",
		"uriTemplate", "vdet://video/{id}/frame/{pts_us}.jpg", "name", "frame", "title",
		"Frame of a video", "description", "The frame that is shown at a time, in microseconds.",
		"mimeType", "image/jpeg", "uriTemplate", "vdet://answer/{id}.json", "name", "answer",
		"title", "Answer to a question", "description",
		"An answer with its citations and what was examined; id from ask.", "mimeType",
		"application/json");
}

static json_t *entry(const struct mcp_video *v)
{
	AUTO(mem_freep) char *uri = mem_printf("vdet://video/%s/report.json", v->id);
	AUTO(mem_freep) char *name = text_line(v->name, 300);
	return json_pack("{s:s, s:s, s:s}", "uri", uri, "name", name, "mimeType", "application/json");
}

int resources_list(struct tools *t, const struct mcp_call *call, const char *cursor, json_t **ret,
                   struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	int64_t first = 0;
	if (cursor && !read_number(&cursor, "", &first))
		return err_set(err, ERR_ARG, "the cursor is not of an earlier list");
	int r = library_load(&t->setup, call->cancel, &l, err);
	if (r < 0)
		return r;

	json_t *all = json_array();
	size_t i = (size_t)first;
	for (; i < l.n && json_array_size(all) < PAGE; i++)
		json_array_append_new(all, entry(&l.videos[i]));
	*ret = json_pack("{s:o}", "resources", all);
	if (i < l.n)
		json_object_set_new(*ret, "nextCursor", json_sprintf("%zu", i));
	return 0;
}

/* ---- contents */

static int read_report(struct tools *t, const char *uri, const struct mcp_video *v, json_t **ret,
                       struct err *err)
{
	AUTO(report_freep) struct report *report = NULL;
	AUTO(buf_free) struct buf text = BUF(REPORT_MAX);
	int r = report_load_text(t->setup.store, v->id, REPORT_NORMAL, &report, err);
	if (r == 0)
		r = report_json(report, &text, err);
	if (r == 0)
		*ret = json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri, "mimeType",
		                 "application/json", "text", buf_str(&text));
	return r;
}

static int read_frame(struct tools *t, const struct mcp_call *call, const char *uri,
                      const struct mcp_video *v, int64_t pts, json_t **ret, struct err *err)
{
	AUTO(pictures_clear) struct pictures p = {0};
	AUTO(buf_free) struct buf data = BUF(PICTURE_MAX);
	const struct picture_request q = {
		.video = v, .times = &pts, .n = 1, .size = FRAME_SIZE, .cancel = call->cancel};
	if (pts >= v->duration)
		return err_set(err, ERR_NOENT, "the video ends at %lld microseconds",
		               (long long)v->duration);
	int r = pictures_take(&t->setup, t->known, &t->turn, &q, &p, err);
	if (r < 0)
		return r;
	if (!p.all[0].jpeg)
		return err_set(err, ERR_NOENT, "there is no picture: %s", p.all[0].fault);
	text_base64(&data, p.all[0].jpeg, p.all[0].len);
	*ret = json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri, "mimeType", "image/jpeg",
	                 "blob", buf_str(&data));
	return 0;
}

static int read_answer(struct tools *t, const struct mcp_call *call, const char *uri,
                       const char *id, json_t **ret, struct err *err)
{
	AUTO(answer_freep) struct answer *a = NULL;
	AUTO(mem_freep) char *text = NULL;
	int r = tool_load_answer(t, call->cancel, id, &a, &text, err);
	if (r == 0)
		*ret = json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri, "mimeType",
		                 "application/json", "text", text);
	return r;
}

int resources_read(struct tools *t, const struct mcp_call *call, const char *uri, json_t **ret,
                   struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	const struct mcp_video *v = NULL;
	struct resource q;
	int r = resource_parse(uri, &q, err);
	if (r == 0 && q.kind == RESOURCE_ANSWER)
		return read_answer(t, call, uri, q.id, ret, err);
	if (r == 0)
		r = library_load(&t->setup, call->cancel, &l, err);
	if (r == 0)
		r = library_find(&l, q.id, &v, err);
	if (r < 0)
		return r;
	return q.kind == RESOURCE_REPORT ? read_report(t, uri, v, ret, err)
	                                 : read_frame(t, call, uri, v, q.pts, ret, err);
}
