/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies over a connection. Net thread only, but request_cut(). */
#ifndef VDET_NET_HTTP_H
#define VDET_NET_HTTP_H

#include "net/server.h"

/* The callbacks of libwebsockets that have to do with HTTP; other reasons give
 * 0. */
int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len);

/* Reads what the headers say of a request. False if it is malformed: the reply
 * of *c says how. */
bool http_read_head(struct net *n, struct lws *wsi, struct call *c);
/* Writes a whole small reply at once; for a connection that asked to become a
 * WebSocket. */
int http_refuse(struct lws *wsi, struct call *c);
/* The head of a reply, and all of its body that is text. */
void http_reply_head(const struct call *c, bool close, struct buf *out);

/* Ends the connection that a call came by; any thread, also when the call is
 * gone. */
void http_cut(struct net *n, uint64_t serial);
uint64_t http_serial(const struct call *c);
size_t http_open_requests(const struct net *n);

#endif
