/* SPDX-License-Identifier: Apache-2.0 */
/* MCP by HTTP (streamable HTTP): POST /mcp. Answers that may take long are
 * streams, which threads of the service write. */
#ifndef VDET_NET_API_MCP_H
#define VDET_NET_API_MCP_H

#include "base/mem.h"
#include "board/board.h"
#include "mcp/context.h"
#include "net/http/route.h"

struct mcp_service;

/* `host` of the setup is set here; the rest is borrowed until
 * mcp_service_free(). */
struct mcp_service *mcp_service_new(const struct mcp_setup *setup, struct board *board,
                                    struct engine *engine, struct memory *memory);
/* Cancels the calls in progress; any thread. */
void mcp_service_stop(struct mcp_service *s);
/* Waits for them; the mailbox of the HTTP server has to run afterwards. NULL is
 * fine. */
void mcp_service_free(struct mcp_service *s);
DEFINE_FREEP(struct mcp_service, mcp_service)

/* The route and its body; call.ctx is a struct api. */
route_fn handle_mcp;
extern const struct body_sink mcp_sink;

#endif
