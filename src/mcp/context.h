/* SPDX-License-Identifier: Apache-2.0 */
/* What serves MCP, and one request while it is answered. */
#ifndef VDET_MCP_CONTEXT_H
#define VDET_MCP_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "engine/engine.h"
#include "job/options.h"
#include "memory/memory.h"
#include "store/store.h"

/* The state of an analysis that add_video started. */
struct mcp_added {
	char handle[24];
	const char *state; /* "queued", "running", "done", …: a literal */
	double progress;   /* 0 to 1 */
	char *video;       /* id of its run, NULL = not known yet; the caller frees */
	char *message;     /* likewise; NULL = none */
};

/* What the program around it can do. */
struct mcp_host {
	void *ctx;
	/* Starts the analysis of a file (`path`) or an address (`url`), one of
	 * which is NULL, or finds the one that was started; does not wait for its
	 * end. Any thread. NULL: the tool does not exist. */
	int (*add_video)(void *ctx, const char *path, const char *url, struct mcp_added *ret,
	                 struct err *err);
	/* The engine that answers questions, which is started if need be; may take
	 * long. Both are borrowed until mcp_free(). Any thread. NULL: nothing is
	 * asked. */
	int (*engine)(void *ctx, struct engine **ret, struct memory **ret_memory, struct err *err);
	/* Whether a video of the queue may be read at this address. Quick, any
	 * thread. NULL: files only. */
	bool (*reads)(void *ctx, const char *address);
};

struct remote_web;

/* All borrowed until mcp_free(). */
struct mcp_setup {
	struct store *store;
	struct remote_web *web; /* for videos that `reads` of the host allows; NULL = none */
	const struct analyze_options *options; /* how frames are decoded and shown */
	/* real path: files are read, and videos are known, only below it; NULL =
	 * those of the journal */
	const char *folder;
	/* real path of the folder that gets clips, in which no file is replaced;
	 * NULL = none are written */
	const char *output;
	bool queue;    /* only the videos of the server's queue */
	int64_t calls; /* of tools that cost something, an hour and client; 0 = no limit */
	const struct mcp_host *host;
};

/* A request that is being answered. */
struct mcp_call {
	struct cancel *cancel; /* fired: no one waits for the answer; may be NULL */
	const char *client;    /* whose budget it is */
	bool submit;           /* the client may use tools that cost something */
	/* revision of the protocol that was agreed on before; "" = none */
	const char *version;
	/* Sends a notification that belongs to the request; takes it. NULL: the
	 * client does not take any. */
	void (*notify)(void *ctx, json_t *notification);
	void *ctx;
};

#endif
