/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored with each connection of libwebsockets, from accept to close.
 * Net thread only. */
#ifndef VDET_NET_HTTP_CONN_H
#define VDET_NET_HTTP_CONN_H

#include <libwebsockets.h>

#include "net/access/rate-limit.h"

struct http_server;
struct request;
struct socket;

struct conn {
	struct http_server *http;
	char address[CLIENT_ADDRESS_MAX]; /* of the client, "local" for a Unix socket */
	struct request *request;          /* in progress; owned by http.c */
	struct socket *socket;            /* if it became a WebSocket; owned by socket.c */
	bool pipelined; /* bytes of the next request came before the last reply was complete */
};

static inline struct conn *conn_of(struct lws *wsi)
{
	return lws_get_opaque_user_data(wsi);
}

#endif
