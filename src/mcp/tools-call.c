/* SPDX-License-Identifier: Apache-2.0 */
/* What all tools use of a call. */
#include <math.h>

#include "base/mem.h"
#include "base/text.h"
#include "mcp/rpc.h"
#include "mcp/tools-internal.h"

void tool_progress(const struct tool_call *c, double done, double total, const char *message)
{
	const struct mcp_call *call = c->call;
	if (!c->token || !call->notify)
		return;
	json_t *params = json_pack("{s:O, s:f}", "progressToken", c->token, "progress", done);
	if (total > 0)
		json_object_set_new(params, "total", json_real(total));
	if (message)
		json_object_set_new(params, "message", tool_data(message, 300));
	call->notify(call->ctx, rpc_notification("notifications/progress", params));
}

const char *tool_text(const struct tool_call *c, const char *key, const char *none)
{
	const json_t *v = json_object_get(c->args, key);
	return v ? json_string_value(v) : none;
}

int64_t tool_int(const struct tool_call *c, const char *key, int64_t none)
{
	const json_t *v = json_object_get(c->args, key);
	return v ? json_integer_value(v) : none;
}

int64_t tool_time(const struct tool_call *c, const char *key, int64_t none)
{
	const json_t *v = json_object_get(c->args, key);
	return v ? llround(json_number_value(v) * 1e6) : none;
}

json_t *tool_data(const char *text, size_t max)
{
	AUTO(mem_freep) char *line = text_line(text ? text : "", max);
	return json_string(line);
}

json_t *tool_seconds(int64_t us)
{
	return json_real((double)us / 1e6);
}
