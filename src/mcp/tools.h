/* SPDX-License-Identifier: Apache-2.0 */
/* The tools of MCP: their list (tools.json), and calls. */
#ifndef VDET_MCP_TOOLS_H
#define VDET_MCP_TOOLS_H

#include <jansson.h>
#include <semaphore.h>

#include "answer/answer.h"
#include "mcp/asks.h"
#include "mcp/budget.h"
#include "mcp/context.h"
#include "mcp/library.h"

/* What calls share. */
struct tools {
	struct mcp_setup setup;
	json_t *list; /* of tools.json; read only */
	struct library_known *known;
	struct budget *budget;
	struct asks *asks;
	sem_t turn; /* to decode */
};
void tools_init(struct tools *t, const struct mcp_setup *s);
void tools_clear(struct tools *t);

/* The tools that this client may use, as tools/list shows them; the caller owns
 * it. */
json_t *tools_list(const struct tools *t, const struct mcp_call *call);
/* NULL: there is none, or not for this client. */
const json_t *tools_find(const struct tools *t, const struct mcp_call *call, const char *name);
/* Calls a tool of the list, with the progress token of the request (may be
 * NULL). *ret is {"content", "structuredContent", "isError"}, and the caller's;
 * a tool that fails says so in it. ERR_CANCELED is the only error. Blocks. */
int tools_call(struct tools *t, const struct mcp_call *call, const json_t *tool,
               const json_t *arguments, const json_t *token, json_t **ret, struct err *err);

/* A finished answer of the journal, if all its videos are known to the client.
 * ERR_NOENT. */
int tool_load_answer(struct tools *t, struct cancel *cancel, const char *id, struct answer **ret,
                     char **ret_json, struct err *err);

#endif
