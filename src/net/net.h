/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server of the board: API, page, resumable uploads, live events by
 * WebSocket.
 *
 * One thread, which runs net_run(), uses the sockets. Everything that may wait
 * (disk, board, password hashes) runs on other threads of the server, which
 * post their results to the net thread (http/mailbox.h). api/openapi.json
 * describes the routes. */
#ifndef VDET_NET_NET_H
#define VDET_NET_NET_H

#include <stdint.h>

#include <jansson.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/opt.h"
#include "board/board.h"
#include "board/events.h"
#include "mcp/context.h"
#include "net/api/fleet.h"

struct net_options {
	char *listen, *tls_cert, *tls_key, *token_file, *origins, *hosts, *proxies;
	bool open;
	int64_t connections, per_address, rate;  /* numbers */
	int64_t session, upload_expiry, silence; /* microseconds */
	int64_t events, mcp_calls;               /* numbers */
	int64_t chat_upload_max, chat_max_wait;  /* bytes; microseconds */
};
extern const struct opt_group net_opt_group;

struct net;

/* All borrowed until net_free(). */
struct net_setup {
	const struct net_options *options;
	struct board *board;
	struct events *events;
	struct mcp_setup mcp;  /* of /mcp, without host, calls and queue */
	struct engine *engine; /* that answers questions there */
	struct memory *memory;
	const char *data_dir; /* of uploads, tokens and the key of sessions */
	int inherited;        /* net_inherited(); if not 0, net.listen is ignored */
	/* The reply of GET /performance; any thread; NULL: not available. */
	json_t *(*performance)(void *ctx);
	void *performance_ctx;
	const struct api_fleet *fleet; /* whose workers the API shows; NULL: none */
};

/* The number of listening sockets that systemd passed to this process. Call it
 * before threads and children are started. */
int net_inherited(void);
/* Binds the addresses, so that errors are reported at once. Refuses an address
 * that other machines can reach if there is neither a token nor a user, unless
 * net.open is set (ERR_PERM). */
int net_new(const struct net_setup *s, struct net **ret, struct err *err);
void net_free(struct net *n); /* waits for running handlers */
DEFINE_FREEP(struct net, net)

const char *net_url(const struct net *n); /* for a browser; owned by n */

/* Serves until `cancel` fires; then finishes open requests, for at most 5
 * seconds. Blocks; the calling thread is the net thread. */
int net_run(struct net *n, struct cancel *cancel, struct err *err);

#endif
