/* SPDX-License-Identifier: Apache-2.0 */
/* The tool get_frames. */
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "base/mem.h"
#include "base/text.h"
#include "mcp/pictures.h"
#include "mcp/tools-internal.h"

enum {
	INLINE_MAX = 12, /* pictures in one answer; the others are links */
	TIMES_MAX = 48,
	SIZE_MAX_PIXELS = 768,
	PICTURE_MAX = 8 * 1024 * 1024, /* bytes of one in base64 */
};

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* The times that are asked for, ascending. */
static int read_times(const struct tool_call *c, const struct mcp_video *v, int64_t out[TIMES_MAX],
                      size_t *ret_n, struct err *err)
{
	const json_t *times = json_object_get(c->args, "times");
	int64_t count = tool_int(c, "count", 0), to = tool_time(c, "to", v->to);
	int64_t from = tool_time(c, "from", v->from);
	size_t n = times ? json_array_size(times) : (size_t)count;
	if (!times == !count)
		return err_set(err, ERR_ARG, "name either times, or count with from and to");
	if (!times && to < from)
		return err_set(err, ERR_ARG, "to has to be after from");
	for (size_t i = 0; i < n; i++)
		out[i] = times ? llround(json_number_value(json_array_get(times, i)) * 1e6)
		               : from + (to - from) * (int64_t)(2 * i + 1) / (int64_t)(2 * n);
	if (n)
		qsort(out, n, sizeof *out, compare_times);
	*ret_n = n;
	return out[n - 1] < v->duration || !v->duration
	           ? 0
	           : err_set(err, ERR_ARG, "the video ends at %.3f seconds", (double)v->duration / 1e6);
}

static json_t *image_content(const struct picture *p)
{
	AUTO(buf_free) struct buf data = BUF(PICTURE_MAX);
	text_base64(&data, p->jpeg, p->len);
	return json_pack("{s:s, s:s, s:s}", "type", "image", "data", buf_str(&data), "mimeType",
	                 "image/jpeg");
}

/* Clients of 2025-03-26 and before know no links. */
static json_t *link_content(const struct tool_call *c, const char *uri, const char *name)
{
	if (strcmp(c->call->version, "2025-03-26") <= 0 && *c->call->version)
		return json_pack("{s:s, s:s}", "type", "text", "text", uri);
	return json_pack("{s:s, s:s, s:s, s:s}", "type", "resource_link", "uri", uri, "name", name,
	                 "mimeType", "image/jpeg");
}

static json_t *frame_json(struct tool_call *c, const struct mcp_video *v, const struct picture *p,
                          int *shown)
{
	AUTO(mem_freep)
	char *uri = mem_printf("vdet://video/%s/frame/%lld.jpg", v->id, (long long)p->pts);
	AUTO(mem_freep) char *name = mem_printf("%lld.jpg", (long long)p->pts);
	bool inside = p->jpeg && *shown < INLINE_MAX;
	if (inside)
		json_array_append_new(c->content, image_content(p));
	else if (p->jpeg)
		json_array_append_new(c->content, link_content(c, uri, name));
	return json_pack("{s:o, s:I, s:i, s:s, s:o}", "time", tool_seconds(p->time), "pts_us",
	                 (json_int_t)p->pts, "picture", inside ? ++*shown : 0, "uri",
	                 p->jpeg ? uri : "", "fault", tool_data(p->fault, 500));
}

struct reporting {
	const struct tool_call *call;
	size_t total;
};

static void on_progress(void *ctx, size_t done)
{
	const struct reporting *r = ctx;
	tool_progress(r->call, (double)done, (double)r->total, "decoding");
}

int tool_get_frames(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	AUTO(pictures_clear) struct pictures p = {0};
	struct tools *t = c->tools;
	const struct mcp_video *v = NULL;
	int64_t times[TIMES_MAX];
	int shown = 0;
	struct picture_request q = {.times = times,
	                            .size = (int)tool_int(c, "size", SIZE_MAX_PIXELS),
	                            .cancel = c->call->cancel,
	                            .progress = on_progress};

	int r = library_load(&t->setup, c->call->cancel, &l, err);
	if (r == 0)
		r = library_find(&l, tool_text(c, "video", ""), &v, err);
	if (r == 0)
		r = read_times(c, v, times, &q.n, err);
	struct reporting reporting = {c, q.n};
	q.video = v;
	q.ctx = &reporting;
	if (r == 0)
		r = pictures_take(&t->setup, t->known, &t->turn, &q, &p, err);
	if (r < 0)
		return r;

	json_t *frames = json_array();
	for (size_t i = 0; i < p.n; i++)
		json_array_append_new(frames, frame_json(c, v, &p.all[i], &shown));
	*ret = json_pack("{s:s, s:o, s:s, s:o, s:o}", "video", v->id, "name", tool_data(v->name, 300),
	                 "source", p.note ? "thumbnail" : "file", "note", tool_data(p.note, 500),
	                 "frames", frames);
	return 0;
}
