/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its reply.
 *
 * http.c makes it on the net thread and owns it. A handler (route.h) runs on
 * another thread of the server, reads the request, and writes the reply with
 * the functions here; or it returns an error, which becomes a problem document
 * (RFC 9457). While a handler runs, no other thread uses its call. */
#ifndef VDET_NET_HTTP_CALL_H
#define VDET_NET_HTTP_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/access/access.h"
#include "net/access/rate-limit.h"

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_PUT,
	METHOD_OPTIONS,
	METHOD_OTHER,
};

/* The headers that are read, as an index into call.headers. */
enum header {
	HEADER_HOST,
	HEADER_ORIGIN,
	HEADER_AUTHORIZATION,
	HEADER_COOKIE,
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_LENGTH,
	HEADER_TRANSFER_ENCODING,
	HEADER_ACCEPT,
	HEADER_ACCEPT_ENCODING,
	HEADER_USER_AGENT,
	HEADER_RANGE,
	HEADER_IF_NONE_MATCH,
	HEADER_IF_RANGE,
	HEADER_FORWARDED_FOR,
	HEADER_FORWARDED_PROTO,
	HEADER_FETCH_SITE,
	HEADER_FETCH_MODE,
	HEADER_METHOD_OVERRIDE,
	HEADER_EXPECT,
	HEADER_REQUEST_METHOD, /* of a CORS preflight */
	HEADER_TUS_RESUMABLE,
	HEADER_UPLOAD_OFFSET,
	HEADER_UPLOAD_LENGTH,
	HEADER_UPLOAD_METADATA,
	HEADER_UPLOAD_CHECKSUM,
	HEADER_UPLOAD_CONCAT,
	HEADER_UPLOAD_DEFER,
	HEADER_MCP_VERSION,
	HEADER_MCP_METHOD,
	HEADER_MCP_NAME,
	HEADERS,
};

/* The text of {id}, {name}, … in the path, in order; "" beyond. */
enum { ROUTE_ARGS_MAX = 3 };
struct route_args {
	char text[ROUTE_ARGS_MAX][72];
	size_t n;
};

struct call_query {
	char *name, *value;
};

struct call_reply {
	int status;       /* 0: none yet */
	const char *type; /* a literal, or NULL: no body */
	char *filename;   /* under which a browser saves it; NULL: it shows it */
	struct buf head;  /* further header lines, each with its CR LF */
	struct buf body;
	const unsigned char *constant; /* instead of body, if not NULL */
	size_t constant_len;
	struct http_stream *stream; /* instead of body, if not NULL; see stream.h */
	bool chunked;               /* it is sent in chunked transfer coding */
	int fd;                     /* a file instead of both, if not negative; owned */
	int64_t from, size;         /* the part of the file */
};

struct cancel;
struct http_server;
struct http_stream;
struct route;

struct call {
	struct http_server *http;
	const struct route *route;
	void *ctx;       /* of the route's table */
	uint64_t serial; /* unique among the requests of the server */
	enum method method;
	char *path;               /* decoded */
	struct route_args args;   /* from the path */
	char *headers[HEADERS];   /* NULL: not sent */
	struct call_query *query; /* decoded, in order */
	size_t n_query;
	json_t *body; /* of a route that takes JSON; NULL if none was sent */
	struct who who;
	char address[CLIENT_ADDRESS_MAX];
	bool local;     /* no login is needed, as there are neither tokens nor users */
	int64_t length; /* of the body in bytes; -1: unknown */
	bool chunked;   /* the body is in chunked transfer coding */
	void *sink;     /* state of the route's body sink */
	/* Of a route with ROUTE_LONG, else NULL: fired when the connection is lost
	 * before the reply. */
	struct cancel *gone;
	struct call_reply reply;
};

void call_init(struct call *c, struct http_server *h);          /* an empty call */
void call_clear(struct call *c);                                /* frees what it holds */
const char *call_query(const struct call *c, const char *name); /* NULL if it is not there */
/* An integer of the query; `def` if absent. ERR_ARG. */
int call_query_int(const struct call *c, const char *name, int64_t def, int64_t min, int64_t max,
                   int64_t *ret, struct err *err);
/* The first argument of the path as an id. ERR_NOENT if it is not a number. */
int call_id(const struct call *c, int64_t *ret, struct err *err);
/* Any argument of the path as a number from 0. ERR_NOENT. */
int call_index(const struct call *c, size_t arg, int64_t *ret, struct err *err);

/* Adds a header line; control characters become blanks. */
void call_head(struct call *c, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void call_json(struct call *c, int status, json_t *j); /* steals j */
void call_text(struct call *c, int status, const char *type, const char *text);
/* A file, or the part of it that the Range header asks for; takes fd. `etag`
 * with its quotes, or NULL. */
int call_file(struct call *c, int fd, const char *type, const char *etag, struct err *err);
/* The same with at most `most` bytes of a part: the client asks again for the
 * rest. */
int call_file_part(struct call *c, int fd, const char *type, const char *etag, int64_t most,
                   struct err *err);
void call_empty(struct call *c, int status);
void call_problem(struct call *c, int status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void call_error(struct call *c, const struct err *err); /* with the status that fits */
const char *call_status_text(int status);

#endif
