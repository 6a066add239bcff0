/* SPDX-License-Identifier: Apache-2.0 */
/* What a question of a client is about, but was not analyzed: it is named in
 * the answer. */
#ifndef VDET_MCP_UNREAD_H
#define VDET_MCP_UNREAD_H

#include "ask/ask.h"
#include "mcp/context.h"

struct unread {
	char **names;
	size_t n, cap;
};
void unread_clear(struct unread *u);

/* The streams of the videos that were not analyzed; with `all`, also the files
 * below the folder, or the videos of the server. Blocks for the disk: files
 * below the folder that were not seen before are read. Any thread.
 * ERR_CANCELED. */
int unread_find(const struct mcp_setup *s, const struct ask_video *videos, size_t n, bool all,
                struct cancel *cancel, struct unread *ret, struct err *err);

#endif
