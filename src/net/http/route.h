/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of routes: method and path of a request, the role that it needs, and
 * the function that handles it. openapi.json describes the same routes, and a
 * test compares them. */
#ifndef VDET_NET_HTTP_ROUTE_H
#define VDET_NET_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/http/call.h"

enum {
	ROUTE_BODY = 1,     /* takes a JSON object */
	ROUTE_OPTIONAL = 2, /* … which may be absent */
	ROUTE_SLOW = 4,     /* may take seconds: runs on the threads for slow handlers */
	ROUTE_LOGIN = 8,    /* has the rate limit of logins */
	ROUTE_SOCKET = 16,  /* is a WebSocket; the handler runs for plain requests */
	ROUTE_ORIGIN = 32,  /* refuses pages of other origins even with a token */
	ROUTE_LONG = 64,    /* its handler, or finish() of its sink, may return CALL_LATER */
};

/* Handles a request on a thread of the server: fills c->reply with the call_
 * functions, or returns an error, which becomes a problem document. With
 * CALL_LATER the call belongs to another thread from then on, which does one or
 * the other and ends with http_done(). */
enum { CALL_LATER = 1 };
typedef int route_fn(struct call *c, struct err *err);

/* Takes the bytes of a body while they arrive. The route's handler runs first;
 * if it returns 0 without a reply, write() is called for each part of the body,
 * and then either finish(), which makes the reply, or abort() if the connection
 * broke or write() failed. Functions of one call never run at the same time,
 * but on different threads, which may wait for the disk. */
struct body_sink {
	int (*write)(struct call *c, const void *data, size_t len, struct err *err);
	int (*finish)(struct call *c, struct err *err);
	void (*abort)(struct call *c);
};

struct route {
	enum method method;
	const char *pattern; /* "/api/v1/jobs/{id}" */
	enum role role;      /* that is needed */
	unsigned flags;
	route_fn *fn;
	const struct body_sink *sink;      /* NULL: the body is JSON or absent */
	const char *head;                  /* header lines of every reply; NULL: none */
	bool (*accepts)(const char *path); /* further condition; NULL: none */
	/* Whether this call waits for another machine, so that it runs on threads
	 * for those; on the net thread. NULL: none does. */
	bool (*far)(const struct call *c);
};

struct route_table {
	const struct route *routes;
	size_t n;
	void *ctx; /* call.ctx of these routes */
};

/* Finds the route of a request. HEAD uses the route of GET if it has none of
 * its own. NULL if there is none; *ret_allow then lists the methods of that
 * path, and is empty if no route has the path. */
const struct route *route_find(const struct route_table *tables, size_t n, enum method method,
                               const char *path, struct route_args *ret, void **ret_ctx,
                               struct buf *ret_allow);

#endif
