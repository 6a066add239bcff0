/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose first request has not arrived. libwebsockets gets a
 * connection only once the head of its first request is there and well-formed;
 * other requests are answered here with a problem document. The bytes are
 * looked at and left in the socket.
 *
 * Net thread only. */
#ifndef VDET_NET_HTTP_GATE_H
#define VDET_NET_HTTP_GATE_H

#include <libwebsockets.h>

#include "base/mem.h"
#include "net/http/conn.h"

struct gate;

struct gate_setup {
	struct lws_context *lws;
	struct http_server *http;
	int64_t timeout; /* for the head of the first request, microseconds */
	/* Takes a connection whose request can be read. */
	void (*pass)(void *ctx, int fd, struct conn *conn);
	/* A connection was closed here. */
	void (*drop)(void *ctx, struct conn *conn);
	void *ctx;
};

struct gate *gate_new(const struct gate_setup *s);
/* Closes all connections. */
void gate_free(struct gate *g);
DEFINE_FREEP(struct gate, gate)

/* A descriptor that is readable when gate_run() has something to do. */
int gate_fd(const struct gate *g);
/* Leaves closing that descriptor to another owner. */
void gate_give_fd(struct gate *g);
void gate_run(struct gate *g);

/* Takes a new connection. */
void gate_add(struct gate *g, int fd, struct conn *conn);
/* Closes all connections that wait. */
void gate_clear(struct gate *g);

#endif
