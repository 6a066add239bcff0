/* SPDX-License-Identifier: Apache-2.0 */
/* A server on libwebsockets: its listening sockets, the connections that it
 * takes within its limits, TLS, and the requests on them (http.h). The caller
 * runs the event loop: lws_service(s->lws, 0).
 *
 * Functions are for the thread of that loop, or before it begins and after it
 * ended, unless they say otherwise. */
#ifndef VDET_NET_HTTP_SERVICE_H
#define VDET_NET_HTTP_SERVICE_H

#include <libwebsockets.h>

#include "base/err.h"
#include "net/http/conn.h"
#include "net/http/gate.h"
#include "net/http/http.h"
#include "net/http/listen.h"

enum { SERVICE_LISTENERS_MAX = 8 };

/* All borrowed until service_clear(); `tables` may be filled until the loop
 * begins. */
struct service_setup {
	const char *name;       /* of the protocol */
	const char *cert, *key; /* PEM files; NULL or "" = no TLS */
	const struct route_table *tables;
	size_t n_tables;
	struct access *access;
	const char *origins, *hosts, *proxies; /* see struct http_setup */
	int64_t connections, per_address;      /* limits; those above are refused and counted */
	int64_t rate;                          /* requests per second of one address; 0 = no limit */
	int64_t silence;                       /* longest pause within a request, microseconds */
	const lws_retry_bo_t *liveness;        /* of upgraded connections; NULL = none */
	/* Requests to upgrade a connection, and what follows; NULL: all refused.
	 * Returns what a callback has to return. */
	int (*upgrade)(void *ctx, struct lws *wsi, enum lws_callback_reasons reason, void *in,
	               size_t len);
	void (*closed)(void *ctx, struct conn *conn); /* a connection ends; may be NULL */
	void *ctx;
};

struct service {
	struct service_setup setup;
	struct lws_context *lws;
	struct http_server *http;
	uint64_t callbacks; /* of libwebsockets, so far */
	bool tls;
	/* Internal. */
	struct lws_protocols protocols[2];
	struct lws_vhost *vhost;
	struct rate_limiter *limiter;
	struct mailbox *mailbox;
	struct gate *gate;
	struct listen_spare spare;
	int listeners[SERVICE_LISTENERS_MAX];
	size_t n_listeners;
};

/* Prepares *s, which must stay where it is; nothing is taken yet. After an
 * error, too, the caller ends it by the three functions below. ERR_ARG: no
 * certificate and its key. */
int service_open(struct service *s, const struct service_setup *setup, struct err *err);
/* Adds a listening socket, which the service closes, also on failure. */
int service_add(struct service *s, int fd, struct err *err);
/* From now on the event loop takes connections. */
int service_begin(struct service *s, struct err *err);

/* Wakes the event loop; any thread. */
void service_wake(struct service *s);
/* No new connections and requests; those in progress go on. */
void service_stop(struct service *s);

/* The end, in this order, also of one that is all zero. Closes all connections;
 * the loop has ended. */
void service_end(struct service *s);
/* Waits for handlers that still run. What they use is freed afterwards. */
void service_join(struct service *s);
void service_clear(struct service *s);

#endif
