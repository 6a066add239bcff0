/* SPDX-License-Identifier: Apache-2.0 */
#include "net/api/mcp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/log.h"
#include "base/pool.h"
#include "mcp/mcp.h"
#include "net/api/api.h"
#include "net/http/stream.h"

enum {
	THREADS = 8,
	WAITING_MAX = 32, /* calls that wait for a thread */
	CLIENT_MAX = 64,
};

struct mcp_service {
	struct mcp *mcp;
	struct board *board;
	struct engine *engine;
	struct memory *memory;
	struct mcp_host host;
	struct pool *pool;
	pthread_mutex_t lock;
	struct answer *answers; /* in progress */
	bool stopping;
};

/* A request, or a batch, that is answered on a thread. */
struct answer {
	struct mcp_service *service;
	struct http_stream *stream;
	bool events; /* server-sent events; else one JSON text */
	json_t *all;
	struct cancel *cancel;
	_Atomic bool gone; /* the connection is lost */
	bool submit;
	char client[CLIENT_MAX], version[16];
	struct answer *next;
};

/* ---- what the board does */

static int add_video(void *ctx, const char *path, const char *url, struct mcp_added *ret,
                     struct err *err)
{
	static const char *const states[] = {"queued", "running", "paused",  "done",
	                                     "holes",  "failed",  "canceled"};
	struct mcp_service *s = ctx;
	json_auto_t *request = json_pack("{s:s}", path ? "path" : "url", path ? path : url);
	json_t *job = NULL;
	int r = board_submit(s->board, request, &job, err);
	if (r < 0)
		return r;

	const char *journal = json_text(job, "journal"), *error = json_text(job, "error");
	*ret = (struct mcp_added){.state = "queued",
	                          .progress = json_number_value(json_object_get(job, "progress"))};
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(json_text(job, "state"), states[i]) == 0)
			ret->state = states[i];
	snprintf(ret->handle, sizeof ret->handle, "job-%s", json_text(job, "id"));
	bool ended = strcmp(ret->state, "done") == 0 || strcmp(ret->state, "holes") == 0;
	ret->video = ended && *journal ? mem_strdup(journal) : NULL;
	ret->message = *error ? mem_strdup(error)
	               : !*json_text(job, "phase")
	                   ? NULL
	                   : mem_printf("%s %s", json_text(job, "phase"), json_text(job, "detail"));
	json_decref(job);
	return 0;
}

static int find_engine(void *ctx, struct engine **ret, struct memory **ret_memory, struct err *err)
{
	struct mcp_service *s = ctx;
	(void)err;
	*ret = s->engine;
	*ret_memory = s->memory;
	return 0;
}

static bool reads(void *ctx, const char *address)
{
	const struct mcp_service *s = ctx;
	return board_reads(s->board, address);
}

/* ---- start and stop */

struct mcp_service *mcp_service_new(const struct mcp_setup *setup, struct board *board,
                                    struct engine *engine, struct memory *memory)
{
	struct mcp_service *s = mem_alloc(1, sizeof *s);
	struct mcp_setup mine = *setup;
	*s = (struct mcp_service){.board = board,
	                          .engine = engine,
	                          .memory = memory,
	                          .host = {.ctx = s,
	                                   .add_video = add_video,
	                                   .engine = engine ? find_engine : NULL,
	                                   .reads = reads}};
	mine.host = &s->host;
	s->mcp = mcp_new(&mine);
	s->pool = pool_new(THREADS);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void mcp_service_stop(struct mcp_service *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (struct answer *a = s->answers; a; a = a->next)
		cancel_fire(a->cancel);
	pthread_mutex_unlock(&s->lock);
}

void mcp_service_free(struct mcp_service *s)
{
	if (!s)
		return;
	mcp_service_stop(s);
	pool_free(s->pool);
	mcp_free(s->mcp);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- answers on threads */

static void write_message(struct answer *a, const json_t *message)
{
	AUTO(mem_freep) char *text = json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(15));
	AUTO(mem_freep) char *event = a->events ? mem_printf("data: %s\n\n", text) : NULL;
	const char *data = event ? event : text;
	http_stream_write(a->stream, data, strlen(data));
}

static void notify(void *ctx, json_t *notification)
{
	write_message(ctx, notification);
	json_decref(notification);
}

/* NULL: there is no response. */
static json_t *answer_one(struct answer *a, const json_t *one)
{
	struct rpc_message q;
	const struct mcp_call call = {.cancel = a->cancel,
	                              .client = a->client,
	                              .submit = a->submit,
	                              .version = a->version,
	                              .notify = a->events ? notify : NULL,
	                              .ctx = a};
	rpc_read(one, &q);
	json_t *response = mcp_answer(a->service->mcp, &q, &call);
	if (!response && q.kind == RPC_REQUEST)
		response = rpc_error(q.id, RPC_INTERNAL, NULL, "the server is being stopped");
	rpc_clear(&q);
	return response;
}

static json_t *answer_all(struct answer *a)
{
	json_t *one, *response, *responses;
	size_t i;
	if (!json_is_array(a->all))
		return answer_one(a, a->all);
	responses = json_array();
	json_array_foreach (a->all, i, one)
		if ((response = answer_one(a, one)))
			json_array_append_new(responses, response);
	return responses;
}

static void end_answer(struct answer *a)
{
	struct mcp_service *s = a->service;
	pthread_mutex_lock(&s->lock);
	struct answer **at = &s->answers;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	pthread_mutex_unlock(&s->lock);
	cancel_free(a->cancel);
	json_decref(a->all);
	free(a);
}

static void run(void *ctx)
{
	struct answer *a = ctx;
	json_auto_t *response = a->gone ? NULL : answer_all(a);
	if (response)
		write_message(a, response);
	if (a->gone)
		log_debug("mcp: a call was canceled, as its client closed the connection");
	http_stream_end(a->stream);
	end_answer(a);
}

static void on_closed(void *ctx)
{
	struct answer *a = ctx;
	a->gone = true;
	cancel_fire(a->cancel);
}

static const char *client_of(const struct call *c)
{
	return c->local ? c->address : c->who.name;
}

/* Takes `all`. */
static void start(struct mcp_service *s, struct call *c, json_t *all, bool events)
{
	const char *version = c->headers[HEADER_MCP_VERSION];
	struct answer *a = mem_alloc(1, sizeof *a);
	*a = (struct answer){.service = s,
	                     .events = events,
	                     .all = all,
	                     .cancel = cancel_new(),
	                     .submit = c->who.role >= ROLE_SUBMIT};
	snprintf(a->client, sizeof a->client, "%s", client_of(c));
	snprintf(a->version, sizeof a->version, "%s", version ? version : MCP_BATCHES);
	a->stream =
		http_stream_open(c, 200, events ? "text/event-stream" : "application/json", on_closed, a);
	if (events)
		call_head(c, "X-Accel-Buffering", "no");

	pthread_mutex_lock(&s->lock);
	a->next = s->answers;
	s->answers = a;
	if (s->stopping)
		cancel_fire(a->cancel);
	pthread_mutex_unlock(&s->lock);
	pool_run(s->pool, run, a);
}

/* ---- requests */

static bool accepts_events(const struct call *c)
{
	const char *accept = c->headers[HEADER_ACCEPT];
	return accept && strcasestr(accept, "text/event-stream");
}

static bool is_busy(struct mcp_service *s, struct call *c)
{
	if (pool_waiting(s->pool) < WAITING_MAX)
		return false;
	call_problem(c, 503, "busy", "too many calls of tools are in progress; try again in a second");
	call_head(c, "Retry-After", "1");
	return true;
}

/* What is answered without waiting, and what is wrong in one that is not. */
static json_t *answer_now(struct mcp_service *s, struct call *c, const struct rpc_message *q)
{
	json_t *fault = mcp_check_headers(q, c->headers[HEADER_MCP_VERSION],
	                                  c->headers[HEADER_MCP_METHOD], c->headers[HEADER_MCP_NAME]);
	const char *version = c->headers[HEADER_MCP_VERSION];
	const struct mcp_call call = {.client = client_of(c),
	                              .submit = c->who.role >= ROLE_SUBMIT,
	                              .version = version ? version : ""};
	if (fault)
		return fault;
	return mcp_is_long(q) ? mcp_refuse(q) : mcp_answer(s->mcp, q, &call);
}

/* Takes `one`, which belongs to another thread once it is started. */
static void take_message(struct mcp_service *s, struct call *c, json_t *one)
{
	struct rpc_message q;
	rpc_read(one, &q);
	json_t *now = answer_now(s, c, &q);
	if (!now && mcp_is_long(&q) && !is_busy(s, c)) {
		const json_t *meta = json_object_get(q.params, "_meta");
		start(s, c, one, json_object_get(meta, "progressToken") && accepts_events(c));
		return;
	}
	if (now)
		call_json(c, mcp_status(&q, now), now);
	else if (!c->reply.status)
		call_empty(c, 202);
	rpc_clear(&q);
	json_decref(one);
}

/* Takes `all`. */
static void take_batch(struct mcp_service *s, struct call *c, json_t *all)
{
	const char *version = c->headers[HEADER_MCP_VERSION];
	size_t n = json_array_size(all), requests = 0, i;
	json_t *one;
	json_array_foreach (all, i, one)
		requests += json_object_get(one, "method") && json_object_get(one, "id");
	bool good = n && n <= RPC_BATCH_MAX && (!version || strcmp(version, MCP_BATCHES) == 0);
	if (good && requests && !is_busy(s, c)) {
		start(s, c, all, false);
		return;
	}
	if (!good)
		call_json(c, 400,
		          rpc_error(NULL, RPC_INVALID_REQUEST, NULL,
		                    "batches have 1 to %d messages, and exist in revision %s only",
		                    RPC_BATCH_MAX, MCP_BATCHES));
	else if (!requests)
		call_empty(c, 202);
	json_decref(all);
}

static struct mcp_service *service_of(const struct call *c)
{
	const struct api *api = c->ctx;
	return api->mcp;
}

int handle_mcp(struct call *c, struct err *err)
{
	const char *type = c->headers[HEADER_CONTENT_TYPE];
	(void)err;
	if (!type || strncasecmp(type, "application/json", 16) != 0 ||
	    (type[16] && !strchr("; ", type[16])))
		call_problem(c, 415, "type", "the body must be JSON, with Content-Type: application/json");
	else if (c->length > RPC_MESSAGE_MAX)
		call_problem(c, 413, "limit", "a message has at most %d bytes", RPC_MESSAGE_MAX);
	if (c->reply.status)
		return 0;
	struct buf *body = mem_alloc(1, sizeof *body);
	*body = BUF(RPC_MESSAGE_MAX);
	c->sink = body;
	return 0;
}

static void clear_sink(struct call *c)
{
	struct buf *body = c->sink;
	if (body)
		buf_free(body);
	free(body);
	c->sink = NULL;
}

static int write_body(struct call *c, const void *data, size_t len, struct err *err)
{
	struct buf *body = c->sink;
	return buf_add(body, data, len) < 0
	           ? err_set(err, ERR_LIMIT, "a message has at most %d bytes", RPC_MESSAGE_MAX)
	           : 0;
}

static int finish_body(struct call *c, struct err *err)
{
	struct buf *body = c->sink;
	struct mcp_service *s = service_of(c);
	json_t *fault = NULL;
	json_t *all = rpc_parse(buf_str(body), body->len, &fault);
	(void)err;
	if (!all)
		call_json(c, 400, fault);
	else if (json_is_array(all))
		take_batch(s, c, all);
	else
		take_message(s, c, all);
	clear_sink(c);
	return 0;
}

const struct body_sink mcp_sink = {write_body, finish_body, clear_sink};
