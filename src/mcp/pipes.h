/* SPDX-License-Identifier: Apache-2.0 */
/* MCP on two file descriptors: a message a line. Calls that may take long run
 * on threads, so that others, and cancellations, are answered meanwhile. */
#ifndef VDET_MCP_PIPES_H
#define VDET_MCP_PIPES_H

#include "mcp/mcp.h"

/* Serves until the input ends, and then until the calls in progress are
 * answered; or until `cancel` fires or the output is closed, which cancels
 * them. The client may use all tools. Blocks; nothing else may write to
 * `out`. */
int pipes_serve(struct mcp *m, int in, int out, struct cancel *cancel, struct err *err);

#endif
