/* SPDX-License-Identifier: Apache-2.0 */
/* One request, and what is answered to it.
 *
 * Made by http.c on the net thread, which owns it. A handler (route.h) runs on
 * a thread of the server's own, reads what the request says, and writes the
 * reply with the functions here; or it returns an error, which becomes a
 * problem document (RFC 9457). Between handlers nobody else touches a call. */
#ifndef VDET_NET_CALL_H
#define VDET_NET_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/access.h"
#include "net/peer.h"

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_OTHER,
};

/* The headers that somebody here reads, as an index into call.headers. */
enum header {
	HEADER_HOST,
	HEADER_ORIGIN,
	HEADER_AUTHORIZATION,
	HEADER_COOKIE,
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_LENGTH,
	HEADER_TRANSFER_ENCODING,
	HEADER_ACCEPT_ENCODING,
	HEADER_USER_AGENT,
	HEADER_RANGE,
	HEADER_IF_NONE_MATCH,
	HEADER_IF_RANGE,
	HEADER_FORWARDED_FOR,
	HEADER_FORWARDED_PROTO,
	HEADER_FETCH_SITE,
	HEADER_EXPECT,
	HEADER_REQUEST_METHOD, /* of a CORS preflight */
	HEADER_TUS_RESUMABLE,
	HEADER_UPLOAD_OFFSET,
	HEADER_UPLOAD_LENGTH,
	HEADER_UPLOAD_METADATA,
	HEADER_UPLOAD_CHECKSUM,
	HEADER_UPLOAD_CONCAT,
	HEADER_UPLOAD_DEFER,
	HEADERS,
};

/* What stands for {id}, {name}, … in the path, in order; "" beyond. */
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
	char *filename;   /* what a browser shall save it as; NULL: it shows it */
	struct buf head;  /* further header lines, each with its CR LF */
	struct buf body;
	const unsigned char *constant; /* instead of body, if not NULL */
	size_t constant_len;
	int fd;             /* a file instead of both, if not negative; ours */
	int64_t from, size; /* the part of the file */
};

struct net;
struct route;

struct call {
	struct net *net;
	const struct route *route;
	enum method method;
	char *path;               /* decoded */
	struct route_args args;   /* from the path */
	char *headers[HEADERS];   /* NULL: not sent */
	struct call_query *query; /* decoded, in order */
	size_t n_query;
	json_t *body; /* of a route that takes JSON; NULL if none was sent */
	struct who who;
	char address[PEER_ADDRESS_MAX];
	bool local;       /* nobody has to log in, as there are neither tokens nor users */
	int64_t length;   /* of the body, -1: not said */
	struct piece *up; /* the upload that this call writes to; tus.c */
	struct call_reply reply;
};

void call_clear(struct call *c);                                /* frees what it holds */
const char *call_query(const struct call *c, const char *name); /* NULL if it is not there */
/* A number from the query; `def` if absent. */
int call_query_int(const struct call *c, const char *name, int64_t def, int64_t min, int64_t max,
                   int64_t *ret, struct err *err);
/* {id}; what is no id is ERR_NOENT */
int call_id(const struct call *c, int64_t *ret, struct err *err);
/* a number from 0; likewise */
int call_index(const struct call *c, size_t arg, int64_t *ret, struct err *err);

void call_head(struct call *c, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void call_json(struct call *c, int status, json_t *j); /* steals j */
void call_text(struct call *c, int status, const char *type, const char *text);
/* A file that the client may have in parts; takes fd. `etag` with its quotes,
 * or NULL. */
int call_file(struct call *c, int fd, const char *type, const char *etag, struct err *err);
void call_empty(struct call *c, int status);
void call_problem(struct call *c, int status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void call_error(struct call *c, const struct err *err); /* the problem that fits an error */
const char *call_status_text(int status);

#endif
