/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http/auth.h"
#include "net/http/conn.h"
#include "net/http/head.h"
#include "net/http/http-internal.h"

enum {
	JSON_LIMIT = 256 * 1024, /* bytes of a JSON body */
	PENDING = 512 * 1024,    /* bytes of another body that may wait for its sink */
	JSON_TIME = 30,          /* seconds for a JSON body */
	QUICK_THREADS = 4,
	SLOW_WAITING = 16, /* requests that may wait for a thread for slow handlers */
	SLOW_THREADS = 2,
	FAR_THREADS = 4,
	DISK_THREADS = 4,
};

static void start_step(struct request *r, enum step what);

bool http_idle(const struct http_server *h)
{
	return !h->requests;
}

static struct request *request_new(struct http_server *h, struct lws *wsi)
{
	struct request *r = mem_alloc(1, sizeof *r);
	r->wsi = wsi;
	call_init(&r->call, h);
	r->call.serial = ++h->serials;
	r->began = clock_now();
	r->in.max = r->taken.max = INT32_MAX;

	r->next = h->requests;
	r->at = &h->requests;
	if (r->next)
		r->next->at = &r->next;
	h->requests = r;
	conn_of(wsi)->request = r;
	return r;
}

/* ---- steps on threads */

static void pass_body(struct request *r)
{
	struct buf empty = r->taken;
	r->taken = r->in;
	r->in = empty;
	buf_clear(&r->in);
	start_step(r, STEP_WRITE);
	if (r->wsi && !r->arrived)
		http_read_on(r, true);
}

/* Starts the next step of a request with a sink, if there is one to do. */
static void next_step(struct request *r)
{
	if (!r->wsi && !r->opened)
		http_request_free(r);
	else if (r->opened && r->in.len)
		pass_body(r);
	else if (r->opened && r->arrived)
		start_step(r, STEP_FINISH);
	else if (r->opened && !r->wsi)
		start_step(r, STEP_ABORT);
}

static void send_continue(struct request *r)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	unsigned char data[LWS_PRE + sizeof text];
	const char *expect = r->call.headers[HEADER_EXPECT];
	if (!expect || strcasecmp(expect, "100-continue") != 0 || r->received)
		return;
	memcpy(data + LWS_PRE, text, sizeof text);
	if (r->call.http->setup.tls)
		lws_write(r->wsi, data + LWS_PRE, sizeof text - 1, LWS_WRITE_HTTP);
	else
		send(lws_get_socket_fd(r->wsi), text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void set_problem(struct request *r)
{
	struct call *c = &r->call;
	if (c->reply.status < 400)
		call_error(c, &r->err);
	if (c->reply.status >= 500 && c->reply.status != 507 && c->reply.status != 503)
		log_warning("%s: %s", c->path, r->err.msg);
}

/* The request is complete, and c->reply is the reply. */
static void finish_request(struct request *r)
{
	struct lws *wsi = r->wsi;
	r->opened = false;
	buf_clear(&r->in);
	if (!wsi)
		http_request_free(r);
	else if (!r->call.reply.status || http_begin_reply(r) < 0)
		lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void on_step_done(void *ctx)
{
	struct request *r = ctx;
	r->busy = false;
	http_unwatch(r);
	if (r->result < 0)
		set_problem(r);

	if (r->step == STEP_OPEN && r->result == 0 && !r->call.reply.status) {
		r->opened = true;
		if (r->wsi) {
			send_continue(r);
			if (!r->arrived)
				http_read_on(r, true);
		}
		next_step(r);
	} else if (r->step == STEP_WRITE && r->result == 0) {
		next_step(r);
	} else if (r->step == STEP_WRITE) { /* the reply is sent when the sink is closed */
		buf_clear(&r->in);
		start_step(r, STEP_ABORT);
	} else {
		finish_request(r);
	}
}

static int do_step(struct request *r)
{
	struct call *c = &r->call;
	const struct body_sink *sink = c->route->sink;
	switch (r->step) {
	case STEP_WRITE: return sink->write(c, buf_str(&r->taken), r->taken.len, &r->err);
	case STEP_FINISH: return sink->finish(c, &r->err);
	case STEP_ABORT: sink->abort(c); return 0;
	default: return c->route->fn(c, &r->err);
	}
}

static void run_step(void *ctx)
{
	struct request *r = ctx;
	struct mailbox *mailbox = r->call.http->setup.mailbox;
	int result = do_step(r); /* with CALL_LATER, *r may be freed now */
	if (result == CALL_LATER)
		return;
	r->result = result;
	mailbox_post(mailbox, on_step_done, r);
}

void http_done(struct call *c, int result, const struct err *err)
{
	struct request *r = (struct request *)c; /* of which it is the first member */
	r->result = result;
	if (result < 0)
		r->err = *err;
	mailbox_post(c->http->setup.mailbox, on_step_done, r);
}

static bool is_far(const struct call *c)
{
	return c->route->far && c->route->far(c);
}

/* The threads that handle a call. */
static struct pool *pool_of(const struct call *c)
{
	return is_far(c) ? c->http->far : c->route->flags & ROUTE_SLOW ? c->http->slow : c->http->quick;
}

static void start_step(struct request *r, enum step what)
{
	struct http_server *h = r->call.http;
	unsigned flags = r->call.route->flags;
	bool disk = what != STEP_HANDLE || flags & ROUTE_LOGIN; /* logins do not wait for frames */
	r->busy = true;
	r->step = what;
	if (r->call.gone && (what == STEP_HANDLE || what == STEP_FINISH))
		http_watch_client(r);
	pool_run(disk ? h->disk : pool_of(&r->call), run_step, r);
}

/* ---- the request */

static bool is_json(const char *type)
{
	return type && strncasecmp(type, "application/json", 16) == 0 &&
	       (!type[16] || type[16] == ';' || type[16] == ' ');
}

/* Whether the route takes such a body; the reply says why not. */
static bool check_body(struct call *c)
{
	unsigned flags = c->route->flags;
	if (c->route->sink)
		return true;
	if (c->chunked)
		call_problem(c, 411, "length", "Content-Length is required");
	else if (c->length <= 0 && flags & ROUTE_BODY && !(flags & ROUTE_OPTIONAL))
		call_problem(c, 400, "body", "the body must be a JSON object");
	else if (c->length > 0 && flags & ROUTE_BODY && !is_json(c->headers[HEADER_CONTENT_TYPE]))
		call_problem(c, 415, "type", "the body must be JSON, with Content-Type: application/json");
	else if (c->length > JSON_LIMIT && flags & ROUTE_BODY)
		call_problem(c, 413, "limit", "a JSON body has at most %d bytes", JSON_LIMIT);
	else if (c->length > JSON_LIMIT)
		call_problem(c, 413, "limit", "this request takes no body");
	return !c->reply.status;
}

/* Whether a slow request, such as decoding a frame, need not wait for many
 * others. */
static bool check_queue(struct call *c)
{
	unsigned flags = c->route->flags;
	bool far = is_far(c);
	if (!(flags & ROUTE_SLOW || far) || flags & ROUTE_LOGIN ||
	    pool_waiting(pool_of(c)) < SLOW_WAITING)
		return true;
	call_problem(c, 503, "busy", "too many %s; try again in a second",
	             far ? "requests wait for servers of videos" : "frames are being decoded");
	call_head(c, "Retry-After", "1");
	return false;
}

static int on_request(struct http_server *h, struct lws *wsi)
{
	struct request *r = request_new(h, wsi);
	struct call *c = &r->call;
	atomic_fetch_add(&h->counts.requests, 1);
	bool good = head_read(wsi, c);
	r->body = c->length > 0 || c->headers[HEADER_TRANSFER_ENCODING];
	r->arrived = !r->body;

	/* The library has this request in a buffer, and would take its head for the
	 * body (4.1 to 4.3; 4.1 then never returns). */
	if (r->body && conn_of(wsi)->pipelined) {
		call_problem(c, 400, "pipelining",
		             "a request with a body must wait for the reply to the previous request");
		return http_refuse(wsi, c);
	}

	/* Without a length the library waits for a body that may never come: such a
	 * connection closes after the reply. */
	bool endless = c->length < 0 && (c->method == METHOD_POST || c->method == METHOD_PATCH ||
	                                 c->method == METHOD_PUT || c->method == METHOD_OTHER ||
	                                 c->headers[HEADER_METHOD_OVERRIDE]);
	r->close = endless || !good || head_wants_close(wsi);
	r->http11 = head_is_http11(wsi);
	if (!good || !auth_admit(c) || !check_body(c) || !check_queue(c))
		return http_begin_reply(r);

	if (c->route->flags & ROUTE_LONG)
		c->gone = cancel_new();
	if (!r->body || c->route->sink) {
		/* More input stays in the kernel meanwhile: unread bytes would wake the
		 * event loop again and again. */
		http_read_on(r, false);
		lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
		start_step(r, c->route->sink ? STEP_OPEN : STEP_HANDLE);
	} else {
		send_continue(r);
	}
	return 0;
}

static bool parse_json(struct request *r)
{
	struct call *c = &r->call;
	json_error_t e;
	c->body = json_loadb(buf_str(&r->in), r->in.len, JSON_REJECT_DUPLICATES, &e);
	if (json_is_object(c->body))
		return true;
	call_problem(c, 400, "json", "the body is not a JSON object%s%s", c->body ? "" : ": ",
	             c->body ? "" : e.text);
	return false;
}

/* The whole body was received. -1: the connection closes. */
static int finish_body(struct request *r)
{
	r->arrived = true;
	if (r->drain)
		return -1;
	if (r->replying)
		return 0;

	http_read_on(r, false);
	lws_set_timeout(r->wsi, NO_PENDING_TIMEOUT, 0);
	if (r->call.route->sink) {
		if (!r->busy && r->opened)
			next_step(r);
		return 0;
	}
	if (r->call.route->flags & ROUTE_BODY && !parse_json(r))
		return http_begin_reply(r);
	buf_clear(&r->in);
	start_step(r, STEP_HANDLE);
	return 0;
}

static int take_body(struct request *r, const void *data, size_t len)
{
	int ended = 0;
	if (!r->call.route->sink) {
		if (clock_now() - r->began > JSON_TIME * CLOCK_SECOND)
			return -1;
		return buf_add(&r->in, data, len) < 0 ? -1 : 0;
	}

	if (r->call.chunked)
		ended = chunked_decode(&r->decoder, data, len, &r->in);
	else
		buf_add(&r->in, data, len);
	if (ended)
		return ended > 0 ? finish_body(r) : -1;
	if (!r->busy && r->opened)
		next_step(r);
	if (r->in.len >= PENDING)
		http_read_on(r, false);
	return 0;
}

/* libwebsockets 4.3 passes everything that it has read, which may be more than
 * the body: the start of a further request. That is dropped, and the connection
 * closes after the reply. */
static int on_body(struct request *r, const void *data, size_t len)
{
	int64_t missing = r->call.length - r->received;
	r->received += (int64_t)len;
	atomic_fetch_add(&r->call.http->counts.received, (int64_t)len);
	if (r->replying)
		return r->received > HTTP_DRAIN && r->head_sent ? -1 : 0;
	if (!r->body || r->arrived)
		return 0;

	bool excess = !r->call.chunked && (int64_t)len > missing;
	r->close = r->close || excess;
	if (take_body(r, data, excess ? (size_t)missing : len) < 0)
		return -1;
	return excess ? finish_body(r) : 0;
}

/* The library says that the body ended. Of a chunked body it does not know: it
 * stops after 100 MB, and the client has to continue on a new connection. */
static int on_body_end(struct request *r)
{
	if (!r->body || r->arrived) /* the library also calls this for an empty body */
		return 0;
	return r->call.chunked ? -1 : finish_body(r);
}

/* The connection is closed. What was received of an upload is still written. */
static void on_closed(struct request *r)
{
	conn_of(r->wsi)->request = NULL;
	http_unwatch(r);
	if (r->call.gone)
		cancel_fire(r->call.gone);
	r->wsi = NULL;
	if (!r->busy)
		next_step(r);
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len)
{
	struct conn *conn = conn_of(wsi);
	struct request *r = conn ? conn->request : NULL;
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP: return r || !conn ? -1 : on_request(conn->http, wsi);
	case LWS_CALLBACK_HTTP_BODY: return r ? on_body(r, in, len) : 0;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION: return r ? on_body_end(r) : 0;
	case LWS_CALLBACK_HTTP_WRITEABLE: return r ? http_reply_writable(r) : 0;
	case LWS_CALLBACK_CLOSED_HTTP:
		if (r)
			on_closed(r);
		return 0;
	default: return 0;
	}
}

struct cut {
	struct http_server *http;
	uint64_t serial;
};

static void cut(void *ctx)
{
	AUTO(mem_freep) struct cut *k = ctx;
	for (struct request *r = k->http->requests; r; r = r->next)
		if (r->call.serial == k->serial && r->wsi) {
			lws_set_timeout(r->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
			return;
		}
}

void http_cut(void *http, uint64_t serial)
{
	struct cut *k = mem_alloc(1, sizeof *k);
	*k = (struct cut){http, serial};
	mailbox_post(k->http->setup.mailbox, cut, k);
}

/* ---- start and stop */

struct http_server *http_server_new(const struct http_setup *s)
{
	struct http_server *h = mem_alloc(1, sizeof *h);
	h->setup = *s;
	h->writable = epoll_create1(EPOLL_CLOEXEC);
	h->owns_writable = true;
	h->quick = pool_new(QUICK_THREADS);
	h->slow = pool_new(SLOW_THREADS);
	h->far = pool_new(FAR_THREADS);
	h->disk = pool_new(DISK_THREADS);
	return h;
}

void http_server_free(struct http_server *h)
{
	if (!h)
		return;
	while (h->requests) /* their connections are closed; threads still work on them */
		mailbox_wait(h->setup.mailbox);
	pool_free(h->quick);
	pool_free(h->slow);
	pool_free(h->far);
	pool_free(h->disk);
	if (h->owns_writable)
		close(h->writable);
	free(h);
}

size_t http_waiting(struct http_server *h)
{
	return pool_waiting(h->quick) + pool_waiting(h->slow) + pool_waiting(h->disk) +
	       pool_waiting(h->far);
}
