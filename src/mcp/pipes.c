/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/pipes.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/pool.h"

enum {
	THREADS = 8,
	CALLS_MAX = 64, /* in progress or waiting */
	READ_SIZE = 64 * 1024,
	LINE_MAX_BYTES = RPC_MESSAGE_MAX + 1,
};

struct serving {
	struct mcp *mcp;
	int out;
	struct pool *pool;
	char version[16]; /* that initialize agreed on */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct running *calls; /* in progress */
	size_t n_calls;
	bool broken; /* the output is closed */
	struct cancel *closed;
};

/* A message, or a batch, on a thread. */
struct running {
	struct serving *serving;
	json_t *all; /* the message or the batch */
	struct cancel *cancel;
	struct running *next;
};

/* ---- output */

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Takes the message; NULL is fine. */
static void send_message(struct serving *s, json_t *message)
{
	json_auto_t *owned = message;
	AUTO(mem_freep)
	char *text = owned ? json_dumps(owned, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	if (!text)
		return;
	size_t len = strlen(text);
	text[len] = '\n'; /* in the place of the NUL */
	pthread_mutex_lock(&s->lock);
	if (!s->broken && !write_all(s->out, text, len + 1)) {
		s->broken = true;
		cancel_fire(s->closed);
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- calls */

static void notify(void *ctx, json_t *notification)
{
	struct running *r = ctx;
	if (cancel_fired(r->cancel))
		json_decref(notification);
	else
		send_message(r->serving, notification);
}

static json_t *answer(struct running *r, const json_t *one)
{
	struct rpc_message q;
	const struct mcp_call call = {.cancel = r->cancel,
	                              .client = "stdio",
	                              .submit = true,
	                              .version = r->serving->version,
	                              .notify = notify,
	                              .ctx = r};
	rpc_read(one, &q);
	json_t *response = mcp_answer(r->serving->mcp, &q, &call);
	rpc_clear(&q);
	return response;
}

/* Responses of a batch are a batch, too. */
static json_t *answer_all(struct running *r)
{
	json_t *one, *response, *responses;
	size_t i;
	if (!json_is_array(r->all))
		return answer(r, r->all);
	responses = json_array();
	json_array_foreach (r->all, i, one)
		if ((response = answer(r, one)))
			json_array_append_new(responses, response);
	if (json_array_size(responses))
		return responses;
	json_decref(responses);
	return NULL;
}

static void free_running(struct running *r)
{
	json_decref(r->all);
	cancel_free(r->cancel);
	free(r);
}

/* Takes the call off the list, after which no one fires its cancel. */
static void end_call(struct running *r)
{
	struct serving *s = r->serving;
	pthread_mutex_lock(&s->lock);
	struct running **at = &s->calls;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	s->n_calls--;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	free_running(r);
}

static void run(void *ctx)
{
	struct running *r = ctx;
	json_t *response = cancel_fired(r->cancel) ? NULL : answer_all(r);
	if (cancel_fired(r->cancel)) {
		json_decref(response);
		response = NULL;
	}
	send_message(r->serving, response);
	end_call(r);
}

/* With the lock: the call in progress with this id; NULL: there is none. */
static struct running *find_call(struct serving *s, const json_t *id)
{
	for (struct running *r = s->calls; r; r = r->next)
		if (id && json_equal(json_object_get(r->all, "id"), (json_t *)id))
			return r;
	return NULL;
}

/* Takes `all`. */
static void start_call(struct serving *s, json_t *all, const json_t *id)
{
	struct running *r = mem_alloc(1, sizeof *r);
	*r = (struct running){.serving = s, .all = all, .cancel = cancel_new()};
	pthread_mutex_lock(&s->lock);
	bool twice = find_call(s, id), full = s->n_calls == CALLS_MAX;
	if (!twice && !full) {
		r->next = s->calls;
		s->calls = r;
		s->n_calls++;
	}
	pthread_mutex_unlock(&s->lock);

	if (twice)
		send_message(
			s, rpc_error(id, RPC_INVALID_REQUEST, NULL, "a request with this id is in progress"));
	else if (full)
		send_message(s, rpc_error(id, RPC_INTERNAL, NULL,
		                          "%d calls are in progress; wait for one to end", CALLS_MAX));
	if (twice || full)
		free_running(r);
	else
		pool_run(s->pool, run, r);
}

static void cancel_call(struct serving *s, const json_t *id)
{
	pthread_mutex_lock(&s->lock);
	struct running *r = find_call(s, id);
	if (r)
		cancel_fire(r->cancel);
	pthread_mutex_unlock(&s->lock);
}

static void cancel_all(struct serving *s)
{
	pthread_mutex_lock(&s->lock);
	for (struct running *r = s->calls; r; r = r->next)
		cancel_fire(r->cancel);
	pthread_mutex_unlock(&s->lock);
}

/* ---- input */

static void note_version(struct serving *s, const json_t *response)
{
	const char *v =
		json_string_value(json_object_get(json_object_get(response, "result"), "protocolVersion"));
	if (!v)
		return;
	pthread_mutex_lock(&s->lock);
	if (!s->n_calls) /* others read it */
		snprintf(s->version, sizeof s->version, "%s", v);
	pthread_mutex_unlock(&s->lock);
}

/* Takes `one`, which belongs to another thread once a call is started. */
static void take_message(struct serving *s, json_t *one)
{
	struct running here = {.serving = s, .all = one};
	struct rpc_message q;
	rpc_read(one, &q);
	if (mcp_is_long(&q)) {
		start_call(s, one, q.id);
		return;
	}
	if (q.kind == RPC_NOTIFICATION && strcmp(q.method, "notifications/cancelled") == 0) {
		cancel_call(s, json_object_get(q.params, "requestId"));
	} else {
		json_t *response = answer(&here, one);
		if (q.method && strcmp(q.method, "initialize") == 0)
			note_version(s, response);
		send_message(s, response);
	}
	rpc_clear(&q);
	json_decref(one);
}

/* Takes `all`. */
static void take_batch(struct serving *s, json_t *all)
{
	size_t n = json_array_size(all);
	if (strcmp(s->version, MCP_BATCHES) == 0 && n && n <= RPC_BATCH_MAX) {
		start_call(s, all, NULL);
		return;
	}
	json_decref(all);
	send_message(s, rpc_error(NULL, RPC_INVALID_REQUEST, NULL,
	                          "batches have 1 to %d messages, and exist in revision %s only",
	                          RPC_BATCH_MAX, MCP_BATCHES));
}

static void take_line(struct serving *s, const char *line, size_t len)
{
	json_t *fault = NULL;
	if (!len || strspn(line, " \t\r") == len)
		return;
	json_t *all = rpc_parse(line, len, &fault);
	if (!all)
		send_message(s, fault);
	else if (json_is_array(all))
		take_batch(s, all);
	else
		take_message(s, all);
}

/* Takes the lines that are complete. One that is too long is answered once, and
 * the rest of it is dropped. */
static void take_lines(struct serving *s, struct buf *in, bool *dropping)
{
	size_t from = 0;
	for (;;) {
		const char *at = in->len ? in->data + from : NULL;
		const char *end = at ? memchr(at, '\n', in->len - from) : NULL;
		if (!end)
			break;
		if (!*dropping)
			take_line(s, at, (size_t)(end - at));
		*dropping = false;
		from = (size_t)(end - in->data) + 1;
	}
	buf_consume(in, from);
	if (in->len <= RPC_MESSAGE_MAX)
		return;
	if (!*dropping)
		take_line(s, in->data, in->len);
	*dropping = true;
	buf_clear(in);
}

/* Whether there is more. */
static bool read_some(struct serving *s, int fd, struct buf *in, bool *dropping)
{
	char data[READ_SIZE];
	ssize_t n = read(fd, data, sizeof data);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n && in->len && !*dropping)
		take_line(s, in->data, in->len); /* the last one without its end */
	if (!n)
		return false;
	buf_add(in, data, (size_t)n);
	take_lines(s, in, dropping);
	return true;
}

static void read_all(struct serving *s, int in, struct cancel *cancel)
{
	AUTO(buf_free) struct buf data = BUF(LINE_MAX_BYTES + READ_SIZE);
	bool dropping = false, more = true;
	while (more) {
		struct pollfd fds[] = {{.fd = in, .events = POLLIN},
		                       {.fd = cancel_fd(cancel), .events = POLLIN},
		                       {.fd = cancel_fd(s->closed), .events = POLLIN}};
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			return;
		if (cancel_fired(cancel) || cancel_fired(s->closed))
			return;
		if (fds[0].revents)
			more = read_some(s, in, &data, &dropping);
	}
}

/* Until no call is in progress. */
static void wait_for_calls(struct serving *s, struct cancel *cancel)
{
	for (bool idle = false; !idle;) {
		if (cancel_fired(cancel) || cancel_fired(s->closed))
			cancel_all(s);
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++; /* to look at `cancel` again */
		pthread_mutex_lock(&s->lock);
		if (s->n_calls)
			pthread_cond_timedwait(&s->ended, &s->lock, &until);
		idle = !s->n_calls;
		pthread_mutex_unlock(&s->lock);
	}
}

int pipes_serve(struct mcp *m, int in, int out, struct cancel *cancel, struct err *err)
{
	struct serving s = {.mcp = m, .out = out, .pool = pool_new(THREADS), .closed = cancel_new()};
	pthread_mutex_init(&s.lock, NULL);
	pthread_cond_init(&s.ended, NULL);
	read_all(&s, in, cancel);
	wait_for_calls(&s, cancel);
	pool_free(s.pool);
	bool broken = s.broken;
	cancel_free(s.closed);
	pthread_cond_destroy(&s.ended);
	pthread_mutex_destroy(&s.lock);
	if (broken)
		log_info("the client closed its end");
	return cancel_fired(cancel) ? err_set(err, ERR_CANCELED, "stopped") : 0;
}
