/* SPDX-License-Identifier: Apache-2.0 */
/* One chat completion at an endpoint: sends the request, reads the stream,
 * enforces the time limits, and classifies failures. */
#include "openai/endpoint-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "openai/chat-body.h"
#include "openai/completion.h"
#include "openai/sse.h"

#define ERROR_BODY_MAX ((size_t)64 << 10)
#define PROGRESS_EVERY (CLOCK_SECOND / 10)

/* How long to wait for the end of the connection: after [DONE]; after the
 * finish reason, or after the last byte of an error. */
#define DONE_TIME CLOCK_SECOND
#define REST_TIME (10 * CLOCK_SECOND)

/* A request is sent at most this many times to learn the dialect. */
#define LEARN_MAX 10

struct call {
	struct endpoint *e;
	struct dialect dialect; /* of this request */
	bool again;             /* the request is sent again in another dialect */
	bool enough;            /* the answer is complete; the exchange was ended */
	struct sse sse;
	struct completion answer;
	struct buf whole; /* the body of an error, or of an answer that is not streamed */
	enum { CALL_UNKNOWN, CALL_STREAM, CALL_WHOLE, CALL_ERROR } kind;
	int attempt;
	int64_t sent; /* clock_now() when the request was sent */
	int64_t came; /* ... when the last bytes before [DONE] arrived */
	void (*progress)(void *ctx, const struct chat_progress *p);
	void *ctx;
	int64_t told; /* clock_now() of the last progress call */
	struct chat_progress last;
};

static int on_event(void *ctx, const char *data, size_t len, struct err *err)
{
	struct call *k = ctx;
	return completion_event(&k->answer, data, len, err);
}

/* Uses the status and the first byte, because content types are often wrong. */
static int choose_kind(struct call *k, const struct http_reply *reply, char first, struct err *err)
{
	if (reply->status != 200) {
		k->kind = CALL_ERROR;
		k->whole = BUF(ERROR_BODY_MAX);
	} else if (first == '<') {
		return err_set(err, ERR_ENGINE,
		               "%s answered with a web page: it is not an OpenAI-compatible API",
		               k->e->shown);
	} else if (first == '{' || first == '[') {
		k->kind = CALL_WHOLE;
		k->whole = BUF(COMPLETION_EVENT_MAX);
	} else {
		k->kind = CALL_STREAM;
	}
	return 0;
}

static bool over(int64_t since, int64_t limit, int64_t now)
{
	return limit && now - since > limit;
}

/* Whether the reply is complete although the connection is still open. */
static bool is_at_rest(const struct call *k, int64_t now)
{
	if (k->answer.done)
		return over(k->came, DONE_TIME, now);
	if (k->answer.finish_reason) /* keep-alive comments do not count */
		return over(k->answer.last, REST_TIME, now);
	return k->kind == CALL_ERROR && over(k->came, REST_TIME, now);
}

/* Ends the exchange, because some servers never close the connection. */
static int end_early(struct call *k, struct err *err)
{
	k->enough = true;
	return err_set(err, ERR_CANCELED, "the rest is not needed");
}

static int take_body(struct call *k, const struct http_reply *reply, const char *data, size_t len,
                     struct err *err)
{
	int r = 0;
	/* Skip blanks and a byte order mark. */
	for (; len && k->kind == CALL_UNKNOWN && strchr(" \t\r\n\xef\xbb\xbf", *data); len--)
		data++;
	if (!len)
		return 0;
	if (!k->answer.done)
		k->came = clock_now();
	if (k->kind == CALL_UNKNOWN)
		r = choose_kind(k, reply, *data, err);
	if (r < 0)
		return r;

	switch (k->kind) {
	case CALL_STREAM:
		/* Ignore what follows [DONE]. */
		if (!k->answer.done)
			return sse_feed(&k->sse, data, len, err);
		return is_at_rest(k, clock_now()) ? end_early(k, err) : 0;

	case CALL_ERROR: {
		size_t room = k->whole.max - k->whole.len;
		buf_add(&k->whole, data, len < room ? len : room);
		return len < room ? 0 : end_early(k, err);
	}

	default: buf_add(&k->whole, data, len); return buf_check(&k->whole, "the engine's answer", err);
	}
}

static void tell(struct call *k, int64_t now)
{
	if (!k->progress)
		return;

	struct chat_progress p = {
		.phase = k->answer.first ? CHAT_DECODE : CHAT_PREFILL,
		.prompt_tokens = k->answer.prompt_tokens,
		.prompt_done = k->answer.prompt_done,
		.output_tokens = k->answer.output_tokens,
		.attempt = k->attempt,
	};
	bool same = p.phase == k->last.phase && p.prompt_done == k->last.prompt_done &&
	            p.output_tokens == k->last.output_tokens;
	/* Report a new phase at once, other changes ten times a second, and once a
	 * second if nothing changes. */
	if (k->told && p.phase == k->last.phase &&
	    now - k->told < (same ? CLOCK_SECOND : PROGRESS_EVERY))
		return;

	k->told = now;
	k->last = p;
	k->progress(k->ctx, &p);
}

static int on_body(void *ctx, const struct http_reply *reply, const char *data, size_t len,
                   struct err *err)
{
	struct call *k = ctx;
	int r = take_body(k, reply, data, len, err);
	/* A fast engine may send the whole answer between two ticks. */
	tell(k, clock_now());
	return r;
}

static int check_limits(const struct call *k, int64_t now, struct err *err)
{
	const struct endpoint_limits *l = &k->e->limits;
	const struct completion *a = &k->answer;
	if (!a->first && over(k->sent, l->vision, now))
		return err_limit(err, ERR_TIMEOUT, "vision-timeout",
		                 "no first token within %.1f s (--vision-timeout)",
		                 (double)l->vision / 1e6);
	if (a->first && over(a->first, l->generation, now))
		return err_limit(err, ERR_TIMEOUT, "generation-timeout",
		                 "the answer was not complete %.1f s after its first token "
		                 "(--generation-timeout)",
		                 (double)l->generation / 1e6);
	/* Counts output, not bytes: engines send keep-alive comments while they
	 * do nothing. */
	if (a->first && !a->finish_reason && over(a->last, l->idle, now))
		return err_limit(err, ERR_TIMEOUT, "idle-timeout",
		                 "the engine sent nothing for %.1f s during an answer "
		                 "(--idle-timeout)",
		                 (double)l->idle / 1e6);
	return 0;
}

static int on_tick(void *ctx, struct err *err)
{
	struct call *k = ctx;
	int64_t now = clock_now();
	tell(k, now);
	return is_at_rest(k, now) ? end_early(k, err) : check_limits(k, now, err);
}

/* Whether a status may be caused by the content of the request. */
static bool says_why(int status)
{
	return (status >= 400 && status < 500 && status != 404 && !endpoint_status_passes(status)) ||
	       status == 500 || status == 501;
}

/* Adapts the endpoint's dialect to a refusal. Sets `again` if the request can
 * be repeated as it is; with fewer pictures it is another request. */
static int learn(struct call *k, const struct chat *c, int r, struct err *err)
{
	struct endpoint *e = k->e;
	const struct dialect_request q = {.images = chat_images(c),
	                                  .max_tokens = c->max_tokens,
	                                  /* llama-server supports schemas: if it
	                                   * refuses one, others are accepted. */
	                                  .format = c->format && !endpoint_info(e)->llama,
	                                  .system = c->system != NULL};
	const char *what = NULL;
	struct dialect d = k->dialect;
	if (!dialect_learn(&d, &q, buf_str(&k->whole), k->whole.len, &what))
		return r;

	pthread_mutex_lock(&e->lock);
	/* If another request changed the dialect in the meantime, that one is
	 * used. */
	bool mine = e->dialect.version == k->dialect.version;
	if (mine) {
		e->dialect = d;
		e->tried = true;
	}
	pthread_mutex_unlock(&e->lock);

	if (mine)
		log_info("%s: %s, since the engine answered: %s", e->shown, what, err->msg);
	if (d.most_images != k->dialect.most_images)
		return err_set(err, ERR_LIMIT, "the engine takes at most %zu pictures in a request",
		               d.most_images);

	k->again = true;
	return r;
}

/* Stores the dialect once a request was answered in it. */
static void keep_dialect(struct call *k)
{
	struct endpoint *e = k->e;
	pthread_mutex_lock(&e->lock);
	bool keep = e->tried && e->dialect.version == k->dialect.version;
	e->tried = e->tried && !keep;
	pthread_mutex_unlock(&e->lock);
	if (keep && e->learned)
		e->learned(e->learned_ctx);
}

/* If the request is refused even without its optional parameters, they were not
 * the reason: sends them again in later requests. */
static void restore_dialect(struct endpoint *e, const struct dialect *before, unsigned last)
{
	pthread_mutex_lock(&e->lock);
	bool mine = e->tried && e->dialect.version == last;
	if (mine) {
		e->dialect = *before;
		e->dialect.version = last + 1;
		e->tried = false;
	}
	pthread_mutex_unlock(&e->lock);
	if (mine)
		log_info("%s: the parameters are sent as before, since leaving them out did not help",
		         e->shown);
}

/* Reads a body that is not an event stream: one object, or one in each line. */
static int read_whole(struct call *k, struct err *err)
{
	const char *p = buf_str(&k->whole);
	int r = completion_event(&k->answer, p, k->whole.len, err);
	if (r != -ERR_PROTO || !strstr(p, "\n{"))
		return r;
	for (r = 0; r == 0 && *p; p += strspn(p, "\r\n")) {
		size_t len = strcspn(p, "\r\n");
		r = len ? completion_event(&k->answer, p, len, err) : 0;
		p += len;
	}
	return r;
}

/* Makes the result of a finished exchange, or its error. */
static int finish(struct call *k, const struct chat *c, const struct http_reply *reply,
                  struct chat_result *ret, struct endpoint_failure *failure, struct err *err)
{
	if (reply->status != 200) {
		int r = endpoint_status_error(k->e, reply, buf_str(&k->whole), k->whole.len, err);
		if (says_why(reply->status) && (r == -ERR_ENGINE || r == -ERR_NOSPC))
			r = learn(k, c, r, err);
		endpoint_note_failure(reply, r, failure);
		failure->refused = r == -ERR_UNSUPPORTED || (reply->status < 500 && !failure->retry);
		return r;
	}

	int r = k->kind == CALL_STREAM ? sse_end(&k->sse, err) : 0;
	if (r == 0 && k->kind == CALL_WHOLE)
		r = read_whole(k, err);
	if (r == 0)
		r = completion_end(&k->answer, k->sent, ret, err);
	if (r == 0)
		keep_dialect(k);
	failure->retry = r == -ERR_PROTO || r == -ERR_ENGINE;
	return r;
}

static int run(struct call *k, const struct chat *c, struct cancel *cancel, struct chat_result *ret,
               struct endpoint_failure *failure, struct err *err)
{
	struct endpoint *e = k->e;
	const struct endpoint_info *info = endpoint_info(e);
	AUTO(buf_free) struct buf begin = BUF(CHAT_BODY_MAX), end = BUF(CHAT_BODY_MAX);
	pthread_mutex_lock(&e->lock);
	k->dialect = e->dialect;
	struct sampling sampling = e->sampling;
	pthread_mutex_unlock(&e->lock);
	if (c->letter)
		sampling = (struct sampling){.no_reasoning = NO_REASONING_TEMPLATE};
	if (info->ollama && sampling.no_reasoning == NO_REASONING_TEMPLATE)
		sampling.no_reasoning = NO_REASONING_EFFORT;
	if (k->dialect.most_images && chat_images(c) > k->dialect.most_images)
		return err_set(err, ERR_LIMIT, "the engine takes at most %zu pictures in a request",
		               k->dialect.most_images);

	body_begin(c, &k->dialect, &begin);
	body_end(c, info->model, info->llama, &k->dialect, &sampling, &end);
	struct http_piece pieces[] = {
		{buf_str(&begin), begin.len}, {buf_str(&c->parts), c->parts.len}, {buf_str(&end), end.len}};
	AUTO(mem_freep) char *url = mem_printf("%s/chat/completions", e->base);
	struct http_request q = {
		.url = url,
		.socket = e->socket,
		.key = e->key,
		.ca_file = e->ca_file,
		.pieces = pieces,
		.n_pieces = ARRAY_LEN(pieces),
		.connect_timeout = e->limits.connect,
		.cancel = {cancel, c->cancel},
		.body = on_body,
		.tick = on_tick,
		.ctx = k,
	};
	struct http_reply reply;
	k->sent = clock_now();
	int r = http_run(e->http, &q, &reply, err);
	if (r == 0 || k->enough)
		return finish(k, c, &reply, ret, failure, err);

	/* Some servers break the connection right after a complete answer. If the
	 * status is an error, that is reported rather than the broken connection. */
	if (reply.passing && (k->answer.done || (reply.status && reply.status != 200)))
		return finish(k, c, &reply, ret, failure, err);
	if (reply.passing) {
		failure->retry = true;
		return reply.status ? err_wrap(err, "the engine's answer ended early")
		                    : err_wrap(err, "cannot reach the engine at %s", e->shown);
	}

	/* An error inside a stream may be temporary. A time limit is not: the user
	 * set it. */
	failure->retry =
		reply.status == 200 && k->kind == CALL_STREAM && (r == -ERR_ENGINE || r == -ERR_PROTO);
	return r;
}

int endpoint_chat(struct endpoint *e, const struct chat *c, int attempt, struct cancel *cancel,
                  void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                  struct chat_result *ret, struct endpoint_failure *failure, struct err *err)
{
	struct err own = {0};
	err = err ? err : &own;
	const struct dialect before = endpoint_dialect(e);
	unsigned last = before.version;
	bool again = true;
	int r = 0;
	for (int i = 0; again && i < LEARN_MAX; i++) {
		struct call k = {.e = e, .attempt = attempt, .progress = progress, .ctx = ctx};
		sse_init(&k.sse, COMPLETION_EVENT_MAX, on_event, &k);
		completion_init(&k.answer);
		*failure = (struct endpoint_failure){0};
		*ret = (struct chat_result){.attempts = attempt};
		r = run(&k, c, cancel, ret, failure, err);
		again = r < 0 && k.again;
		last = k.dialect.version + k.again;
		sse_clear(&k.sse);
		completion_clear(&k.answer);
		buf_free(&k.whole);
	}

	if (r < 0 && failure->refused && r != -ERR_LIMIT)
		restore_dialect(e, &before, last);
	if (r < 0)
		endpoint_scrub(e, err);
	return r;
}
