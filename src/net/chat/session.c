/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/session.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"

#define ALIVE_EVERY (10 * CLOCK_SECOND) /* a comment, so that proxies do not give up */

/* "https://host", as the client wrote it; "" if it did not. */
static char *page_base(const struct call *c)
{
	const char *proto = c->headers[HEADER_FORWARDED_PROTO], *host = c->headers[HEADER_HOST];
	bool tls = c->http->setup.tls || (proto && strcasecmp(proto, "https") == 0);
	return host ? mem_printf("%s://%s", tls ? "https" : "http", host) : mem_strdup("");
}

struct session *session_new(struct board *board, struct call *c)
{
	struct session *s = mem_alloc(1, sizeof *s);
	s->board = board;
	s->call = c;
	s->base = page_base(c);
	s->stop = cancel_new();
	snprintf(s->who, sizeof s->who, "%s", c->who.name);
	snprintf(s->id, sizeof s->id, "chatcmpl-%llx-%llx", (unsigned long long)clock_wall(),
	         (unsigned long long)c->serial);
	return s;
}

void session_free(struct session *s)
{
	for (size_t i = 0; i < s->n_held; i++)
		board_chat_hold(s->board, s->held[i], false);
	free(s->held);
	free(s->said);
	free(s->base);
	json_decref(s->scope);
	json_decref(s->jobs);
	chat_data_free(s->data);
	chat_request_clear(&s->request);
	cancel_free(s->stop);
	free(s);
}

void session_stop(struct session *s)
{
	s->stopping = true;
	cancel_fire(s->stop);
}

/* ---- what is sent */

static void send_buf(struct session *s, const struct buf *b)
{
	s->sent_at = clock_now();
	if (s->stream)
		http_stream_write(s->stream, buf_str(b), b->len);
}

static void on_closed(void *ctx)
{
	struct session *s = ctx;
	cancel_fire(s->stop);
}

void session_begin(struct session *s)
{
	AUTO(buf_free) struct buf out = BUF(65536);
	struct call *c = s->call;
	if (!s->request.stream || s->stream)
		return;
	call_head(c, "X-Accel-Buffering", "no"); /* nginx: pass it on at once */
	s->stream = http_stream_open(c, 200, "text/event-stream; charset=utf-8", on_closed, s);
	s->call = NULL;
	http_done(c, 0, NULL);
	chat_add_delta(&out, &s->head, json_pack("{s:s, s:s}", "role", "assistant", "content", ""));
	send_buf(s, &out);
}

void session_tell(struct session *s, const char *fmt, ...)
{
	char line[600];
	AUTO(buf_free) struct buf out = BUF(65536);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	AUTO(mem_freep) char *text = text_line(line, sizeof line);
	if (s->said && strcmp(s->said, text) == 0)
		return;
	free(s->said);
	s->said = TAKE(text);
	AUTO(mem_freep) char *with_end = mem_printf("%s\n", s->said);
	chat_add_text(&out, &s->head, "reasoning_content", with_end);
	send_buf(s, &out);
}

void session_finish(struct session *s, const char *text, const struct chat_end *e)
{
	AUTO(buf_free) struct buf out = BUF(INT32_MAX);
	if (!s->request.stream) {
		call_json(s->call, 200, chat_completion(&s->head, text, e));
		return;
	}
	session_begin(s);
	chat_add_text(&out, &s->head, "content", text);
	chat_add_end(&out, &s->head, e, s->request.usage);
	chat_add_done(&out);
	send_buf(s, &out);
}

/* A stream that has begun ends with the error. */
static void send_error(struct session *s, const struct err *why)
{
	AUTO(buf_free) struct buf out = BUF(65536);
	AUTO(buf_free) struct buf text = BUF(4096);
	text_utf8(&text, why->msg, strlen(why->msg));
	chat_add_event(&out,
	               json_pack("{s:{s:s, s:s, s:n, s:s}}", "error", "message", buf_str(&text), "type",
	                         "server_error", "param", "code", err_code_name(why->code)));
	chat_add_done(&out);
	send_buf(s, &out);
}

void session_end(struct session *s, int result, const struct err *err)
{
	if (s->call) {
		http_done(TAKE(s->call), result, err);
		return;
	}
	if (result < 0)
		send_error(s, err);
	http_stream_end(TAKE(s->stream));
}

/* ---- waiting */

/* Whether somebody still waits for the reply, after so long. */
static bool wait_for(struct session *s, int64_t time)
{
	struct pollfd fds[] = {
		{.fd = cancel_fd(s->stop), .events = POLLIN},
		{.fd = cancel_fd(s->call ? s->call->gone : NULL), .events = POLLIN},
	};
	return poll(fds, ARRAY_LEN(fds), (int)(time / 1000)) <= 0;
}

int session_pause(struct session *s, int64_t time, struct err *err)
{
	int64_t now = clock_now();
	AUTO(buf_free) struct buf out = BUF(1024);
	if (s->deadline && now >= s->deadline)
		return 1;
	if (!wait_for(s, time))
		return err_set(err, ERR_CANCELED,
		               s->stopping ? "the server is shutting down; ask again later"
		                           : "the client closed the connection");
	if (s->stream && now - s->sent_at >= ALIVE_EVERY) {
		buf_adds(&out, ": still working\n\n");
		send_buf(s, &out);
	}
	return 0;
}
