/* SPDX-License-Identifier: Apache-2.0 */
/* Live events by WebSocket.
 *
 * A socket keeps nothing but the number of the last event that it sent, and a
 * handful of references to the next ones: what a slow reader has not read stays
 * in the one log of events (board/events.h). Once it has fallen out of that,
 * the socket is closed with a reason. Net thread only, but socket_list(). */
#ifndef VDET_NET_SOCKET_H
#define VDET_NET_SOCKET_H

#include "net/server.h"

int socket_callback(struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len);
/* Whether a connection may become a socket: 0; else the refusal has been
 * written (not 0). */
int socket_admit(struct net *n, struct lws *wsi);
void socket_closed(struct socket *s); /* it is gone; also one that never opened */
void socket_news(struct net *n);      /* there are new events */
void socket_end_all(struct net *n);   /* the server stops: closes each with a reason */
json_t *socket_list(struct net *n);   /* {"active", "sessions"}; any thread */

#endif
