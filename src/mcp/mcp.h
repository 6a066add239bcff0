/* SPDX-License-Identifier: Apache-2.0 */
/* A server of the Model Context Protocol: answers to its messages, however they
 * are carried (pipes.h; net/api).
 *
 * Two eras at once: since revision 2026-07-28 each request names its revision
 * in `_meta` and is answered by itself; before, a client begins with
 * `initialize`. Which one a request belongs to is seen from it. Any thread;
 * calls may run at the same time. */
#ifndef VDET_MCP_MCP_H
#define VDET_MCP_MCP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/mem.h"
#include "mcp/context.h"
#include "mcp/rpc.h"

#define MCP_MODERN "2026-07-28"
#define MCP_LEGACY "2025-11-25"  /* the newest of the revisions with `initialize` */
#define MCP_BATCHES "2025-03-26" /* the only one with batches; without a header, in HTTP */

struct mcp;
struct mcp *mcp_new(const struct mcp_setup *s);
void mcp_free(struct mcp *m); /* no call may be in progress */
DEFINE_FREEP(struct mcp, mcp)

/* The revision that a request names in `_meta`; NULL: none. */
const char *mcp_version_of(const struct rpc_message *q);
bool mcp_is_modern(const struct rpc_message *q);
/* Whether a revision with `initialize` is known. */
bool mcp_is_legacy_version(const char *version);
/* Whether the answer may take long (tools and resources): others can be
 * answered where nothing should wait. */
bool mcp_is_long(const struct rpc_message *q);

/* What is wrong with a request before it is answered, its metadata or its
 * method; NULL: nothing. The caller owns it. Pure. */
json_t *mcp_refuse(const struct rpc_message *q);
/* The response to a message, which the caller owns. NULL: there is none to
 * send, as it is not a request, or was canceled. Blocks. */
json_t *mcp_answer(struct mcp *m, const struct rpc_message *q, const struct mcp_call *call);

/* Of HTTP: the headers repeat parts of the message. NULL: they do; else the
 * response that says what is wrong. `version`, `method` and `name`: what the
 * headers say, NULL: they are missing. Pure. */
json_t *mcp_check_headers(const struct rpc_message *q, const char *version, const char *method,
                          const char *name);
/* The status of HTTP for a response. Pure. */
int mcp_status(const struct rpc_message *q, const json_t *response);

#endif
