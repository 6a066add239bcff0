/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/http/http.h"
#include "net/http/request-check.h"

enum {
	DRAIN = 1 << 20, /* bytes after a refused head that are read and ignored */
	DRAIN_TIME = 5,  /* seconds for that */
	EVENTS = 64,
};

/* A connection that waits for its request, or for the client to read a refusal. */
struct waiting {
	struct waiting *next, **at;
	int fd;
	struct conn *conn;
	int64_t deadline;
	bool refused;
	size_t drained;
};

struct gate {
	struct gate_setup setup;
	int epoll;
	bool owns_epoll;
	struct waiting *first;
	lws_sorted_usec_list_t timer;
	bool timed; /* the timer is running */
	char data[REQUEST_HEAD_MAX];
};

static void release(struct waiting *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	free(w);
}

static void end(struct gate *g, struct waiting *w)
{
	struct conn *conn = w->conn;
	/* A child that is being started may hold a copy of the socket. */
	epoll_ctl(g->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	release(w);
	g->setup.drop(g->setup.ctx, conn);
}

static void pass(struct gate *g, struct waiting *w)
{
	int fd = w->fd;
	struct conn *conn = w->conn;
	epoll_ctl(g->epoll, EPOLL_CTL_DEL, fd, NULL);
	release(w);
	g->setup.pass(g->setup.ctx, fd, conn);
}

/* Reads what the client still sends, so that closing does not discard the reply
 * on its way; closes when the client does. */
static void drain(struct gate *g, struct waiting *w)
{
	ssize_t n;
	while ((n = recv(w->fd, g->data, sizeof g->data, MSG_DONTWAIT)) > 0 && w->drained < DRAIN)
		w->drained += (size_t)n;
	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		end(g, w);
}

/* Sends a reply, and closes once the client has read it. */
static void refuse(struct gate *g, struct waiting *w, struct call *c)
{
	AUTO(buf_free) struct buf out = BUF(65536);
	http_reply_text(c, &out);
	call_clear(c);
	if (send(w->fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < (ssize_t)out.len) {
		end(g, w);
		return;
	}
	shutdown(w->fd, SHUT_WR);
	w->refused = true;
	w->deadline = clock_now() + DRAIN_TIME * CLOCK_SECOND;
	drain(g, w);
}

static void refuse_fault(struct gate *g, struct waiting *w, const struct request_fault *f)
{
	struct call c;
	call_init(&c, g->setup.http);
	call_problem(&c, f->status, f->code, "%s", f->detail);
	refuse(g, w, &c);
}

static void about_server(struct gate *g, struct waiting *w)
{
	struct call c;
	call_init(&c, g->setup.http);
	call_empty(&c, 204);
	call_head(&c, "Allow", "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
	refuse(g, w, &c);
}

static void refuse_late(struct gate *g, struct waiting *w)
{
	struct request_fault f = {408, "timeout",
	                          "the head of the request did not arrive in time; send it at once"};
	if (recv(w->fd, g->data, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
		refuse_fault(g, w, &f);
	else
		end(g, w);
}

/* Looks at what has arrived. `last`: nothing more will come. */
static void look(struct gate *g, struct waiting *w, bool last)
{
	struct request_fault f = {400, "request", "the head of the request is incomplete"};
	ssize_t n = recv(w->fd, g->data, sizeof g->data, MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0) {
		if (n == 0 || last || (errno != EAGAIN && errno != EINTR))
			end(g, w);
		return;
	}
	switch (request_check(g->data, (size_t)n, &f)) {
	case REQUEST_GOOD: pass(g, w); break;
	case REQUEST_OPTIONS: about_server(g, w); break;
	case REQUEST_BAD: refuse_fault(g, w, &f); break;
	case REQUEST_INCOMPLETE:
		if (last)
			refuse_fault(g, w, &f);
		break;
	}
}

static void on_timer(lws_sorted_usec_list_t *timer);

static void set_timer(struct gate *g)
{
	if (g->timed || !g->first)
		return;
	g->timed = true;
	lws_sul_schedule(g->setup.lws, 0, &g->timer, on_timer, LWS_US_PER_SEC);
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
	struct gate *g = lws_container_of(timer, struct gate, timer);
	int64_t now = clock_now();
	g->timed = false;
	for (struct waiting *w = g->first, *next; w; w = next) {
		next = w->next;
		if (w->deadline > now)
			continue;
		if (w->refused)
			end(g, w);
		else
			refuse_late(g, w);
	}
	set_timer(g);
}

void gate_run(struct gate *g)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(g->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		struct waiting *w = events[i].data.ptr;
		if (w->refused)
			drain(g, w);
		else
			look(g, w, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
	}
}

void gate_add(struct gate *g, int fd, struct conn *conn)
{
	struct waiting *w = mem_alloc(1, sizeof *w);
	*w = (struct waiting){.fd = fd,
	                      .conn = conn,
	                      .deadline = clock_now() + g->setup.timeout,
	                      .next = g->first,
	                      .at = &g->first};
	if (w->next)
		w->next->at = &w->next;
	g->first = w;

	/* Edges only: bytes that were looked at stay in the socket. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = w};
	if (epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		end(g, w);
		return;
	}
	look(g, w, false);
	set_timer(g);
}

void gate_clear(struct gate *g)
{
	while (g->first)
		end(g, g->first);
	lws_sul_cancel(&g->timer);
	g->timed = false;
}

struct gate *gate_new(const struct gate_setup *s)
{
	struct gate *g = mem_alloc(1, sizeof *g);
	g->setup = *s;
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->owns_epoll = true;
	return g;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	gate_clear(g);
	if (g->owns_epoll)
		fd_closep(&g->epoll);
	free(g);
}

int gate_fd(const struct gate *g)
{
	return g->epoll;
}

void gate_give_fd(struct gate *g)
{
	g->owns_epoll = false;
}
