/* SPDX-License-Identifier: Apache-2.0 */
/* Live events by WebSocket.
 *
 * A socket stores only the number of the last event that it sent, and
 * references to the next few: everything else stays in the log of events
 * (board/events.h). If the next event is no longer in that log, the client was
 * too slow, and the socket is closed with a reason.
 *
 * Functions are for the net thread only unless they say otherwise. */
#ifndef VDET_NET_LIVE_SOCKET_H
#define VDET_NET_LIVE_SOCKET_H

#include <libwebsockets.h>

#include <jansson.h>

#include "base/mem.h"
#include "board/events.h"
#include "net/http/http.h"

struct sockets;
struct socket;

/* Both borrowed until sockets_free(). Listens to the events. */
struct sockets *sockets_new(struct http_server *h, struct events *events);
void sockets_free(struct sockets *all); /* all connections are closed by then */
DEFINE_FREEP(struct sockets, sockets)

int socket_callback(struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len);
/* Whether a connection may become a WebSocket: 0; otherwise the refusal has
 * been written, and the result is -1. */
int socket_admit(struct sockets *all, struct lws *wsi);
void socket_closed(struct socket *s);   /* frees it; also one that never opened */
void sockets_stop(struct sockets *all); /* closes each with a reason */
bool sockets_empty(const struct sockets *all);
/* {"active": number, "sessions": [...]}; any thread; the caller owns it. */
json_t *sockets_list(struct sockets *all);

#endif
