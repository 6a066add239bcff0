/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests on connections of libwebsockets: reads a request, checks it
 * (auth.h), runs its handler (route.h) on a thread, and sends the reply.
 *
 * Functions are for the net thread only unless they say otherwise. */
#ifndef VDET_NET_HTTP_HTTP_H
#define VDET_NET_HTTP_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libwebsockets.h>

#include "base/pool.h"
#include "net/access/access.h"
#include "net/access/rate-limit.h"
#include "net/http/call.h"
#include "net/http/mailbox.h"
#include "net/http/route.h"

/* Read by any thread. */
struct http_counts {
	_Atomic int64_t connections, refused, requests, sockets, messages, sent, received, slow_sockets;
	_Atomic int64_t by_class[6]; /* of replies: 2 = 2xx */
};

/* All borrowed until http_server_free(). Lists are separated by commas. */
struct http_setup {
	const struct route_table *tables; /* of all routes */
	size_t n_tables;
	struct access *access;
	struct rate_limiter *limiter;
	struct mailbox *mailbox;
	const char *origins; /* other web origins that may use the API */
	const char *hosts;   /* accepted names of this server while no login is needed */
	const char *proxies; /* addresses whose X-Forwarded-For is trusted */
	int64_t silence;     /* longest pause within a request, microseconds */
	bool tls;
};

struct http_server {
	struct http_setup setup;
	struct http_counts counts;
	_Atomic bool stopping; /* connections close after their reply */
	struct pool *quick, *slow, *disk, *far;
	/* Net thread only. */
	int writable;       /* epoll: sockets of replies that wait for them */
	bool owns_writable; /* false: another closes it */
	struct request *requests;
	uint64_t serials;
};

struct http_server *http_server_new(const struct http_setup *s);
/* No connection may be left. Waits for running handlers. */
void http_server_free(struct http_server *h);
DEFINE_FREEP(struct http_server, http_server)

/* Handles a callback of libwebsockets for HTTP; returns what the callback has
 * to return. Other reasons give 0. */
int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len);
bool http_idle(const struct http_server *h); /* no request is in progress */

/* Continues replies whose sockets take more: h->writable is readable. */
void http_writable(struct http_server *h);

/* Appends a complete small reply, after which the connection closes. */
void http_reply_text(struct call *c, struct buf *out);

/* Writes a complete small reply at once, for a connection that asked to become
 * a WebSocket. Always returns -1: the connection closes. */
int http_refuse(struct lws *wsi, struct call *c);

/* The end of a call that was handled with CALL_LATER, by any thread, which must
 * not use it afterwards: `result` and `err` as of a handler. */
void http_done(struct call *c, int result, const struct err *err);

/* Closes the connection of the call with this serial number, if it still
 * exists; any thread. `http` is a struct http_server. */
void http_cut(void *http, uint64_t serial);
size_t http_waiting(struct http_server *h); /* handlers that wait for a thread; any thread */

#endif
