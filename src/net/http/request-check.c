/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/request-check.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* A part of the head. */
struct span {
	const char *at;
	size_t len;
};

static enum request_verdict bad(struct request_fault *f, int status, const char *code,
                                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static enum request_verdict bad(struct request_fault *f, int status, const char *code,
                                const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	f->status = status;
	f->code = code;
	vsnprintf(f->detail, sizeof f->detail, fmt, ap);
	va_end(ap);
	return REQUEST_BAD;
}

static bool is(struct span s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

/* Whether it is a token (RFC 9110): the form of methods and of header names. */
static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && (!c || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return s.len > 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes the bytes before `end` off *s; all of it if there is none. */
static struct span take(struct span *s, char end)
{
	const char *p = memchr(s->at, end, s->len);
	struct span first = {s->at, p ? (size_t)(p - s->at) : s->len};
	size_t used = first.len + (p != NULL);
	*s = (struct span){s->at + used, s->len - used};
	return first;
}

/* The next line without its end. False if its end has not come yet. */
static bool take_line(struct span *s, struct span *ret)
{
	if (!memchr(s->at, '\n', s->len))
		return false;
	*ret = take(s, '\n');
	if (ret->len && ret->at[ret->len - 1] == '\r')
		ret->len--;
	return true;
}

static enum request_verdict check_method(struct span m, struct request_fault *f)
{
	static const char *const known[] = {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"};
	if (!is_token(m))
		return bad(f, 400, "request",
		           m.len && *m.at == 0x16
		               ? "the client speaks TLS, and this address does not; use http://"
		               : "the first line of the request is malformed; expected METHOD /PATH "
		                 "HTTP/1.1");
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (m.len == strlen(known[i]) && memcmp(m.at, known[i], m.len) == 0)
			return REQUEST_GOOD;
	return bad(f, 501, "method",
	           "the method %.*s is not supported; use GET, HEAD, POST, PATCH, DELETE or OPTIONS",
	           (int)(m.len < 40 ? m.len : 40), m.at);
}

static enum request_verdict check_target(struct span t, struct request_fault *f)
{
	if (t.len > REQUEST_TARGET_MAX)
		return bad(f, 414, "path", "the address is longer than %d bytes", REQUEST_TARGET_MAX);
	if (!t.len || *t.at != '/')
		return bad(
			f, 400, "request",
			"expected a path that begins with / in the first line; this server is not a proxy, "
			"the host belongs into the header Host");
	for (size_t i = 0; i < t.len; i++) {
		int c = (unsigned char)t.at[i];
		if (c == '%') {
			int high = i + 1 < t.len ? hex(t.at[i + 1]) : -1;
			int low = i + 2 < t.len ? hex(t.at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return bad(f, 400, "path",
				           "after %% the address needs two hexadecimal digits; write %%25 for %%");
			c = high << 4 | low;
			i += 2;
		}
		if (!c || c == '\r' || c == '\n' || c == 0x7f || (c < ' ' && t.at[i] == c))
			return bad(f, 400, "path", "the address contains control characters");
	}
	return REQUEST_GOOD;
}

static enum request_verdict check_version(struct span v, struct request_fault *f)
{
	if (is(v, "HTTP/1.1") || is(v, "HTTP/1.0"))
		return REQUEST_GOOD;
	if (v.len > 5 && strncasecmp(v.at, "HTTP/", 5) == 0)
		return bad(f, 505, "version", "only HTTP/1.1 and HTTP/1.0 are supported");
	return bad(f, 400, "request",
	           "the first line of the request is malformed; expected METHOD /PATH HTTP/1.1");
}

/* What a head may have only once. */
struct once {
	struct span host, length;
};

static enum request_verdict check_length(struct span v, struct once *o, struct request_fault *f)
{
	bool same = o->length.at && o->length.len == v.len && memcmp(o->length.at, v.at, v.len) == 0;
	for (size_t i = 0; i < v.len; i++)
		if (v.at[i] < '0' || v.at[i] > '9')
			return bad(f, 400, "length", "Content-Length is not a number");
	if (!v.len || v.len > 18)
		return bad(f, 400, "length", "Content-Length is not a number, or too large");
	if (o->length.at && !same)
		return bad(f, 400, "length", "two headers Content-Length differ");
	o->length = v;
	return REQUEST_GOOD;
}

static enum request_verdict check_header(struct span line, struct once *o, struct request_fault *f)
{
	struct span value = line, name = take(&value, ':');
	if (name.len == line.len || !is_token(name))
		return bad(f, 400, "header", "a header is not of the form NAME: VALUE");
	while (value.len && (*value.at == ' ' || *value.at == '\t'))
		value = (struct span){value.at + 1, value.len - 1};
	while (value.len && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
		value.len--;
	if (line.len > REQUEST_HEADER_MAX)
		return bad(f, 431, "header", "a header has more than %d bytes", REQUEST_HEADER_MAX);
	for (size_t i = 0; i < value.len; i++)
		if (((unsigned char)value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7f)
			return bad(f, 400, "header", "the header %.*s contains control characters",
			           (int)(name.len < 40 ? name.len : 40), name.at);

	if (is(name, "Content-Length"))
		return check_length(value, o, f);
	if (is(name, "Upgrade") && !is(value, "websocket"))
		return bad(f, 400, "upgrade",
		           "Upgrade: %.*s is not supported; send the request without Upgrade (HTTP/1.1)",
		           (int)(value.len < 40 ? value.len : 40), value.at);
	if (is(name, "Host") && o->host.at)
		return bad(f, 400, "host", "the header Host is sent twice");
	if (is(name, "Host"))
		o->host = value;
	return REQUEST_GOOD;
}

static enum request_verdict check_first(struct span line, bool *ret_about_server,
                                        struct request_fault *f)
{
	struct span rest = line, method = take(&rest, ' '), target = take(&rest, ' ');
	enum request_verdict v = check_method(method, f);
	*ret_about_server = is(method, "OPTIONS") && is(target, "*");
	if (v == REQUEST_GOOD && !*ret_about_server)
		v = check_target(target, f);
	return v == REQUEST_GOOD ? check_version(rest, f) : v;
}

static size_t parameters(struct span line)
{
	const char *query = memchr(line.at, '?', line.len);
	size_t n = query != NULL;
	for (const char *p = query; p && p < line.at + line.len; p++)
		n += *p == '&' || *p == ';';
	return n;
}

enum request_verdict request_check(const char *data, size_t len, struct request_fault *ret)
{
	struct span rest = {data, len < REQUEST_HEAD_MAX ? len : REQUEST_HEAD_MAX}, line;
	struct once once = {0};
	bool about_server;
	if (len && !is_token((struct span){data, 1})) /* what is not HTTP may have no lines */
		return check_method((struct span){data, 1}, ret);
	if (!take_line(&rest, &line)) {
		if (len >= REQUEST_HEAD_MAX)
			return bad(ret, 414, "path", "the address is longer than %d bytes", REQUEST_TARGET_MAX);
		return REQUEST_INCOMPLETE;
	}

	const struct span first = line;
	size_t parts = parameters(first);
	enum request_verdict v = check_first(line, &about_server, ret);
	while (v == REQUEST_GOOD) {
		if (!take_line(&rest, &line)) {
			if (len < REQUEST_HEAD_MAX)
				return REQUEST_INCOMPLETE;
			return bad(ret, 431, "header", "the headers of the request have more than %d bytes",
			           REQUEST_HEAD_MAX);
		}
		if (!line.len)
			break;
		if (++parts > REQUEST_PARTS_MAX)
			return bad(ret, 431, "header",
			           "the request has more than %d headers and parameters of its query",
			           REQUEST_PARTS_MAX);
		v = check_header(line, &once, ret);
	}
	if (v != REQUEST_GOOD)
		return v;
	if (!once.host.at && first.at[first.len - 1] == '1')
		return bad(ret, 400, "host", "the header Host is missing, which HTTP/1.1 requires");
	return about_server ? REQUEST_OPTIONS : REQUEST_GOOD;
}
