/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config.h"
#include "net/answers.h"
#include "net/server.h"
#include "net/socket.h"
#include "net_openapi.h"
#include "page_files.h"

int answer_health(struct call *c, struct err *err)
{
	(void)err;
	call_text(c, 200, "text/plain; charset=utf-8", "ok\n");
	return 0;
}

int answer_ready(struct call *c, struct err *err)
{
	struct board_figures f;
	(void)err;
	board_figures(c->net->setup.board, &f);
	if (f.stopping || c->net->stopping)
		call_problem(c, 503, "stopping", "the server is about to stop");
	else
		call_text(c, 200, "text/plain; charset=utf-8", "ready\n");
	return 0;
}

static void figure(struct buf *b, const char *name, const char *type, const char *help,
                   double value)
{
	buf_addf(b, "# HELP vdet_%s %s\n# TYPE vdet_%s %s\nvdet_%s %.15g\n", name, help, name, type,
	         name, value);
}

static void board_metrics(const struct board_figures *f, struct buf *b)
{
	const struct {
		const char *state;
		int64_t n;
	} jobs[] = {{"queued", f->queued}, {"running", f->running}, {"paused", f->paused},
	            {"done", f->done},     {"holes", f->holes},     {"failed", f->failed}};
	figure(b, "videos", "gauge", "Videos on the board.", (double)f->videos);
	buf_adds(b, "# HELP vdet_jobs Jobs by state.\n# TYPE vdet_jobs gauge\n");
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		buf_addf(b, "vdet_jobs{state=\"%s\"} %lld\n", jobs[i].state, (long long)jobs[i].n);
	figure(b, "chunks_done_total", "counter", "Chunks described by this run.",
	       (double)f->chunks_done);
	figure(b, "chunks_holes_total", "counter", "Chunks that failed in this run.",
	       (double)f->chunks_holes);
	figure(b, "prefill_tokens_per_second", "gauge", "Of the running jobs.", f->prefill_rate);
	figure(b, "decode_tokens_per_second", "gauge", "Of the running jobs.", f->decode_rate);
	figure(b, "engine_slots", "gauge", "Requests that the engine works on at once.",
	       (double)f->slots);
	figure(b, "engine_busy_seconds_total", "counter", "Time with a request in flight.",
	       (double)f->busy_time / 1e6);
	figure(b, "disk_free_bytes", "gauge", "Free where the server keeps its files.",
	       (double)f->disk_free);
	figure(b, "disk_used_bytes", "gauge", "Used by the server's own files.", (double)f->disk_used);
	figure(b, "pool_waiting", "gauge", "Work that waits for a thread of the board.",
	       (double)f->waiting);
}

/* One figure of each GPU; what a GPU does not tell is left out. */
static void gpu_metric(const json_t *gpus, const char *key, const char *name, const char *help,
                       struct buf *b)
{
	size_t i;
	json_t *g;
	bool any = false;
	json_array_foreach (gpus, i, g) {
		const json_t *v = json_object_get(g, key);
		const char *model = json_string_value(json_object_get(g, "name"));
		double value = json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
		if (!json_is_number(v) && !json_is_boolean(v))
			continue;
		if (!any)
			buf_addf(b, "# HELP vdet_gpu_%s %s\n# TYPE vdet_gpu_%s gauge\n", name, help, name);
		any = true;
		buf_addf(b, "vdet_gpu_%s{gpu=\"%zu\",model=\"", name, i);
		for (const char *p = model ? model : ""; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_adds(b, "\\");
			buf_add(b, p, 1);
		}
		buf_addf(b, "\"} %.15g\n", value);
	}
}

static void gpu_metrics(const struct net_setup *s, struct buf *b)
{
	json_auto_t *all = s->performance ? s->performance(s->performance_ctx) : NULL;
	const json_t *gpus = json_object_get(json_object_get(all, "now"), "gpu");
	gpu_metric(gpus, "memory_used", "memory_used_bytes", "Memory in use.", b);
	gpu_metric(gpus, "memory_total", "memory_total_bytes", "Memory there is.", b);
	gpu_metric(gpus, "memory_peak", "memory_peak_bytes",
	           "The most that was in use since the server started.", b);
	gpu_metric(gpus, "load", "load_ratio", "Share of time that it was at work.", b);
	gpu_metric(gpus, "temperature", "temperature_celsius", "Temperature.", b);
	gpu_metric(gpus, "lost", "lost", "1 if it no longer answers.", b);
}

int answer_metrics(struct call *c, struct err *err)
{
	struct board_figures f;
	struct net *n = c->net;
	struct net_counts *k = &n->counts;
	struct buf *b = &c->reply.body;
	(void)err;
	board_figures(n->setup.board, &f);
	board_metrics(&f, b);
	gpu_metrics(&n->setup, b);
	buf_adds(b, "# HELP vdet_http_responses_total Replies by class.\n"
	            "# TYPE vdet_http_responses_total counter\n");
	for (int i = 2; i < 6; i++)
		buf_addf(b, "vdet_http_responses_total{class=\"%dxx\"} %lld\n", i,
		         (long long)k->by_class[i]);
	figure(b, "http_requests_total", "counter", "Requests.", (double)k->requests);
	figure(b, "connections", "gauge", "Open connections.", (double)k->connections);
	figure(b, "connections_refused_total", "counter", "Connections beyond a limit.",
	       (double)k->refused);
	figure(b, "sockets", "gauge", "Open WebSockets.", (double)k->sockets);
	figure(b, "sockets_slow_total", "counter", "WebSockets closed because they were too slow.",
	       (double)k->slow_sockets);
	figure(b, "messages_total", "counter", "Messages sent by WebSocket.", (double)k->messages);
	figure(b, "sent_bytes_total", "counter", "Bytes sent.", (double)k->sent);
	figure(b, "received_bytes_total", "counter", "Bytes of bodies received.", (double)k->received);
	figure(b, "uploads", "gauge", "Unfinished uploads.", (double)uploads_count(n->uploads));
	figure(b, "work_waiting", "gauge", "Requests that wait for a thread.",
	       (double)(pool_waiting(n->calls) + pool_waiting(n->slow) + pool_waiting(n->disk)));
	c->reply.status = 200;
	c->reply.type = "text/plain; version=0.0.4; charset=utf-8";
	return 0;
}

int answer_openapi(struct call *c, struct err *err)
{
	(void)err;
	c->reply.status = 200;
	c->reply.type = "application/json";
	c->reply.constant = (const unsigned char *)net_openapi_json;
	c->reply.constant_len = net_openapi_json_len;
	return 0;
}

static const struct page_file *page_file(const char *path)
{
	for (size_t i = 0; i < page_files_len; i++)
		if (strcmp(page_files[i].path, path) == 0)
			return &page_files[i];
	return NULL;
}

bool answer_is_page(const char *path)
{
	return page_file(path) != NULL;
}

int answer_page(struct call *c, struct err *err)
{
	const struct page_file *f = page_file(c->path);
	const char *accept = c->headers[HEADER_ACCEPT_ENCODING],
			   *have = c->headers[HEADER_IF_NONE_MATCH];
	if (!f)
		return err_set(err, ERR_NOENT, "there is no %s", c->path);
	bool packed = accept && strstr(accept, "gzip");
	call_head(c, "Cache-Control", "no-cache");
	call_head(c, "Vary", "Accept-Encoding");
	call_head(c, "ETag", "%s", f->etag);
	if (have && strstr(have, f->etag)) {
		call_empty(c, 304);
		return 0;
	}
	if (packed)
		call_head(c, "Content-Encoding", "gzip");
	c->reply.status = 200;
	c->reply.type = f->type;
	c->reply.constant = packed ? f->gzip : f->plain;
	c->reply.constant_len = packed ? f->gzip_len : f->plain_len;
	return 0;
}

static json_t *me(const struct call *c, const struct who *who)
{
	return json_pack("{s:s, s:s, s:b, s:s}", "user", who->name, "role", role_name(who->role),
	                 "auth", (int)!c->local, "version", VDET_VERSION);
}

int answer_me(struct call *c, struct err *err)
{
	(void)err;
	call_json(c, 200, me(c, &c->who));
	return 0;
}

static const char *text_in(const struct call *c, const char *name)
{
	return json_string_value(json_object_get(c->body, name));
}

int answer_login(struct call *c, struct err *err)
{
	char cookie[ACCESS_COOKIE_MAX];
	const char *user = text_in(c, "user"), *password = text_in(c, "password"),
			   *token = text_in(c, "token");
	struct who who;
	if (!token && (!user || !password))
		return err_set(err, ERR_ARG, "a login has user and password, or token; each a text");
	bool good = token ? access_token(c->net->access, token, &who)
	                  : access_password(c->net->access, user, password, &who);
	if (!good) {
		call_problem(c, 401, "login",
		             token ? "this token is not known here" : "user or password is wrong");
		return 0;
	}
	int r = access_cookie_new(c->net->access, &who, cookie, err);
	if (r < 0)
		return r;
	const char *proto = c->headers[HEADER_FORWARDED_PROTO];
	bool secure = c->net->tls || (proto && strcmp(proto, "https") == 0);
	call_head(c, "Set-Cookie", "vdet=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", cookie,
	          (long long)(c->net->options->session / CLOCK_SECOND), secure ? "; Secure" : "");
	call_json(c, 200, me(c, &who));
	return 0;
}

int answer_logout(struct call *c, struct err *err)
{
	const char *cookie = c->headers[HEADER_COOKIE], *ours = cookie ? strstr(cookie, "vdet=") : NULL;
	(void)err;
	if (ours) {
		AUTO(mem_freep) char *value = mem_printf("%.*s", (int)strcspn(ours + 5, ";"), ours + 5);
		access_cookie_end(c->net->access, value);
	}
	call_head(c, "Set-Cookie", "vdet=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
	call_empty(c, 204);
	return 0;
}

int answer_tokens(struct call *c, struct err *err)
{
	(void)err;
	call_json(c, 200, json_pack("{s:o}", "tokens", access_list(c->net->access)));
	return 0;
}

int answer_token_new(struct call *c, struct err *err)
{
	char token[ACCESS_TOKEN_MAX];
	enum role role;
	const char *name = text_in(c, "name");
	int r = role_find(text_in(c, "role"), &role, err);
	if (r == 0)
		r = access_add_token(c->net->access, name ? name : "", role, token, err);
	if (r == 0)
		call_json(
			c, 201,
			json_pack("{s:s, s:s, s:s}", "name", name, "role", role_name(role), "token", token));
	return r;
}

int answer_token_delete(struct call *c, struct err *err)
{
	int r = access_remove(c->net->access, c->args.text[0], err);
	if (r == 0)
		call_empty(c, 204);
	return r;
}

int answer_performance(struct call *c, struct err *err)
{
	const struct net_setup *s = &c->net->setup;
	if (!s->performance)
		return err_set(err, ERR_NOENT, "this server does not watch its machine");
	call_json(c, 200, s->performance(s->performance_ctx));
	return 0;
}

int answer_recommendations(struct call *c, struct err *err)
{
	const struct net_setup *s = &c->net->setup;
	if (!s->performance)
		return err_set(err, ERR_NOENT, "this server does not watch its machine");
	json_auto_t *all = s->performance(s->performance_ctx);
	call_json(c, 200,
	          json_pack("{s:O}", "recommendations", json_object_get(all, "recommendations")));
	return 0;
}

int answer_sessions(struct call *c, struct err *err)
{
	(void)err;
	call_json(c, 200, socket_list(c->net));
	return 0;
}

int answer_settings(struct call *c, struct err *err)
{
	(void)err;
	call_json(c, 200, settings_list(board_settings(c->net->setup.board)));
	return 0;
}

int answer_settings_change(struct call *c, struct err *err)
{
	int r = settings_change(board_settings(c->net->setup.board), c->body, err);
	return r < 0 ? r : answer_settings(c, err);
}

int answer_no_socket(struct call *c, struct err *err)
{
	(void)err;
	call_problem(c, 426, "socket", "this address is a WebSocket");
	call_head(c, "Upgrade", "websocket");
	return 0;
}
