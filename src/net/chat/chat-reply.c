/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/chat-reply.h"

#include <stdlib.h>
#include <string.h>

#include "answer/say.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

/* ---- the text */

static void add_cite(const struct answer *a, size_t i, struct buf *out)
{
	const struct answer_cite *c = &a->cites[i];
	AUTO(buf_free) struct buf verdict = BUF(1 << 12);
	buf_addf(out, "[%zu] %s ", i + 1, c->source < a->n_sources ? a->sources[c->source].name : "");
	answer_add_times(c, out);
	answer_add_verdict(c, &verdict);
	buf_addf(out, "%s%s\n", verdict.len ? ", " : "", buf_str(&verdict));
}

static void add_note(void *ctx, enum answer_note note, const char *title, const char *text)
{
	(void)note;
	buf_addf(ctx, "\n%s %s", title, text);
}

void chat_reply_text(const struct answer *a, struct buf *out)
{
	if (answer_has_text(a))
		buf_addf(out, "%s\n\n", a->text);
	for (size_t i = 0; i < a->n_cites; i++)
		add_cite(a, i, out);
	if (a->n_cites)
		buf_adds(out, "\n");
	answer_add_coverage(a, out);
	answer_each_note(a, add_note, out);
}

/* ---- annotations */

/* The number of a mark [n] at `s`, and its length in bytes; 0: there is none. */
static size_t read_mark(const char *s, size_t *ret_len)
{
	size_t n = 0, digits = s[0] == '[' ? strspn(s + 1, "0123456789") : 0;
	if (!digits || digits > 6 || s[1 + digits] != ']')
		return 0;
	n = strtoul(s + 1, NULL, 10);
	*ret_len = digits + 2;
	return n;
}

static json_t *annotation(const struct answer *a, size_t n, size_t start, size_t len,
                          chat_link_fn *link, void *ctx)
{
	const struct answer_cite *c = &a->cites[n - 1];
	char at[CLOCK_TEXT_MAX];
	if (c->source >= a->n_sources)
		return NULL;
	const struct answer_source *source = &a->sources[c->source];
	AUTO(mem_freep) char *url = link(ctx, source, c->start);
	if (!url)
		return NULL;
	AUTO(mem_freep) char *title = mem_printf("%s %s", source->name, clock_short(c->start, at));
	return json_pack("{s:s, s:{s:I, s:I, s:s, s:s}}", "type", "url_citation", "url_citation",
	                 "start_index", (json_int_t)start, "end_index", (json_int_t)(start + len),
	                 "title", title, "url", url);
}

json_t *chat_annotations(const struct answer *a, chat_link_fn *link, void *ctx)
{
	json_t *all = json_array();
	size_t characters = 0;
	if (!answer_has_text(a))
		return all;
	for (const char *s = a->text; *s; s++) {
		size_t len = 0, n = read_mark(s, &len);
		if (n && n <= a->n_cites)
			json_array_append_new(all, annotation(a, n, characters, len, link, ctx));
		characters += ((unsigned char)*s & 0xC0) != 0x80;
	}
	return all;
}

/* ---- the whole reply */

json_t *chat_usage(const struct answer *a)
{
	json_int_t in = a->spent.prompt_tokens, out = a->spent.output_tokens;
	return json_pack("{s:I, s:I, s:I}", "prompt_tokens", in, "completion_tokens", out,
	                 "total_tokens", in + out);
}

static json_t *no_usage(void)
{
	return json_pack("{s:i, s:i, s:i}", "prompt_tokens", 0, "completion_tokens", 0, "total_tokens",
	                 0);
}

json_t *chat_completion(const struct chat_head *h, const char *text, const struct chat_end *e)
{
	json_t *message =
		json_pack("{s:s, s:s, s:n, s:o}", "role", "assistant", "content", text, "refusal",
	              "annotations", e->annotations ? e->annotations : json_array());
	return json_pack("{s:s, s:s, s:I, s:s, s:[{s:i, s:o, s:n, s:s}], s:o, s:o*}", "id", h->id,
	                 "object", "chat.completion", "created", (json_int_t)h->created, "model",
	                 h->model, "choices", "index", 0, "message", message, "logprobs",
	                 "finish_reason", e->reason, "usage", e->usage ? e->usage : no_usage(), "vdet",
	                 e->own);
}

/* ---- the stream */

static int dump_to_buf(const char *data, size_t len, void *out)
{
	return buf_add(out, data, len) < 0 ? -1 : 0;
}

void chat_add_event(struct buf *out, json_t *data)
{
	buf_adds(out, "data: ");
	json_dump_callback(data, dump_to_buf, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
	buf_adds(out, "\n\n");
	json_decref(data);
}

/* One event; `reason` NULL: the message goes on. `delta` NULL: no choices. */
static json_t *chunk(const struct chat_head *h, json_t *delta, const char *reason)
{
	json_t *choices = delta ? json_pack("[{s:i, s:o, s:n, s:s?}]", "index", 0, "delta", delta,
	                                    "logprobs", "finish_reason", reason)
	                        : json_array();
	return json_pack("{s:s, s:s, s:I, s:s, s:o}", "id", h->id, "object", "chat.completion.chunk",
	                 "created", (json_int_t)h->created, "model", h->model, "choices", choices);
}

void chat_add_delta(struct buf *out, const struct chat_head *h, json_t *delta)
{
	chat_add_event(out, chunk(h, delta, NULL));
}

void chat_add_text(struct buf *out, const struct chat_head *h, const char *member, const char *text)
{
	chat_add_delta(out, h, json_pack("{s:s}", member, text));
}

void chat_add_end(struct buf *out, const struct chat_head *h, const struct chat_end *e,
                  bool with_usage)
{
	json_t *delta = json_object();
	if (json_array_size(e->annotations))
		json_object_set(delta, "annotations", e->annotations);
	json_decref(e->annotations);

	json_t *last = chunk(h, delta, e->reason);
	if (e->own)
		json_object_set_new(last, "vdet", e->own);
	chat_add_event(out, last);
	if (!with_usage) {
		json_decref(e->usage);
		return;
	}
	json_t *more = chunk(h, NULL, NULL);
	json_object_set_new(more, "usage", e->usage ? e->usage : no_usage());
	chat_add_event(out, more);
}

void chat_add_done(struct buf *out)
{
	buf_adds(out, "data: [DONE]\n\n");
}
