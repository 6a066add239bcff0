/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/chat.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "net/chat/answering.h"
#include "net/chat/chat-scope.h"

enum { ANSWERED_MAX = 16 /* at the same time: a thread each */ };

struct chat_service {
	struct board *board; /* borrowed */
	char *dir;
	int64_t upload_max, max_wait;
	struct pool *pool;
	struct chat_asks asks;
	pthread_mutex_t lock;     /* guards what follows */
	struct session *sessions; /* that are answered */
	size_t n;
	bool stopping;
};

/* ---- the answer as a reply */

/* Where links lead. */
struct places {
	const json_t *list; /* of each source of the answer: {"video", "job"}, or null */
	const struct answer *answer;
	const char *base; /* of the page */
};

static char *link_of(void *ctx, const struct answer_source *source, int64_t time)
{
	const struct places *p = ctx;
	const json_t *place = json_array_get(p->list, (size_t)(source - p->answer->sources));
	const char *job = json_text(place, "job");
	return *job ? mem_printf("%s/#/video/%s?t=%.3f", p->base, job, (double)time / 1e6) : NULL;
}

static int send_answer(struct session *s, const json_t *question, struct err *err)
{
	AUTO(answer_freep) struct answer *a = NULL;
	AUTO(buf_free) struct buf text = BUF(1 << 24);
	const json_t *object = json_object_get(question, "answer");
	int r = answer_read(object, &a, err);
	if (r < 0)
		return r;
	struct places places = {json_object_get(question, "places"), a, s->base};
	chat_reply_text(a, &text);
	const struct chat_end e = {.annotations = chat_annotations(a, link_of, &places),
	                           .usage = chat_usage(a),
	                           .own = json_incref((json_t *)object),
	                           .reason = "stop"};
	session_finish(s, buf_str(&text), &e);
	return 0;
}

/* The time of a reply that is not streamed is over. */
static void send_progress(struct session *s)
{
	AUTO(mem_freep) char *ask = s->ask ? mem_printf("%lld", (long long)s->ask) : NULL;
	AUTO(mem_freep) char *where = ask ? mem_printf(" (question %s)", ask) : mem_strdup("");
	AUTO(mem_freep)
	char *text = mem_printf("Still being worked on%s: %s. Send the same request again for the "
	                        "answer, or use \"stream\": true.",
	                        where, s->said ? s->said : "starting");
	const struct chat_end e = {
		.own = json_pack("{s:s, s:s?, s:O?}", "state", "working", "ask", ask, "jobs", s->jobs),
		.reason = "length"};
	session_finish(s, text, &e);
}

/* ERR_NOENT of a model is what clients know as "model_not_found". */
static int refuse(struct call *c, int r, const struct err *err)
{
	if (r == -ERR_NOENT && c)
		call_problem(c, 404, "model_not_found", "%s", err->msg);
	return r;
}

static int answer(struct session *s, struct err *err)
{
	json_auto_t *question = NULL;
	int r = answering_scope(s, err);
	if (r < 0)
		return refuse(s->call, r, err);
	session_begin(s);
	r = answering_analyze(s, err);
	if (r == 0)
		r = answering_ask(s, &question, err);
	if (r == 0)
		return send_answer(s, question, err);
	if (r > 0)
		send_progress(s);
	return r < 0 ? r : 0;
}

/* ---- threads */

static void run(void *ctx)
{
	struct session *s = ctx;
	struct chat_service *chat = s->service;
	struct err err = {0};
	int r = answer(s, &err);

	pthread_mutex_lock(&chat->lock);
	struct session **at = &chat->sessions;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	chat->n--;
	pthread_mutex_unlock(&chat->lock);
	session_end(s, r, &err);
	session_free(s);
}

/* False: too many are answered already, and the reply says so. */
static bool start(struct chat_service *chat, struct session *s, struct call *c)
{
	pthread_mutex_lock(&chat->lock);
	bool room = chat->n < ANSWERED_MAX;
	if (room && s) {
		s->service = chat;
		s->asks = &chat->asks;
		s->next = chat->sessions;
		chat->sessions = s;
		chat->n++;
		if (chat->stopping)
			session_stop(s);
		pool_run(chat->pool, run, s);
	}
	pthread_mutex_unlock(&chat->lock);
	if (!room) {
		call_problem(c, 503, "busy", "%d chat completions are being made; try again later",
		             ANSWERED_MAX);
		call_head(c, "Retry-After", "10");
	}
	return room;
}

void chat_service_stop(struct chat_service *chat)
{
	pthread_mutex_lock(&chat->lock);
	chat->stopping = true;
	for (struct session *s = chat->sessions; s; s = s->next)
		session_stop(s);
	pthread_mutex_unlock(&chat->lock);
}

/* ---- the request */

/* What arrives; call.sink. */
struct arriving {
	struct chat_scan *scan;
	struct chat_data *data;
};

static void free_arriving(struct call *c)
{
	struct arriving *a = c->sink;
	c->sink = NULL;
	chat_scan_free(a->scan);
	chat_data_free(a->data);
	free(a);
}

static bool is_json(const char *type)
{
	return type && strncasecmp(type, "application/json", 16) == 0 &&
	       (!type[16] || type[16] == ';' || type[16] == ' ');
}

/* Bytes that a body can have in all: base64 with each of its characters
 * escaped as \/ would be twice as long. */
static int64_t longest_body(const struct chat_service *chat)
{
	return chat->upload_max / 3 * 4 * 2 + CHAT_SCAN_TEXT_MAX;
}

static int handle_completion(struct call *c, struct err *err)
{
	struct chat_service *chat = c->ctx;
	if (!is_json(c->headers[HEADER_CONTENT_TYPE])) {
		call_problem(c, 415, "type", "the body must be JSON, with Content-Type: application/json");
		return 0;
	}
	if (c->length == 0 || (c->length < 0 && !c->chunked))
		return err_set(err, ERR_ARG, "the body must be a JSON object");
	if (c->length > longest_body(chat)) {
		call_problem(c, 413, "limit",
		             "the request is larger than chat.upload_max allows; upload the video (POST "
		             "/api/v1/uploads), or send its address, and name it in \"model\"");
		return 0;
	}
	if (!start(chat, NULL, c)) /* before the video is sent */
		return 0;
	struct arriving *a = mem_alloc(1, sizeof *a);
	a->data = chat_data_new(chat->dir, chat->upload_max);
	a->scan = chat_scan_new(&chat_data_sink, a->data);
	c->sink = a;
	return 0;
}

static int write_body(struct call *c, const void *data, size_t len, struct err *err)
{
	struct arriving *a = c->sink;
	return chat_scan_add(a->scan, data, len, err);
}

static int parse(struct arriving *a, struct chat_request *ret, struct err *err)
{
	const struct buf *text;
	json_error_t e;
	int r = chat_scan_end(a->scan, &text, err);
	if (r < 0)
		return r;
	json_auto_t *body = json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, &e);
	if (!json_is_object(body))
		return err_set(err, ERR_FORMAT, "the body is not a JSON object%s%s", body ? "" : ": ",
		               body ? "" : e.text);
	return chat_request_read(body, a->data->n, ret, err);
}

static int finish_body(struct call *c, struct err *err)
{
	struct chat_service *chat = c->ctx;
	struct arriving *a = c->sink;
	struct session *s = session_new(chat->board, c);
	int r = parse(a, &s->request, err);
	s->data = TAKE(a->data);
	free_arriving(c);
	s->head = (struct chat_head){s->id, s->request.model, clock_wall() / CLOCK_SECOND};
	s->deadline = s->request.stream ? 0 : clock_now() + chat->max_wait;
	if (r == 0 && start(chat, s, c))
		return CALL_LATER;
	session_free(s);
	return refuse(c, r, err);
}

static void abort_body(struct call *c)
{
	free_arriving(c);
}

static const struct body_sink completion_sink = {write_body, finish_body, abort_body};

/* ---- models */

static int handle_models(struct call *c, struct err *err)
{
	const struct chat_service *chat = c->ctx;
	json_auto_t *videos = board_videos(chat->board), *cases = NULL;
	int r = board_cases(chat->board, &cases, err);
	if (r == 0)
		call_json(c, 200, chat_scope_models(videos, cases));
	return r;
}

static int handle_model(struct call *c, struct err *err)
{
	const struct chat_service *chat = c->ctx;
	json_auto_t *videos = board_videos(chat->board), *cases = NULL;
	const char *name = c->args.n > 1 ? c->args.text[1] : NULL;
	AUTO(mem_freep)
	char *id = mem_printf("%s%s%s", c->args.text[0], name ? "/" : "", name ? name : "");
	int r = board_cases(chat->board, &cases, err);
	if (r < 0)
		return r;
	json_t *model = chat_scope_model(videos, cases, id);
	if (model)
		call_json(c, 200, model);
	else
		call_problem(c, 404, "model_not_found", "no model \"%s\"; GET /v1/models lists them", id);
	return 0;
}

const struct route chat_routes[] = {
	{METHOD_GET, "/v1/models", ROLE_VIEW, 0, .fn = handle_models},
	{METHOD_GET, "/v1/models/{id}", ROLE_VIEW, 0, .fn = handle_model},
	{METHOD_GET, "/v1/models/{id}/{name}", ROLE_VIEW, 0, .fn = handle_model},
	{METHOD_POST, "/v1/chat/completions", ROLE_SUBMIT, ROUTE_LONG | ROUTE_ORIGIN,
     .fn = handle_completion, .sink = &completion_sink},
};
const size_t n_chat_routes = ARRAY_LEN(chat_routes);

/* ---- start and end */

int chat_service_new(struct board *board, const char *dir, int64_t upload_max, int64_t max_wait,
                     struct chat_service **ret, struct err *err)
{
	int r = file_remove_tree(dir, err); /* what a killed server left */
	if (r == 0)
		r = file_mkdirs(dir, true, err);
	if (r < 0)
		return r;
	struct chat_service *c = mem_alloc(1, sizeof *c);
	*c = (struct chat_service){
		.board = board, .dir = mem_strdup(dir), .upload_max = upload_max, .max_wait = max_wait};
	c->pool = pool_new(ANSWERED_MAX);
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->asks.lock, NULL);
	*ret = c;
	return 0;
}

void chat_service_free(struct chat_service *c)
{
	if (!c)
		return;
	chat_service_stop(c);
	pool_free(c->pool);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->asks.lock);
	free(c->asks.all);
	free(c->dir);
	free(c);
}
