/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/head.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/http/conn.h"
#include "net/http/http.h"

enum { PATH_LIMIT = 2048, HEADER_LIMIT = 8192, QUERY_LIMIT = 64, QUERY_PART = 2048 };

/* How libwebsockets finds each header: by token, or by name if it has no token. */
static const struct {
	int token;
	const char *name;
} places[HEADERS] = {
	[HEADER_HOST] = {WSI_TOKEN_HOST, NULL},
	[HEADER_ORIGIN] = {WSI_TOKEN_ORIGIN, NULL},
	[HEADER_AUTHORIZATION] = {WSI_TOKEN_HTTP_AUTHORIZATION, NULL},
	[HEADER_COOKIE] = {WSI_TOKEN_HTTP_COOKIE, NULL},
	[HEADER_CONTENT_TYPE] = {WSI_TOKEN_HTTP_CONTENT_TYPE, NULL},
	[HEADER_CONTENT_LENGTH] = {WSI_TOKEN_HTTP_CONTENT_LENGTH, NULL},
	[HEADER_TRANSFER_ENCODING] = {WSI_TOKEN_HTTP_TRANSFER_ENCODING, NULL},
	[HEADER_ACCEPT] = {WSI_TOKEN_HTTP_ACCEPT, NULL},
	[HEADER_ACCEPT_ENCODING] = {WSI_TOKEN_HTTP_ACCEPT_ENCODING, NULL},
	[HEADER_USER_AGENT] = {WSI_TOKEN_HTTP_USER_AGENT, NULL},
	[HEADER_RANGE] = {WSI_TOKEN_HTTP_RANGE, NULL},
	[HEADER_IF_NONE_MATCH] = {WSI_TOKEN_HTTP_IF_NONE_MATCH, NULL},
	[HEADER_IF_RANGE] = {WSI_TOKEN_HTTP_IF_RANGE, NULL},
	[HEADER_FORWARDED_FOR] = {WSI_TOKEN_X_FORWARDED_FOR, NULL},
	[HEADER_FORWARDED_PROTO] = {-1, "x-forwarded-proto:"},
	[HEADER_FETCH_SITE] = {-1, "sec-fetch-site:"},
	[HEADER_FETCH_MODE] = {-1, "sec-fetch-mode:"},
	[HEADER_METHOD_OVERRIDE] = {-1, "x-http-method-override:"},
	[HEADER_EXPECT] = {WSI_TOKEN_HTTP_EXPECT, NULL},
	[HEADER_REQUEST_METHOD] = {-1, "access-control-request-method:"},
	[HEADER_TUS_RESUMABLE] = {-1, "tus-resumable:"},
	[HEADER_UPLOAD_OFFSET] = {-1, "upload-offset:"},
	[HEADER_UPLOAD_LENGTH] = {-1, "upload-length:"},
	[HEADER_UPLOAD_METADATA] = {-1, "upload-metadata:"},
	[HEADER_UPLOAD_CHECKSUM] = {-1, "upload-checksum:"},
	[HEADER_UPLOAD_CONCAT] = {-1, "upload-concat:"},
	[HEADER_UPLOAD_DEFER] = {-1, "upload-defer-length:"},
	[HEADER_MCP_VERSION] = {-1, "mcp-protocol-version:"},
	[HEADER_MCP_METHOD] = {-1, "mcp-method:"},
	[HEADER_MCP_NAME] = {-1, "mcp-name:"},
};

/* Reads the value of a header, NULL if absent. False if it is too long or
 * contains NUL. */
static bool read_header(struct lws *wsi, enum header h, char **ret)
{
	const char *name = places[h].name;
	int name_len = name ? (int)strlen(name) : 0, token = places[h].token;
	int len = name ? lws_hdr_custom_length(wsi, name, name_len)
	               : lws_hdr_total_length(wsi, (enum lws_token_indexes)token);
	if (len < 0 || (!name && !len))
		return true;
	if (len > HEADER_LIMIT)
		return false;
	AUTO(mem_freep) char *value = mem_alloc(1, (size_t)len + 2);
	int n = name ? lws_hdr_custom_copy(wsi, value, len + 1, name, name_len)
	             : lws_hdr_copy(wsi, value, len + 1, (enum lws_token_indexes)token);
	if (n < 0 || strlen(value) != (size_t)n)
		return false;
	size_t end = strlen(value);
	while (end && (value[end - 1] == ' ' || value[end - 1] == '\t'))
		value[--end] = '\0';
	*ret = TAKE(value);
	return true;
}

/* Reads the query, which the library has split and decoded. */
static bool read_query(struct lws *wsi, struct call *c)
{
	char part[QUERY_PART];
	int n;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) >= QUERY_PART)
		return false;
	for (int i = 0;
	     (n = lws_hdr_copy_fragment(wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0;
	     i++) {
		if (i == QUERY_LIMIT || strlen(part) != (size_t)n)
			return false;
		char *eq = strchr(part, '=');
		c->query = mem_grow(c->query, c->n_query + 1, sizeof *c->query);
		c->query[c->n_query++] = (struct call_query){
			.name = eq ? mem_printf("%.*s", (int)(eq - part), part) : mem_strdup(part),
			.value = mem_strdup(eq ? eq + 1 : ""),
		};
	}
	return true;
}

static enum method method_of(int lws_method)
{
	switch (lws_method) {
	case LWSHUMETH_GET: return METHOD_GET;
	case LWSHUMETH_HEAD: return METHOD_HEAD;
	case LWSHUMETH_POST: return METHOD_POST;
	case LWSHUMETH_PATCH: return METHOD_PATCH;
	case LWSHUMETH_DELETE: return METHOD_DELETE;
	case LWSHUMETH_PUT: return METHOD_PUT;
	case LWSHUMETH_OPTIONS: return METHOD_OPTIONS;
	default: return METHOD_OTHER;
	}
}

static bool is_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool bad(struct call *c, int status, const char *code, const char *text)
{
	call_problem(c, status, code, "%s", text);
	return false;
}

static bool read_length(struct call *c)
{
	const char *s = c->headers[HEADER_CONTENT_LENGTH];
	const char *coding = c->headers[HEADER_TRANSFER_ENCODING];
	c->length = -1;
	c->chunked = coding && strcasecmp(coding, "chunked") == 0;
	if (coding && (s || !c->chunked))
		return bad(c, 400, "length", "expected either Content-Length or chunked transfer coding");
	if (!s)
		return true;
	size_t n = strspn(s, "0123456789");
	if (!n || s[n] || n > 18)
		return bad(c, 400, "length", "Content-Length is not a number");
	c->length = strtoll(s, NULL, 10);
	return true;
}

/* Clients that cannot send other methods send POST and X-HTTP-Method-Override. */
static bool read_override(struct call *c)
{
	const char *name = c->headers[HEADER_METHOD_OVERRIDE];
	if (!name || c->method != METHOD_POST)
		return true;
	if (strcmp(name, "PATCH") == 0)
		c->method = METHOD_PATCH;
	else if (strcmp(name, "DELETE") == 0)
		c->method = METHOD_DELETE;
	else if (strcmp(name, "HEAD") == 0)
		c->method = METHOD_HEAD;
	else if (strcmp(name, "POST") != 0)
		return bad(c, 400, "method", "X-HTTP-Method-Override must be PATCH, DELETE or HEAD");
	return true;
}

/* The client address behind a trusted proxy: the last of the list, which that
 * proxy added itself. */
static void read_forwarded(struct call *c)
{
	const char *list = c->headers[HEADER_FORWARDED_FOR], *proxies = c->http->setup.proxies;
	if (!list || !*proxies)
		return;
	AUTO(mem_freep) char *known = mem_printf(",%s,", proxies);
	AUTO(mem_freep) char *me = mem_printf(",%s,", c->address);
	for (char *s = known, *d = known;; s++) /* without blanks */
		if (*s != ' ' && !(*d++ = *s))
			break;
	if (!strstr(known, me))
		return;
	const char *last = strrchr(list, ',');
	last = last ? last + 1 : list;
	last += strspn(last, " ");
	unsigned char raw[16];
	if (inet_pton(AF_INET, last, raw) == 1 || inet_pton(AF_INET6, last, raw) == 1)
		snprintf(c->address, sizeof c->address, "%s", last);
}

bool head_read(struct lws *wsi, struct call *c)
{
	char *uri = NULL;
	int len = 0, method = lws_http_get_uri_and_method(wsi, &uri, &len);
	c->path = mem_printf("%.*s", len, uri ? uri : "");
	c->method = method_of(method);
	snprintf(c->address, sizeof c->address, "%s", conn_of(wsi)->address);
	for (int i = 0; i < HEADERS; i++)
		if (!read_header(wsi, (enum header)i, &c->headers[i]))
			return bad(c, 431, "header", "a header is too long or contains NUL");
	read_forwarded(c);
	if (!read_length(c) || !read_override(c))
		return false;
	/* The library decodes a percent-encoded line end in the path before it
	 * splits the request line: the version is missing then. */
	if (!lws_hdr_total_length(wsi, WSI_TOKEN_HTTP))
		return bad(c, 400, "request", "the first line of the request is malformed");
	if (len > PATH_LIMIT || strlen(c->path) != (size_t)len || !is_text(c->path))
		return bad(c, 400, "path", "the path is too long or contains control characters");
	if (!read_query(wsi, c))
		return bad(c, 414, "query", "the query is too long or contains NUL");
	return true;
}

bool head_is_http11(struct lws *wsi)
{
	char version[16] = "";
	lws_hdr_copy(wsi, version, sizeof version, WSI_TOKEN_HTTP);
	return strcmp(version, "HTTP/1.1") == 0;
}

bool head_wants_close(struct lws *wsi)
{
	char connection[64] = "";
	lws_hdr_copy(wsi, connection, sizeof connection, WSI_TOKEN_CONNECTION);
	return strcasecmp(connection, "close") == 0 ||
	       (!head_is_http11(wsi) && strcasecmp(connection, "keep-alive") != 0);
}

static void add_security(const struct call *c, struct buf *out)
{
	bool page = c->route && strncmp(c->route->pattern, "/api", 4) != 0 &&
	            strncmp(c->route->pattern, "/v1/", 4) != 0;
	bool report = c->reply.type && strncmp(c->reply.type, "text/html", 9) == 0 && !page;
	buf_adds(out, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	if (page)
		buf_adds(
			out,
			"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
			"img-src 'self' "
			"blob: data:; media-src 'self' blob:; connect-src 'self'; form-action 'self'; "
			"base-uri 'none'; "
			"frame-ancestors 'none'\r\n");
	/* A report has its script inside, and must not act with the rights of the
	 * page. */
	else if (report)
		buf_adds(out,
		         "Content-Security-Policy: sandbox allow-scripts allow-popups; default-src 'none'; "
		         "script-src "
		         "'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\r\n");
	else
		buf_adds(out, "Content-Security-Policy: default-src 'none'; sandbox\r\n");
}

/* Content-Disposition (RFC 6266): the name in ASCII, and in UTF-8. */
static void add_disposition(const char *filename, struct buf *out)
{
	buf_adds(out, "Content-Disposition: attachment; filename=\"");
	for (const char *s = filename; *s; s++)
		buf_addf(out, "%c",
		         *s < ' ' || *s > '~' || *s == '"' || *s == '\\' || *s == '%' ? '_' : *s);
	buf_adds(out, "\"; filename*=UTF-8''");
	for (const unsigned char *s = (const unsigned char *)filename; *s; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		    strchr("._-", *s))
			buf_addf(out, "%c", *s);
		else
			buf_addf(out, "%%%02X", *s);
	buf_adds(out, "\r\n");
}

void head_write(const struct call *c, bool close, struct buf *out)
{
	const struct call_reply *r = &c->reply;
	int64_t size = r->fd >= 0 ? r->size : (int64_t)(r->constant ? r->constant_len : r->body.len);
	buf_addf(out, "HTTP/1.1 %d %s\r\n", r->status, call_status_text(r->status));
	if (r->chunked)
		buf_adds(out, "Transfer-Encoding: chunked\r\n");
	else if (r->status != 204 && r->status != 304 && !r->stream)
		buf_addf(out, "Content-Length: %lld\r\n", (long long)size);
	if (r->type)
		buf_addf(out, "Content-Type: %s\r\n", r->type);
	if (r->filename)
		add_disposition(r->filename, out);
	if (!strstr(buf_str(&r->head), "Cache-Control:"))
		buf_adds(out, "Cache-Control: no-store\r\n");
	if (c->route && c->route->head)
		buf_adds(out, c->route->head);
	if (c->http->setup.tls)
		buf_adds(out, "Strict-Transport-Security: max-age=31536000\r\n");
	if (close)
		buf_adds(out, "Connection: close\r\n");
	add_security(c, out);
	if (r->head.len)
		buf_add(out, r->head.data, r->head.len);
	buf_adds(out, "\r\n");
}
