/* SPDX-License-Identifier: Apache-2.0 */
/* A reply that another thread writes while it is sent, as for server-sent
 * events. The connection closes after it.
 *
 * The writer's functions may be called from any thread; those of the reply are
 * for the net thread. What is not sent yet is kept, up to a limit. */
#ifndef VDET_NET_HTTP_STREAM_H
#define VDET_NET_HTTP_STREAM_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/http/call.h"

struct http_stream;

/* Makes the reply of a call a stream with this status and media type (a
 * literal). The writer ends it by http_stream_end(). `closed` (may be NULL) is
 * called once, on the net thread, if the connection is lost before that; it
 * must not block, nor use the stream. */
struct http_stream *http_stream_open(struct call *c, int status, const char *type,
                                     void (*closed)(void *ctx), void *ctx);
/* False: the connection is lost. */
bool http_stream_write(struct http_stream *s, const void *data, size_t len);
/* The writer must not use the stream any more; `closed` is not running, and is
 * not called any more. */
void http_stream_end(struct http_stream *s);

/* ---- the reply */

/* From now on ready(ctx) is called when there is something to take. */
void http_stream_attach(struct http_stream *s, void (*ready)(void *ctx), void *ctx);
/* The connection is lost, or the reply complete. */
void http_stream_detach(struct http_stream *s);
/* Appends what was written since the last call, and the end, in chunked
 * transfer coding if `chunked`. *ret_last: nothing follows. False: the client
 * was too slow to read it all, and the connection has to close. */
bool http_stream_take(struct http_stream *s, bool chunked, struct buf *out, bool *ret_last);
/* Whether there is something to take; not any more after *ret_last. */
bool http_stream_has(struct http_stream *s);

#endif
