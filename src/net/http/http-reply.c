/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http/auth.h"
#include "net/http/conn.h"
#include "net/http/head.h"
#include "net/http/http-internal.h"
#include "net/http/stream.h"

enum {
	BLOCK = 128 * 1024, /* bytes of a file that are sent at once */
	BLOCKS_A_TURN = 8,  /* then other connections have their turn */
	DRAIN_TIME = 5,     /* seconds to read a refused body */
	EVENTS = 64,
};

/* A child that is being started may hold a copy of the socket for a moment, so
 * that closing it does not take it out of the set. */
static void stop_waiting(struct request *r)
{
	if (r->waits)
		epoll_ctl(r->call.http->writable, EPOLL_CTL_DEL, r->socket, NULL);
	r->waits = false;
}

void http_request_free(struct request *r)
{
	stop_waiting(r);
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	call_clear(&r->call);
	buf_free(&r->in);
	buf_free(&r->taken);
	buf_free(&r->out);
	free(r);
}

/* Switching twice the same way would make the library wait for the socket,
 * without an end. */
void http_read_on(struct request *r, bool on)
{
	if (r->held == on)
		lws_rx_flow_control(r->wsi, on);
	r->held = !on;
}

/* ---- what is sent */

static void set_silence(struct request *r)
{
	lws_set_timeout(r->wsi, PENDING_TIMEOUT_HTTP_CONTENT,
	                (int)(r->call.http->setup.silence / CLOCK_SECOND));
}

static void count_reply(struct call *c)
{
	atomic_fetch_add(&c->http->counts.by_class[c->reply.status / 100 % 6], 1);
}

static bool add_file_block(struct request *r)
{
	char data[BLOCK];
	size_t want = r->left < (int64_t)sizeof data ? (size_t)r->left : sizeof data;
	ssize_t got = pread(r->call.reply.fd, data, want, r->from);
	if (got <= 0) /* the file became shorter: the client sees the connection close */
		return false;
	buf_add(&r->out, data, (size_t)got);
	r->from += got;
	r->left -= got;
	return true;
}

/* Puts the head and the text, or the next block of the file, into r->out. */
static bool fill(struct request *r)
{
	struct call *c = &r->call;
	char reserved[LWS_PRE] = {0}; /* the library writes in front of what it sends */
	buf_clear(&r->out);
	buf_add(&r->out, reserved, sizeof reserved);
	r->out_at = sizeof reserved;
	if (!r->head_sent) {
		head_write(c, r->close, &r->out);
		if (c->method != METHOD_HEAD && c->reply.fd < 0 && !c->reply.stream)
			buf_add(&r->out,
			        c->reply.constant ? (const char *)c->reply.constant : buf_str(&c->reply.body),
			        c->reply.constant ? c->reply.constant_len : c->reply.body.len);
		r->head_sent = true;
	}
	if (c->reply.stream)
		return http_stream_take(c->reply.stream, c->reply.chunked, &r->out, &r->last_sent);
	return !r->left || add_file_block(r);
}

/* Whether something is to be put into r->out. */
static bool has_more(const struct request *r)
{
	struct http_stream *s = r->call.reply.stream;
	return !r->head_sent || r->left || (s && !r->last_sent && http_stream_has(s));
}

/* Writes r->out by TLS. What does not fit into the socket is kept and sent by
 * the library, before it calls http_reply_writable(). */
static ssize_t write_tls(struct request *r)
{
	size_t len = r->out.len - r->out_at;
	ssize_t n = lws_write(r->wsi, (unsigned char *)r->out.data + r->out_at, len, LWS_WRITE_HTTP);
	return n < (ssize_t)len ? -1 : n;
}

/* Moves r->out into the socket. 1: all of it; 0: the socket is full; -1: the
 * connection is lost. */
static int push(struct request *r)
{
	bool tls = r->call.http->setup.tls;
	while (r->out_at < r->out.len) {
		ssize_t n = tls ? write_tls(r)
		                : send(lws_get_socket_fd(r->wsi), r->out.data + r->out_at,
		                       r->out.len - r->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && !tls && errno == EINTR)
			continue;
		if (n < 0 && !tls && errno == EAGAIN)
			return 0;
		if (n < 0)
			return -1;
		r->out_at += (size_t)n;
		atomic_fetch_add(&r->call.http->counts.sent, (int64_t)n);
		set_silence(r);
	}
	return tls && lws_partial_buffered(r->wsi) ? 0 : 1;
}

enum sent { SENT_ALL, SENT_PART, SENT_IDLE, SENT_LOST };

/* Sends what the socket takes: all of the reply; a part, as the socket is full
 * or others have their turn; or what a stream has so far. */
static enum sent send_some(struct request *r)
{
	int sent = 1;
	for (int i = 0; sent > 0 && i < BLOCKS_A_TURN; i++) {
		bool empty = r->out_at == r->out.len;
		if (empty && !has_more(r))
			break;
		if (empty && !fill(r))
			return SENT_LOST;
		sent = push(r);
	}
	if (sent < 0)
		return SENT_LOST;
	if (!sent || r->out_at < r->out.len || has_more(r))
		return SENT_PART;
	return r->call.reply.stream && !r->last_sent ? SENT_IDLE : SENT_ALL;
}

/* ---- waiting for the socket, and the end */

static int watch_socket(struct request *r, unsigned events)
{
	struct epoll_event event = {.events = events, .data.ptr = r};
	r->waits = true;
	r->socket = lws_get_socket_fd(r->wsi);
	return epoll_ctl(r->call.http->writable, EPOLL_CTL_ADD, r->socket, &event);
}

/* Continues when the socket takes more. Meanwhile further requests stay in it:
 * the library would not read them, and poll again and again. It also does not
 * write while it may not read, so another set of descriptors waits. */
static int wait_writable(struct request *r)
{
	if (r->call.http->setup.tls) {
		lws_callback_on_writable(r->wsi);
		http_read_on(r, true);
		return 0;
	}
	if (!r->body || r->arrived)
		http_read_on(r, false);
	return watch_socket(r, EPOLLOUT);
}

void http_watch_client(struct request *r)
{
	if (r->wsi && !r->waits)
		watch_socket(r, EPOLLRDHUP);
}

void http_unwatch(struct request *r)
{
	stop_waiting(r);
}

/* A stream has nothing to send now. The library may not read, and so would not
 * see that the client closes the connection. */
static int wait_stream(struct request *r)
{
	http_read_on(r, false);
	lws_set_timeout(r->wsi, NO_PENDING_TIMEOUT, 0);
	return watch_socket(r, EPOLLRDHUP);
}

/* Whether the library holds bytes of a further request, just after one was
 * completed: only then does it keep its table of headers, and only with a table
 * does it terminate the string here. It has no function for that. */
static bool holds_more(struct lws *wsi)
{
	char mark[2] = "?";
	lws_hdr_custom_copy(wsi, mark, sizeof mark, "-:", 2);
	return *mark == '\0';
}

/* Prepares the connection for the next request, or closes it (-1). */
static int end_reply(struct request *r)
{
	struct lws *wsi = r->wsi;
	bool close = r->close;
	if (r->body && !r->arrived && r->received < HTTP_DRAIN) {
		r->drain = true; /* a client that is still sending does not read the reply yet */
		lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, DRAIN_TIME);
		return 0;
	}

	conn_of(wsi)->request = NULL;
	http_request_free(r);
	if (close || lws_http_transaction_completed(wsi))
		return -1;
	conn_of(wsi)->pipelined = holds_more(wsi);
	return 0;
}

/* Sends more of the reply. Once it is complete the library may read on: a
 * pipelined request may be in a buffer of it. Closing has to wait for a
 * callback of the library, which otherwise would discard what it has not
 * sent. */
static int continue_reply(struct request *r)
{
	struct lws *wsi = r->wsi;
	enum sent sent = send_some(r);
	if (sent == SENT_LOST)
		return -1;
	if (sent != SENT_ALL)
		return sent == SENT_IDLE ? wait_stream(r) : wait_writable(r);

	r->sent = true;
	int result = 0;
	if (r->close)
		lws_callback_on_writable(wsi);
	else
		result = end_reply(r);
	lws_rx_flow_control(wsi, 1); /* the library does not write while it may not read */
	return result;
}

/* The stream has something to send. Where the socket is full, that is sent
 * once it takes more. */
static void on_stream(void *ctx)
{
	struct request *r = ctx;
	struct lws *wsi = r->wsi;
	if (!wsi || r->sent || r->out_at < r->out.len ||
	    (r->call.http->setup.tls && lws_partial_buffered(wsi)))
		return;
	stop_waiting(r);
	if (continue_reply(r) < 0)
		lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

int http_begin_reply(struct request *r)
{
	struct call *c = &r->call;
	r->replying = true;
	c->reply.chunked = c->reply.stream && r->http11;
	if (c->reply.stream)
		http_stream_attach(c->reply.stream, on_stream, r);
	r->close = r->close || c->reply.stream || (r->body && !r->arrived) || c->http->stopping;
	r->out.max = INT32_MAX;
	auth_add_cors(c);
	r->from = c->reply.from;
	r->left = c->reply.fd >= 0 && c->method != METHOD_HEAD ? c->reply.size : 0;
	count_reply(c);
	set_silence(r);
	return continue_reply(r);
}

int http_reply_writable(struct request *r)
{
	if (!r->replying || r->drain || r->waits)
		return 0;
	return r->sent ? end_reply(r) : continue_reply(r);
}

void http_writable(struct http_server *h)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(h->writable, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		struct request *r = events[i].data.ptr;
		struct lws *wsi = r->wsi;
		stop_waiting(r);
		if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) || continue_reply(r) < 0)
			lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	}
}

void http_reply_text(struct call *c, struct buf *out)
{
	auth_add_cors(c);
	head_write(c, true, out);
	buf_add(out, buf_str(&c->reply.body), c->reply.body.len);
	count_reply(c);
}

int http_refuse(struct lws *wsi, struct call *c)
{
	AUTO(buf_free) struct buf out = BUF(65536);
	char reserved[LWS_PRE] = {0};
	buf_add(&out, reserved, sizeof reserved);
	http_reply_text(c, &out);
	lws_write(wsi, (unsigned char *)out.data + LWS_PRE, out.len - LWS_PRE, LWS_WRITE_HTTP);
	return -1;
}
