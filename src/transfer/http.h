/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP exchanges by libcurl, over TCP, TLS or a Unix socket.
 *
 * A struct http keeps handles for reuse: any number of threads may call
 * http_run() on it; each call blocks its thread. A POST has a connection of its
 * own, so that it is sent only once, and the server notices at once when it is
 * aborted. Redirects are not followed unless that is asked for: they would send
 * key and pictures to another host. */
#ifndef VDET_TRANSFER_HTTP_H
#define VDET_TRANSFER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

struct http;

/* A piece of a request's body, borrowed. */
struct http_piece {
	const void *data;
	size_t len;
};

/* A field of a form; all is borrowed. */
struct http_field {
	const char *name;
	const void *data;
	size_t len;
	const char *file, *type; /* name and content type of a file; NULL = a plain value */
};

struct http_reply {
	int status;          /* 0 until the header was received */
	char type[64];       /* content type without parameters, lower case; "" = none */
	char server[64];     /* the Server header; "" = none */
	char etag[160];      /* with its quotes; "" = none */
	char modified[64];   /* Last-Modified; "" = none */
	char range[80];      /* Content-Range; "" = none */
	int64_t retry_after; /* microseconds; 0 = unknown */
	bool sent;           /* at least a part of the body was sent */
	bool passing;        /* after a failure: a retry may succeed (connection refused, lost, …) */
};

struct http_request {
	const char *url;
	const char *socket; /* Unix socket to connect to instead of the URL's host; NULL = none */
	const char *key;    /* bearer token; NULL or "" = none */
	/* PEM file of certificates to trust beside the system's; NULL or "" =
	 * none */
	const char *ca_file;
	/* For the message if a certificate is not known: what names its authority;
	 * NULL = engine.ca_file */
	const char *trusted_by;
	const struct http_piece *pieces; /* the body, JSON, sent by POST; NULL = GET */
	size_t n_pieces;
	bool put; /* the body is bytes, sent by PUT */
	/* Instead of `pieces`: the body is a form (multipart/form-data), sent by
	 * POST; NULL = none. */
	const struct http_field *fields;
	size_t n_fields;
	/* Further lines of the header, NULL-terminated; NULL = none. */
	const char *const *headers;
	/* So many redirects are followed, to http and https addresses, from https
	 * only to https; a password of the URL is sent to its own host only. The
	 * path of the URL is sent as it is. 0 = none is followed. */
	int redirects;
	/* Connects to public addresses only: each address is checked when it is
	 * connected to, whatever name led to it; no proxy is used. */
	bool public_only;
	int64_t connect_timeout;  /* microseconds; 0 = none */
	int64_t total_timeout;    /* likewise */
	struct cancel *cancel[2]; /* either stops it; may be NULL */
	/* Called on the caller's thread with pieces of the reply's body, once its
	 * header is in `reply`. A negative code ends the exchange. */
	int (*body)(void *ctx, const struct http_reply *reply, const char *data, size_t len,
	            struct err *err);
	/* Likewise, after every event and at least every 100 ms; may be NULL. A
	 * negative code ends the exchange. */
	int (*tick)(void *ctx, struct err *err);
	void *ctx;
};

struct http *http_new(void);
void http_free(struct http *h); /* no call may be in progress */
DEFINE_FREEP(struct http, http)

/* 0 once the whole reply was received, whatever its status; else ERR_CANCELED,
 * ERR_TIMEOUT (connect_timeout or total_timeout), ERR_PERM (it is not public),
 * the code of a callback, or ERR_ENGINE with libcurl's message. `reply` is
 * valid in each case. */
int http_run(struct http *h, const struct http_request *q, struct http_reply *reply,
             struct err *err);

#endif
