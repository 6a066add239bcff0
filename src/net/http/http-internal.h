/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c and http-reply.c share: a request in progress, and its reply. Net
 * thread only, except for the steps. */
#ifndef VDET_NET_HTTP_HTTP_INTERNAL_H
#define VDET_NET_HTTP_HTTP_INTERNAL_H

#include "net/http/chunked.h"
#include "net/http/http.h"

/* Bytes of a refused body that are read and ignored. */
enum { HTTP_DRAIN = 1 << 20 };

/* What a thread does for a request: run the handler of a route without a sink
 * or with one, or one of the functions of the sink. */
enum step { STEP_HANDLE, STEP_OPEN, STEP_WRITE, STEP_FINISH, STEP_ABORT };

struct request {
	struct call call;
	struct lws *wsi;            /* NULL once the connection is closed */
	struct request *next, **at; /* in http.requests */
	bool busy;                  /* a thread runs a step: it owns call, taken, result and err */
	enum step step;
	int result;
	struct err err;
	bool opened;        /* the sink needs finish() or abort() */
	bool body, arrived; /* there is a body; all of it was received */
	int64_t began, received;
	struct chunked decoder;
	struct buf in, taken; /* parts of the body: received, and passed to the sink */
	/* The reply. */
	bool replying, head_sent, close, drain;
	bool http11;    /* of the client */
	bool last_sent; /* of a stream: its end is in `out` */
	bool sent;      /* all of it is in the socket */
	bool waits;     /* `socket` is in the set http.writable */
	int socket;
	bool held;          /* the library does not read the connection */
	int64_t from, left; /* rest of the file that is sent */
	struct buf out;     /* LWS_PRE bytes, and what is sent next */
	size_t out_at;      /* the first byte of it that is not in the socket */
};

void http_request_free(struct request *r);
/* Lets the library read the connection, or not. */
void http_read_on(struct request *r, bool on);

/* Sends the reply of r->call, as far as the socket takes it now. -1: the
 * connection closes. *r may be freed. */
int http_begin_reply(struct request *r);
/* Ends the connection as soon as the client has closed its side of it, which
 * libwebsockets does not see while it does not read. */
void http_watch_client(struct request *r);
void http_unwatch(struct request *r); /* not any more; or the connection is closed */
/* libwebsockets can write. -1: the connection closes. *r may be freed. */
int http_reply_writable(struct request *r);

#endif
