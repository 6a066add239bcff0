/* SPDX-License-Identifier: Apache-2.0 */
/* The server's outside: HTTP routes, resumable uploads, live events by
 * WebSocket, access.
 *
 * One thread, which runs net_run(), touches sockets; whatever may wait (disk,
 * board, password hashes) runs on threads of the server's own, and comes back
 * through one door (door.h). Its address space is told in openapi.json. */
#ifndef VDET_NET_NET_H
#define VDET_NET_NET_H

#include <stdint.h>

#include <jansson.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/opt.h"
#include "board/board.h"
#include "board/events.h"

struct net_options {
	char *listen, *tls_cert, *tls_key, *token_file, *origins, *hosts, *proxies;
	int64_t connections, per_address, rate, session, upload_expiry, silence, events;
};
extern const struct opt_group net_opt_group;

struct net;

/* All borrowed until net_free(). */
struct net_setup {
	const struct net_options *options;
	struct board *board;
	struct events *events;
	const char *data_dir;           /* uploads, tokens and the key of sessions lie here */
	int inherited;                  /* of net_inherited(); if not 0, net.listen does not count */
	/* What GET /performance answers, from any thread; NULL: there is none. */
	json_t *(*performance)(void *ctx);
	void *performance_ctx;
};

/* How many sockets systemd listens on for us. To be asked before there are
 * threads and children. */
int net_inherited(void);
/* Binds and listens, so that what is wrong with an address is said at once.
 * Refuses an address that others can reach as long as neither a token nor TLS
 * is there. */
int net_new(const struct net_setup *s, struct net **ret, struct err *err);
void net_free(struct net *n);
DEFINE_FREEP(struct net, net)

const char *net_url(const struct net *n); /* where a person's browser finds it */

/* Serves until `cancel` fires; then answers what is under way, for at most some
 * seconds. Blocks. */
int net_run(struct net *n, struct cancel *cancel, struct err *err);

#endif
