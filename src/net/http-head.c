/* SPDX-License-Identifier: Apache-2.0 */
/* What the headers of a request say, and the head of a reply. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/guard.h"
#include "net/http.h"
#include "net/route.h"

enum { PATH_LIMIT = 2048, HEADER_LIMIT = 8192, QUERY_LIMIT = 64, QUERY_PART = 2048 };

#define TUS_VERSION "1.0.0"

/* Where libwebsockets keeps each header: by token, or by name if it knows no
 * token. */
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
	[HEADER_ACCEPT_ENCODING] = {WSI_TOKEN_HTTP_ACCEPT_ENCODING, NULL},
	[HEADER_USER_AGENT] = {WSI_TOKEN_HTTP_USER_AGENT, NULL},
	[HEADER_RANGE] = {WSI_TOKEN_HTTP_RANGE, NULL},
	[HEADER_IF_NONE_MATCH] = {WSI_TOKEN_HTTP_IF_NONE_MATCH, NULL},
	[HEADER_IF_RANGE] = {WSI_TOKEN_HTTP_IF_RANGE, NULL},
	[HEADER_FORWARDED_FOR] = {WSI_TOKEN_X_FORWARDED_FOR, NULL},
	[HEADER_FORWARDED_PROTO] = {-1, "x-forwarded-proto:"},
	[HEADER_FETCH_SITE] = {-1, "sec-fetch-site:"},
	[HEADER_EXPECT] = {WSI_TOKEN_HTTP_EXPECT, NULL},
	[HEADER_REQUEST_METHOD] = {-1, "access-control-request-method:"},
	[HEADER_TUS_RESUMABLE] = {-1, "tus-resumable:"},
	[HEADER_UPLOAD_OFFSET] = {-1, "upload-offset:"},
	[HEADER_UPLOAD_LENGTH] = {-1, "upload-length:"},
	[HEADER_UPLOAD_METADATA] = {-1, "upload-metadata:"},
	[HEADER_UPLOAD_CHECKSUM] = {-1, "upload-checksum:"},
	[HEADER_UPLOAD_CONCAT] = {-1, "upload-concat:"},
	[HEADER_UPLOAD_DEFER] = {-1, "upload-defer-length:"},
};

/* A header's value, or NULL; false if it is too long or holds a NUL. */
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

/* The query, which the library has taken apart and decoded. */
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
	c->length = -1;
	if (c->headers[HEADER_TRANSFER_ENCODING])
		return bad(c, 411, "length",
		           "the length of the body must be told beforehand (Content-Length)");
	if (!s)
		return true;
	size_t n = strspn(s, "0123456789");
	if (!n || s[n] || n > 18)
		return bad(c, 400, "length", "Content-Length is not a number");
	c->length = strtoll(s, NULL, 10);
	return true;
}

/* The address behind a proxy that is believed: the last of the list, which that
 * proxy, our neighbour, added itself. */
static void read_forwarded(struct net *n, struct call *c)
{
	const char *list = c->headers[HEADER_FORWARDED_FOR], *proxies = n->options->proxies;
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

bool http_read_head(struct net *n, struct lws *wsi, struct call *c)
{
	char *uri = NULL;
	int len = 0, method = lws_http_get_uri_and_method(wsi, &uri, &len);
	c->net = n;
	c->path = mem_printf("%.*s", len, uri ? uri : "");
	c->method = method_of(method);
	c->length = -1;
	c->reply.fd = -1;
	c->reply.head.max = 8192;
	c->reply.body.max = INT32_MAX;
	snprintf(c->address, sizeof c->address, "%s", conn_of(wsi)->address);
	for (int h = 0; h < HEADERS; h++)
		if (!read_header(wsi, (enum header)h, &c->headers[h]))
			return bad(c, 431, "header", "a header is too long, or holds a NUL");
	read_forwarded(n, c);
	if (!read_length(c))
		return false;
	/* The library takes an encoded line end in the path for a true one, and
	 * what follows for a header: then the version is missing. */
	if (!lws_hdr_total_length(wsi, WSI_TOKEN_HTTP))
		return bad(c, 400, "request", "the first line of the request is malformed");
	if (len > PATH_LIMIT || strlen(c->path) != (size_t)len || !is_text(c->path))
		return bad(c, 400, "path", "the path is too long, or holds control characters");
	if (!read_query(wsi, c))
		return bad(c, 414, "query", "the query is too long, or holds a NUL");
	return true;
}

static void security_head(const struct call *c, struct buf *out)
{
	bool page = c->route && strncmp(c->route->pattern, "/api", 4) != 0;
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
	/* it stands alone, with its script inside; it may not act as a page of ours */
	else if (report)
		buf_adds(out,
		         "Content-Security-Policy: sandbox allow-scripts allow-popups; default-src 'none'; "
		         "script-src "
		         "'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\r\n");
	else
		buf_adds(out, "Content-Security-Policy: default-src 'none'; sandbox\r\n");
}

/* A name as RFC 6266 wants it: plain ASCII, and the true one in UTF-8. */
static void disposition(const char *filename, struct buf *out)
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

void http_reply_head(const struct call *c, bool close, struct buf *out)
{
	const struct call_reply *r = &c->reply;
	int64_t size = r->fd >= 0 ? r->size : (int64_t)(r->constant ? r->constant_len : r->body.len);
	buf_addf(out, "HTTP/1.1 %d %s\r\n", r->status, call_status_text(r->status));
	if (r->status != 204 && r->status != 304)
		buf_addf(out, "Content-Length: %lld\r\n", (long long)size);
	if (r->type)
		buf_addf(out, "Content-Type: %s\r\n", r->type);
	if (r->filename)
		disposition(r->filename, out);
	if (!strstr(buf_str(&r->head), "Cache-Control:"))
		buf_adds(out, "Cache-Control: no-store\r\n");
	if (c->route && strncmp(c->route->pattern, "/api/v1/uploads", 15) == 0)
		buf_adds(out, "Tus-Resumable: " TUS_VERSION "\r\n");
	if (c->net->tls)
		buf_adds(out, "Strict-Transport-Security: max-age=31536000\r\n");
	if (close)
		buf_adds(out, "Connection: close\r\n");
	security_head(c, out);
	if (r->head.len)
		buf_add(out, r->head.data, r->head.len);
	buf_adds(out, "\r\n");
}
