/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/http/range.h"
#include "net/http/stream.h"

void call_init(struct call *c, struct http_server *h)
{
	*c = (struct call){.http = h, .length = -1};
	c->reply.fd = -1;
	c->reply.head.max = 8192;
	c->reply.body.max = INT32_MAX;
}

void call_clear(struct call *c)
{
	free(c->path);
	for (size_t i = 0; i < HEADERS; i++)
		free(c->headers[i]);
	for (size_t i = 0; i < c->n_query; i++) {
		free(c->query[i].name);
		free(c->query[i].value);
	}
	free(c->query);
	json_decref(c->body);
	free(c->reply.filename);
	buf_free(&c->reply.head);
	buf_free(&c->reply.body);
	fd_closep(&c->reply.fd);
	cancel_free(c->gone);
	if (c->reply.stream)
		http_stream_detach(c->reply.stream);
}

const char *call_query(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->n_query; i++)
		if (strcmp(c->query[i].name, name) == 0)
			return c->query[i].value;
	return NULL;
}

static bool read_int(const char *s, int64_t *ret)
{
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (end == s || *end || errno || *s == ' ' || *s == '+')
		return false;
	*ret = v;
	return true;
}

int call_query_int(const struct call *c, const char *name, int64_t def, int64_t min, int64_t max,
                   int64_t *ret, struct err *err)
{
	const char *s = call_query(c, name);
	int64_t v = def;
	if (s && (!read_int(s, &v) || v < min || v > max)) {
		AUTO(mem_freep) char *shown = text_line(s, 40);
		return err_set(err, ERR_ARG, "%s=%s: expected a number from %lld to %lld", name, shown,
		               (long long)min, (long long)max);
	}
	*ret = v;
	return 0;
}

int call_index(const struct call *c, size_t arg, int64_t *ret, struct err *err)
{
	const char *text = c->args.text[arg];
	int64_t n;
	if (!read_int(text, &n) || n < 0 || (text[0] == '0' && text[1])) {
		AUTO(mem_freep) char *shown = text_line(text, 40);
		return err_set(err, ERR_NOENT, "invalid id \"%s\"", shown);
	}
	*ret = n;
	return 0;
}

int call_id(const struct call *c, int64_t *ret, struct err *err)
{
	return call_index(c, 0, ret, err);
}

void call_head(struct call *c, const char *name, const char *fmt, ...)
{
	char value[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	for (char *p = value; *p; p++) /* a value cannot add header lines */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	buf_addf(&c->reply.head, "%s: %s\r\n", name, value);
}

static int dump_to_buf(const char *data, size_t len, void *out)
{
	return buf_add(out, data, len) < 0 ? -1 : 0;
}

static void set_json(struct call *c, int status, const char *type, json_t *j)
{
	c->reply.status = status;
	c->reply.type = type;
	buf_clear(&c->reply.body);
	if (!j || json_dump_callback(j, dump_to_buf, &c->reply.body,
	                             JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY) < 0) {
		c->reply.status = 500;
		c->reply.type = "application/problem+json";
		buf_clear(&c->reply.body);
		buf_adds(&c->reply.body,
		         "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500}");
	}
	buf_adds(&c->reply.body, "\n");
	json_decref(j);
}

void call_json(struct call *c, int status, json_t *j)
{
	set_json(c, status, "application/json", j);
}

void call_text(struct call *c, int status, const char *type, const char *text)
{
	c->reply.status = status;
	c->reply.type = type;
	buf_clear(&c->reply.body);
	buf_adds(&c->reply.body, text);
}

void call_empty(struct call *c, int status)
{
	c->reply.status = status;
	c->reply.type = NULL;
	buf_clear(&c->reply.body);
}

/* If-Range names the version of which the client has a part; of another version
 * it needs the whole file. */
static bool range_applies(const struct call *c, const char *etag)
{
	const char *have = c->headers[HEADER_IF_RANGE];
	return !have || (etag && strcmp(have, etag) == 0);
}

int call_file(struct call *c, int fd, const char *type, const char *etag, struct err *err)
{
	return call_file_part(c, fd, type, etag, INT64_MAX, err);
}

int call_file_part(struct call *c, int fd, const char *type, const char *etag, int64_t most,
                   struct err *err)
{
	struct stat st;
	struct call_reply *r = &c->reply;
	fd_closep(&r->fd);
	r->fd = fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot examine the file");

	int64_t first = 0, last = st.st_size - 1;
	enum range_result part = range_applies(c, etag)
	                             ? range_read(c->headers[HEADER_RANGE], st.st_size, &first, &last)
	                             : RANGE_WHOLE;
	call_head(c, "Accept-Ranges", "bytes");
	if (part == RANGE_PART && last - first >= most)
		last = first + most - 1;
	if (part == RANGE_WRONG) {
		fd_closep(&r->fd);
		r->fd = -1;
		call_problem(c, 416, "range", "the range is outside of the file, which has %lld bytes",
		             (long long)st.st_size);
		call_head(c, "Content-Range", "bytes */%lld", (long long)st.st_size);
		return 0;
	}

	if (etag)
		call_head(c, "ETag", "%s", etag);
	if (part == RANGE_PART)
		call_head(c, "Content-Range", "bytes %lld-%lld/%lld", (long long)first, (long long)last,
		          (long long)st.st_size);

	r->status = part == RANGE_PART ? 206 : 200;
	r->type = type;
	r->from = first;
	r->size = last - first + 1;
	return 0;
}

const char *call_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{101, "Switching Protocols"},
		{200, "OK"},
		{201, "Created"},
		{204, "No Content"},
		{206, "Partial Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{423, "Locked"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{460, "Checksum Mismatch"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unknown";
}

/* Programs that speak OpenAI's API expect its errors below /v1. */
static bool speaks_openai(const struct call *c)
{
	return c->path && strncmp(c->path, "/v1/", 4) == 0;
}

static json_t *openai_error(int status, const char *code, const char *detail)
{
	const char *type = status == 401   ? "authentication_error"
	                   : status == 403 ? "permission_error"
	                   : status == 429 ? "rate_limit_error"
	                   : status < 500  ? "invalid_request_error"
	                                   : "server_error";
	return json_pack("{s:{s:s, s:s, s:n, s:s}}", "error", "message", detail, "type", type, "param",
	                 "code", code);
}

void call_problem(struct call *c, int status, const char *code, const char *fmt, ...)
{
	char detail[700];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	AUTO(buf_free) struct buf text = BUF(4096);
	text_utf8(&text, detail, strlen(detail));
	if (speaks_openai(c)) {
		set_json(c, status, "application/json", openai_error(status, code, buf_str(&text)));
		return;
	}
	set_json(c, status, "application/problem+json",
	         json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title",
	                   call_status_text(status), "status", status, "code", code, "detail",
	                   buf_str(&text)));
}

void call_error(struct call *c, const struct err *err)
{
	static const struct {
		enum err_code code;
		int status;
	} map[] = {
		{ERR_ARG, 400},      {ERR_FORMAT, 400},  {ERR_UNSUPPORTED, 400}, {ERR_NOENT, 404},
		{ERR_PERM, 403},     {ERR_BUSY, 409},    {ERR_LIMIT, 413},       {ERR_NOSPC, 507},
		{ERR_CANCELED, 503}, {ERR_TIMEOUT, 503}, {ERR_OFFSET, 409},
	};
	int status = 500;
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (map[i].code == err->code)
			status = map[i].status;
	call_problem(c, status, err_code_name(err->code), "%s", err->msg);
}
