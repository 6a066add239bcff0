/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes: what may be asked, who may ask it, and which function
 * answers. openapi.json says the same, and a test compares. */
#ifndef VDET_NET_ROUTE_H
#define VDET_NET_ROUTE_H

#include "net/call.h"

enum {
	ROUTE_BODY = 1,     /* takes a JSON object */
	ROUTE_OPTIONAL = 2, /* … which may be absent */
	ROUTE_SLOW = 4,     /* may take seconds */
	ROUTE_UPLOAD = 8,   /* takes bytes; tus.h */
	ROUTE_LOGIN = 16,   /* is asked seldom */
	ROUTE_SOCKET = 32,  /* is a WebSocket; asked otherwise, it says so */
};

typedef int route_fn(struct call *c, struct err *err);

struct route {
	enum method method;
	const char *pattern; /* "/api/v1/jobs/{id}" */
	enum role role;      /* that is needed */
	unsigned flags;
	route_fn *fn;
};

extern const struct route routes[];
extern const size_t n_routes;

/* Finds who answers; HEAD is answered as GET without its body. NULL: nobody;
 * then *ret_allow lists the methods of that path, "" if there is no such
 * path. */
const struct route *route_find(enum method method, const char *path, struct route_args *ret,
                               struct buf *ret_allow);

#endif
