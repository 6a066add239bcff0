/* SPDX-License-Identifier: Apache-2.0 */
/* The tool add_video. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mcp/tools-internal.h"

enum { POLL_EVERY = 300 /* milliseconds */ };

static void clear_added(struct mcp_added *a)
{
	free(a->video);
	free(a->message);
	*a = (struct mcp_added){0};
}

static bool has_ended(const struct mcp_added *a)
{
	return strcmp(a->state, "queued") != 0 && strcmp(a->state, "running") != 0;
}

int tool_add_video(struct tool_call *c, json_t **ret, struct err *err)
{
	AUTO(clear_added) struct mcp_added a = {0};
	const struct mcp_host *host = c->tools->setup.host;
	const char *path = tool_text(c, "path", NULL), *url = tool_text(c, "url", NULL);
	int64_t until = clock_now() + tool_time(c, "wait", 10 * CLOCK_SECOND);
	double shown = 0;
	if (!path == !url)
		return err_set(err, ERR_ARG, "name either path or url");
	for (;;) {
		clear_added(&a);
		int r = host->add_video(host->ctx, path, url, &a, err);
		if (r < 0)
			return r;
		if (has_ended(&a) || clock_now() >= until || cancel_fired(c->call->cancel))
			break;
		if (a.progress > shown)
			tool_progress(c, shown = a.progress, 1, a.message);
		struct pollfd fd = {.fd = cancel_fd(c->call->cancel), .events = POLLIN};
		poll(&fd, 1, POLL_EVERY);
	}

	*ret = json_pack("{s:s, s:s, s:f, s:s, s:o}", "handle", a.handle, "state", a.state, "progress",
	                 a.progress, "video", a.video ? a.video : "", "message",
	                 tool_data(a.message, 600));
	return 0;
}
