/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/stream.h"

#include <pthread.h>
#include <stdlib.h>

#include "net/http/http.h"

enum { PENDING_MAX = 64 * 1024 * 1024 /* bytes that a slow client may leave unsent */ };

struct http_stream {
	struct mailbox *mailbox;
	/* Net thread only. */
	void (*ready)(void *ctx);
	void *ready_ctx;
	pthread_mutex_t lock;
	int uses; /* writer, reply, message in the mailbox */
	void (*closed)(void *ctx);
	void *ctx;
	struct buf pending;
	bool posted, ended, lost;
};

struct http_stream *http_stream_open(struct call *c, int status, const char *type,
                                     void (*closed)(void *ctx), void *ctx)
{
	struct http_stream *s = mem_alloc(1, sizeof *s);
	*s = (struct http_stream){.mailbox = c->http->setup.mailbox,
	                          .uses = 2,
	                          .closed = closed,
	                          .ctx = ctx,
	                          .pending = BUF(PENDING_MAX)};
	pthread_mutex_init(&s->lock, NULL);
	c->reply.status = status;
	c->reply.type = type;
	c->reply.stream = s;
	return s;
}

/* Gives up one use; the lock is held. */
static void release(struct http_stream *s)
{
	bool last = --s->uses == 0;
	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&s->lock);
	buf_free(&s->pending);
	free(s);
}

/* What is written from now on is posted again. */
static void on_posted(void *ctx)
{
	struct http_stream *s = ctx;
	pthread_mutex_lock(&s->lock);
	s->posted = false;
	pthread_mutex_unlock(&s->lock);
	if (s->ready)
		s->ready(s->ready_ctx);
	pthread_mutex_lock(&s->lock);
	release(s);
}

/* With the lock. */
static void post(struct http_stream *s)
{
	if (s->posted)
		return;
	s->posted = true;
	s->uses++;
	mailbox_post(s->mailbox, on_posted, s);
}

bool http_stream_write(struct http_stream *s, const void *data, size_t len)
{
	pthread_mutex_lock(&s->lock);
	if (!s->lost && buf_add(&s->pending, data, len) < 0)
		s->lost = true; /* the client does not read */
	bool good = !s->lost;
	post(s);
	pthread_mutex_unlock(&s->lock);
	return good;
}

void http_stream_end(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->closed = NULL;
	post(s);
	release(s);
}

void http_stream_attach(struct http_stream *s, void (*ready)(void *ctx), void *ctx)
{
	s->ready = ready;
	s->ready_ctx = ctx;
}

void http_stream_detach(struct http_stream *s)
{
	s->ready = NULL;
	pthread_mutex_lock(&s->lock);
	s->lost = true;
	if (s->closed)
		s->closed(s->ctx);
	s->closed = NULL;
	release(s);
}

bool http_stream_take(struct http_stream *s, bool chunked, struct buf *out, bool *ret_last)
{
	pthread_mutex_lock(&s->lock);
	size_t len = s->pending.len;
	bool good = !s->lost;
	if (len && chunked)
		buf_addf(out, "%zx\r\n", len);
	buf_add(out, buf_str(&s->pending), len);
	if (len && chunked)
		buf_adds(out, "\r\n");
	buf_free(&s->pending);
	*ret_last = s->ended;
	pthread_mutex_unlock(&s->lock);
	if (*ret_last && chunked)
		buf_adds(out, "0\r\n\r\n");
	return good;
}

bool http_stream_has(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	bool has = s->pending.len || s->ended || s->lost;
	pthread_mutex_unlock(&s->lock);
	return has;
}
