/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/guard.h"
#include "net/route.h"
#include "net/tus.h"

enum {
	JSON_LIMIT = 256 * 1024, /* of a body that is JSON */
	PILE = 512 * 1024,       /* of a body that is bytes: what may wait for the disk */
	BLOCK = 128 * 1024,      /* of a file, at a time */
	DRAIN = 1 << 20,         /* of a refused body: what is read and thrown away for politeness */
	JSON_TIME = 30,          /* seconds for a JSON body to come */
};

/* What a thread does for a request. */
enum step { STEP_ANSWER, STEP_OPEN, STEP_WRITE, STEP_FINISH, STEP_GONE };

struct request {
	struct call call; /* first */
	struct lws *wsi;  /* NULL once the connection is gone */
	uint64_t serial;
	struct request *next, **at; /* in net.requests */
	bool busy;                  /* a thread has it: its call and `taken` are that thread's */
	enum step step;
	int result;
	struct err err;
	bool opened;        /* tus_finish() or tus_gone() is owed */
	bool body, arrived; /* it has a body; all of it is here */
	int64_t began, got;
	struct buf in, taken; /* of the body: not yet taken, and what a thread has */
	bool replying, head_sent, close, drain;
	int64_t from, left; /* of the file that is sent */
};

static void step(struct request *r, enum step what);

uint64_t http_serial(const struct call *c)
{
	return ((const struct request *)c)->serial;
}

size_t http_open_requests(const struct net *n)
{
	size_t count = 0;
	for (const struct request *r = n->requests; r; r = r->next)
		count++;
	return count;
}

static struct request *request_new(struct net *n, struct lws *wsi)
{
	struct request *r = mem_alloc(1, sizeof *r);
	r->wsi = wsi;
	r->serial = ++n->serials;
	r->began = clock_now();
	r->in.max = r->taken.max = INT32_MAX;
	r->next = n->requests;
	r->at = &n->requests;
	if (r->next)
		r->next->at = &r->next;
	n->requests = r;
	conn_of(wsi)->request = r;
	return r;
}

static void request_free(struct request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	call_clear(&r->call);
	buf_free(&r->in);
	buf_free(&r->taken);
	free(r);
}

/* ---- the reply */

static void begin_reply(struct request *r)
{
	struct call *c = &r->call;
	r->replying = true;
	r->close = r->close || (r->body && !r->arrived) || c->net->stopping;
	guard_cors(c);
	r->from = c->reply.from;
	r->left = c->reply.fd >= 0 && c->method != METHOD_HEAD ? c->reply.size : 0;
	atomic_fetch_add(&c->net->counts.by_class[c->reply.status / 100 % 6], 1);
	lws_set_timeout(r->wsi, PENDING_TIMEOUT_HTTP_CONTENT,
	                (int)(c->net->options->silence / CLOCK_SECOND));
	lws_rx_flow_control(r->wsi, 1); /* the library writes nothing as long as it may not read */
	lws_callback_on_writable(r->wsi);
}

/* A client that sends its next request, or hangs up, in the middle of a long
 * reply would keep the loop spinning, as nobody reads that before the reply is
 * done. */
static bool is_impatient(const struct request *r)
{
	char byte;
	return !r->call.net->tls &&
	       recv(lws_get_socket_fd(r->wsi), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static bool file_block(struct request *r, struct buf *out)
{
	char data[BLOCK];
	size_t want = r->left < (int64_t)sizeof data ? (size_t)r->left : sizeof data;
	ssize_t got = pread(r->call.reply.fd, data, want, r->from);
	if (got <= 0) /* it became shorter: only a broken connection tells the client */
		return false;
	buf_add(out, data, (size_t)got);
	r->from += got;
	r->left -= got;
	return true;
}

/* The connection is ready for the next request, or ends (-1). */
static int end_reply(struct request *r)
{
	struct lws *wsi = r->wsi;
	bool close = r->close;
	if (r->body && !r->arrived && r->got < DRAIN) {
		r->drain = true; /* a client that is still sending would otherwise not read our reply */
		lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, 5);
		return 0;
	}
	conn_of(wsi)->request = NULL;
	request_free(r);
	if (close)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int on_writable(struct request *r)
{
	AUTO(buf_free) struct buf out = BUF(INT32_MAX);
	struct call *c = &r->call;
	struct net *n = c->net;
	if (!r->replying || r->drain)
		return 0;
	if (r->head_sent && !r->left)
		return end_reply(r);
	char room[LWS_PRE] = {0}; /* the library writes in front of what it sends */
	buf_add(&out, room, sizeof room);
	if (!r->head_sent) {
		http_reply_head(c, r->close, &out);
		if (c->method != METHOD_HEAD && c->reply.fd < 0)
			buf_add(&out,
			        c->reply.constant ? (const char *)c->reply.constant : buf_str(&c->reply.body),
			        c->reply.constant ? c->reply.constant_len : c->reply.body.len);
		r->head_sent = true;
	}
	if (r->left && !file_block(r, &out))
		return -1;
	size_t len = out.len - LWS_PRE;
	if (lws_write(r->wsi, (unsigned char *)out.data + LWS_PRE, len, LWS_WRITE_HTTP) < (int)len)
		return -1;
	atomic_fetch_add(&n->counts.sent, (int64_t)len);
	lws_set_timeout(r->wsi, PENDING_TIMEOUT_HTTP_CONTENT,
	                (int)(n->options->silence / CLOCK_SECOND));
	if (!r->left && !lws_partial_buffered(r->wsi))
		return end_reply(r);
	if (r->left && is_impatient(r))
		return -1;
	lws_callback_on_writable(r->wsi);
	return 0;
}

int http_refuse(struct lws *wsi, struct call *c)
{
	AUTO(buf_free) struct buf out = BUF(65536);
	char room[LWS_PRE] = {0};
	guard_cors(c);
	buf_add(&out, room, sizeof room);
	http_reply_head(c, true, &out);
	buf_add(&out, buf_str(&c->reply.body), c->reply.body.len);
	atomic_fetch_add(&c->net->counts.by_class[c->reply.status / 100 % 6], 1);
	lws_write(wsi, (unsigned char *)out.data + LWS_PRE, out.len - LWS_PRE, LWS_WRITE_HTTP);
	return -1;
}

/* ---- the steps, on threads */

static void take_step(struct request *r)
{
	struct call *c = &r->call;
	switch (r->step) {
	case STEP_ANSWER:
	case STEP_OPEN: r->result = c->route->fn(c, &r->err); break;
	case STEP_WRITE: r->result = tus_write(c, buf_str(&r->taken), r->taken.len, &r->err); break;
	case STEP_FINISH: r->result = tus_finish(c, &r->err); break;
	case STEP_GONE:
		tus_gone(c);
		r->result = 0;
		break;
	}
}

static void go_on(struct request *r)
{
	if (!r->wsi && !r->opened) {
		request_free(r);
	} else if (r->opened && r->in.len) {
		struct buf empty = r->taken;
		r->taken = r->in;
		r->in = empty;
		buf_clear(&r->in);
		step(r, STEP_WRITE);
		if (r->wsi && !r->arrived)
			lws_rx_flow_control(r->wsi, 1);
	} else if (r->opened && r->arrived) {
		step(r, STEP_FINISH);
	} else if (r->opened && !r->wsi) {
		step(r, STEP_GONE);
	}
}

static void say_continue(struct request *r)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	unsigned char data[LWS_PRE + sizeof text];
	const char *expect = r->call.headers[HEADER_EXPECT];
	if (!expect || strcasecmp(expect, "100-continue") != 0 || r->got)
		return;
	memcpy(data + LWS_PRE, text, sizeof text);
	lws_write(r->wsi, data + LWS_PRE, sizeof text - 1, LWS_WRITE_HTTP);
}

static void stepped(struct net *n, void *ctx)
{
	struct request *r = ctx;
	struct call *c = &r->call;
	(void)n;
	r->busy = false;
	if (r->result < 0) {
		if (!c->reply.status || c->reply.status < 400)
			call_error(c, &r->err);
		if (c->reply.status >= 500 && c->reply.status != 507 && c->reply.status != 503)
			log_warning("%s: %s", c->path, r->err.msg);
	}
	if (r->step == STEP_OPEN && r->result == 0 && !c->reply.status) {
		r->opened = true;
		if (r->wsi) {
			say_continue(r);
			if (!r->arrived)
				lws_rx_flow_control(r->wsi, 1);
		}
		go_on(r);
		return;
	}
	if (r->step == STEP_WRITE && r->result == 0) {
		go_on(r);
		return;
	}
	if (r->step == STEP_WRITE) { /* it is broken: let go of the upload, then tell */
		buf_clear(&r->in);
		step(r, STEP_GONE);
		return;
	}
	r->opened = false;
	buf_clear(&r->in);
	if (!r->wsi)
		request_free(r);
	else if (c->reply.status)
		begin_reply(r);
	else
		lws_set_timeout(r->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void work_step(void *ctx)
{
	struct request *r = ctx;
	struct net *n = r->call.net;
	take_step(r);
	net_post(n, stepped, r);
}

static void step(struct request *r, enum step what)
{
	struct net *n = r->call.net;
	r->busy = true;
	r->step = what;
	pool_run(what != STEP_ANSWER                 ? n->disk
	         : r->call.route->flags & ROUTE_SLOW ? n->slow
	                                             : n->calls,
	         work_step, r);
}

/* ---- the request */

static void refuse(struct request *r)
{
	begin_reply(r);
}

static bool is_json(const char *type)
{
	return type && strncasecmp(type, "application/json", 16) == 0 &&
	       (!type[16] || type[16] == ';' || type[16] == ' ');
}

/* Whether the body that comes is one that the route takes. */
static bool check_body(struct call *c)
{
	unsigned flags = c->route->flags;
	if (c->length <= 0) {
		if (flags & ROUTE_BODY && !(flags & ROUTE_OPTIONAL))
			call_problem(c, 400, "body", "a JSON object is needed as the body");
		return !c->reply.status;
	}
	if (flags & ROUTE_BODY) {
		if (!is_json(c->headers[HEADER_CONTENT_TYPE]))
			call_problem(c, 415, "type",
			             "the body must be JSON, and say so (Content-Type: application/json)");
		else if (c->length > JSON_LIMIT)
			call_problem(c, 413, "limit", "a body of JSON has at most %d bytes", JSON_LIMIT);
	} else if (!(flags & ROUTE_UPLOAD) && c->length > JSON_LIMIT) {
		call_problem(c, 413, "limit", "this takes no body");
	}
	return !c->reply.status;
}

static int on_request(struct net *n, struct lws *wsi)
{
	struct request *r = request_new(n, wsi);
	struct call *c = &r->call;
	atomic_fetch_add(&n->counts.requests, 1);
	bool good = http_read_head(n, wsi, c);
	r->body = c->length > 0 || c->headers[HEADER_TRANSFER_ENCODING];
	/* Without a length the library waits for a body that may never come: such a
	 * connection ends with the reply. */
	r->close = c->length < 0 &&
	           (c->method == METHOD_POST || c->method == METHOD_PATCH || c->method == METHOD_OTHER);
	r->arrived = !r->body;
	r->close = r->close || !good;
	if (!good || !guard_admit(c) || !check_body(c)) {
		refuse(r);
		return 0;
	}
	bool upload = c->route->flags & ROUTE_UPLOAD;
	if (!r->body || upload) {
		/* What comes meanwhile stays in the kernel: an unread byte would wake
		 * us again and again. */
		lws_rx_flow_control(wsi, 0);
		lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
		step(r, upload ? STEP_OPEN : STEP_ANSWER);
	} else {
		say_continue(r);
	}
	return 0;
}

static int on_body(struct request *r, const void *data, size_t len)
{
	struct net *n = r->call.net;
	r->got += (int64_t)len;
	atomic_fetch_add(&n->counts.received, (int64_t)len);
	if (r->replying)
		return r->got > DRAIN && r->head_sent ? -1 : 0;
	if (!r->body)
		return 0;
	if (!(r->call.route->flags & ROUTE_UPLOAD)) {
		if (clock_now() - r->began > JSON_TIME * CLOCK_SECOND)
			return -1;
		return buf_add(&r->in, data, len) < 0 ? -1 : 0;
	}
	buf_add(&r->in, data, len);
	if (!r->busy && r->opened)
		go_on(r);
	if (r->in.len >= PILE)
		lws_rx_flow_control(r->wsi, 0);
	return 0;
}

static int on_body_end(struct request *r)
{
	struct call *c = &r->call;
	if (!r->body || r->arrived) /* the library says so of an empty body as well */
		return 0;
	r->arrived = true;
	if (r->drain)
		return -1;
	if (r->replying)
		return 0;
	lws_rx_flow_control(r->wsi, 0);
	lws_set_timeout(r->wsi, NO_PENDING_TIMEOUT, 0);
	if (c->route->flags & ROUTE_UPLOAD) {
		if (!r->busy && r->opened)
			go_on(r);
		return 0;
	}
	if (c->route->flags & ROUTE_BODY) {
		json_error_t e;
		c->body = json_loadb(buf_str(&r->in), r->in.len, JSON_REJECT_DUPLICATES, &e);
		if (!json_is_object(c->body)) {
			call_problem(c, 400, "json", "the body is not a JSON object%s%s", c->body ? "" : ": ",
			             c->body ? "" : e.text);
			refuse(r);
			return 0;
		}
	}
	buf_clear(&r->in);
	step(r, STEP_ANSWER);
	return 0;
}

/* The connection is gone. What was received of an upload is still written. */
static void on_gone(struct request *r)
{
	conn_of(r->wsi)->request = NULL;
	r->wsi = NULL;
	if (!r->busy)
		go_on(r);
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len)
{
	struct net *n = lws_context_user(lws_get_context(wsi));
	struct conn *conn = conn_of(wsi);
	struct request *r = conn ? conn->request : NULL;
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP: return r || !conn ? -1 : on_request(n, wsi);
	case LWS_CALLBACK_HTTP_BODY: return r ? on_body(r, in, len) : 0;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION: return r ? on_body_end(r) : 0;
	case LWS_CALLBACK_HTTP_WRITEABLE: return r ? on_writable(r) : 0;
	case LWS_CALLBACK_CLOSED_HTTP:
		if (r)
			on_gone(r);
		return 0;
	default: return 0;
	}
}

static void cut(struct net *n, void *ctx)
{
	AUTO(mem_freep) uint64_t *serial = ctx;
	for (struct request *r = n->requests; r; r = r->next)
		if (r->serial == *serial && r->wsi) {
			lws_set_timeout(r->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
			return;
		}
}

void http_cut(struct net *n, uint64_t serial)
{
	uint64_t *ctx = mem_alloc(1, sizeof *ctx);
	*ctx = serial;
	net_post(n, cut, ctx);
}
