/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request and of a reply: request line and headers. Net thread
 * only. */
#ifndef VDET_NET_HTTP_HEAD_H
#define VDET_NET_HTTP_HEAD_H

#include <stdbool.h>

#include <libwebsockets.h>

#include "net/http/call.h"

/* Fills an empty call from the request that libwebsockets has parsed. False if
 * the request is malformed: the reply of *c says why. */
bool head_read(struct lws *wsi, struct call *c);
/* Whether the request, and so the reply, is of HTTP/1.1. */
bool head_is_http11(struct lws *wsi);
/* Whether the client wants the connection to close after the reply, by its
 * version or its Connection header. */
bool head_wants_close(struct lws *wsi);
/* Appends the head of the reply. */
void head_write(const struct call *c, bool close, struct buf *out);

#endif
