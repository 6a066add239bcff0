/* SPDX-License-Identifier: Apache-2.0 */
/* One request for vectors at an endpoint. */
#include <string.h>

#include "base/clock.h"
#include "openai/endpoint-internal.h"

/* A reply is one piece: waiting longer would hold an analysis up. */
#define TIMEOUT (300 * CLOCK_SECOND)

struct reply_body {
	struct buf data;
};

static int on_body(void *ctx, const struct http_reply *reply, const char *data, size_t len,
                   struct err *err)
{
	struct reply_body *b = ctx;
	(void)reply;
	buf_add(&b->data, data, len);
	return buf_check(&b->data, "the reply to a request for vectors", err);
}

static int refusal(const struct endpoint *e, const struct http_reply *reply, const struct buf *body,
                   struct endpoint_failure *failure, struct err *err)
{
	int r = endpoint_status_error(e, reply, buf_str(body), body->len, err);
	endpoint_note_failure(reply, r, failure);
	if (strcasestr(err->msg, "pooling"))
		err_add(err, "engine.embed_pooling chooses it: last or mean, as the model's makers say");
	if (reply->status == 404)
		r = err_set(err, ERR_ENGINE, "%s has no such model, or makes no vectors (HTTP 404)",
		            e->shown);
	return r;
}

int endpoint_embed(struct endpoint *e, const struct embed_item *items, size_t n,
                   struct cancel *cancel, struct embed_result *ret,
                   struct endpoint_failure *failure, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(EMBED_BODY_MAX);
	struct reply_body body = {BUF(EMBED_REPLY_MAX)};
	struct http_reply reply;
	*failure = (struct endpoint_failure){0};
	int r = embed_body(items, n, endpoint_info(e)->model, &text, err);
	if (r < 0)
		return r;

	AUTO(mem_freep) char *url = mem_printf("%s/embeddings", e->base);
	int64_t limit = e->limits.vision;
	const struct http_piece piece = {buf_str(&text), text.len};
	const struct http_request q = {.url = url,
	                               .socket = e->socket,
	                               .key = e->key,
	                               .ca_file = e->ca_file,
	                               .pieces = &piece,
	                               .n_pieces = 1,
	                               .connect_timeout = e->limits.connect,
	                               .total_timeout = limit && limit < TIMEOUT ? limit : TIMEOUT,
	                               .cancel = {cancel},
	                               .body = on_body,
	                               .ctx = &body};
	r = http_run(e->http, &q, &reply, err);
	if (r < 0 && reply.passing) {
		failure->retry = true;
		r = err_wrap(err, reply.status ? "the reply of %s ended early" : "cannot reach %s",
		             e->shown);
	} else if (r == 0 && reply.status != 200) {
		r = refusal(e, &reply, &body.data, failure, err);
	} else if (r == 0) {
		r = embed_read(buf_str(&body.data), body.data.len, n, ret, err);
		failure->refused = r < 0;
	}
	buf_free(&body.data);
	if (r < 0)
		endpoint_scrub(e, err);
	return r;
}
