/* SPDX-License-Identifier: Apache-2.0 */
/* The tool export_clip. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "clip/clip.h"
#include "job/step-options.h"
#include "mcp/tools-internal.h"

#define RANGE_MAX (600 * CLOCK_SECOND)

struct making {
	const struct tool_call *call;
	double shown;
};

static void on_progress(void *ctx, double fraction)
{
	struct making *m = ctx;
	if (fraction < m->shown + 0.01)
		return;
	m->shown = fraction;
	tool_progress(m->call, fraction, 1, "writing the clip");
}

static int make(struct tool_call *c, const struct mcp_video *v, int fd, char **ret_path,
                struct clip_result *ret, struct err *err)
{
	const struct mcp_setup *s = &c->tools->setup;
	struct making making = {.call = c};
	struct clip_options o = {.decoder = analyze_decoder(s->options),
	                         .from = tool_time(c, "from", 0),
	                         .to = tool_time(c, "to", 0),
	                         .progress = on_progress,
	                         .ctx = &making};
	if (v->has_stream) {
		o.decoder.has_stream = true;
		o.decoder.stream = v->stream;
	}
	while (sem_wait(&c->tools->turn) < 0 && errno == EINTR)
		;
	int r = clip_write_named(fd, s->output, file_base(v->name), &o, c->call->cancel, ret_path, ret,
	                         err);
	sem_post(&c->tools->turn);
	return r;
}

static json_t *result(const struct mcp_video *v, const char *path, const struct clip_result *r)
{
	AUTO(mem_freep) char *text = clip_text(r);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "video", v->id, "name",
	                 tool_data(v->name, 300), "file", tool_data(path, 4000), "from",
	                 tool_seconds(r->from), "to", tool_seconds(r->to), "bytes",
	                 (json_int_t)r->bytes, "frames", (json_int_t)r->frames, "encoded",
	                 (json_int_t)r->encoded, "note", tool_data(text, 600));
}

int tool_export_clip(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	AUTO(fd_closep) int fd = -1;
	struct tools *t = c->tools;
	const struct mcp_video *v = NULL;
	struct clip_result made;
	int64_t from = tool_time(c, "from", 0), to = tool_time(c, "to", 0);
	if (to <= from || to - from > RANGE_MAX)
		return err_set(err, ERR_ARG, "to has to be after from, by at most %d seconds",
		               (int)(RANGE_MAX / CLOCK_SECOND));
	int r = library_load(&t->setup, c->call->cancel, &l, err);
	if (r == 0)
		r = library_find(&l, tool_text(c, "video", ""), &v, err);
	if (r == 0)
		r = library_open(&t->setup, t->known, v, c->call->cancel, &fd, err);
	if (r < 0)
		return r;

	AUTO(mem_freep) char *path = NULL;
	r = make(c, v, fd, &path, &made, err);
	if (r == 0)
		*ret = result(v, path, &made);
	return r;
}
