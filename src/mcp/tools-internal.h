/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the tools share: one call. */
#ifndef VDET_MCP_TOOLS_INTERNAL_H
#define VDET_MCP_TOOLS_INTERNAL_H

#include "mcp/tools.h"

struct tool_call {
	struct tools *tools;
	const struct mcp_call *call;
	const json_t *args;  /* were checked against the schema; may be NULL */
	const json_t *token; /* of progress, or NULL */
	json_t *content;     /* to which more than the result as text is added */
};
/* Sets *ret to the structured result, which the caller owns. */
typedef int tool_fn(struct tool_call *c, json_t **ret, struct err *err);

tool_fn tool_list_videos, tool_search, tool_get_timeline, tool_get_transcript, tool_get_frames,
	tool_look, tool_ask, tool_get_answer, tool_add_video, tool_export_clip;

/* Progress of the call, if the client wants it; `done` has to grow; `total` 0 =
 * not known. */
void tool_progress(const struct tool_call *c, double done, double total, const char *message);

/* Arguments, with what they are where they are not given. */
const char *tool_text(const struct tool_call *c, const char *key, const char *none);
int64_t tool_int(const struct tool_call *c, const char *key, int64_t none);
int64_t tool_time(const struct tool_call *c, const char *key, int64_t none); /* microseconds */

/* Text that a model, a file or a person wrote, as it is given to a client: one
 * line without control characters, cut after `max` bytes. */
json_t *tool_data(const char *text, size_t max);
json_t *tool_seconds(int64_t us);

#endif
