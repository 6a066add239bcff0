/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/chat.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "openai/chat-body.h"

struct chat *chat_new(void)
{
	struct chat *c = mem_alloc(1, sizeof *c);
	c->parts = BUF(CHAT_BODY_MAX);
	return c;
}

void chat_free(struct chat *c)
{
	if (!c)
		return;
	free(c->system);
	buf_free(&c->parts);
	json_decref(c->format);
	free(c);
}

/* Appends text as a JSON string. Jansson refuses invalid UTF-8, so that is
 * replaced first. */
static void add_string(struct buf *out, const char *text)
{
	AUTO(buf_free) struct buf valid = BUF(out->max);
	text_utf8(&valid, text, strlen(text));
	json_t *s = json_string(buf_str(&valid));
	AUTO(mem_freep) char *json = json_dumps(s, JSON_ENCODE_ANY);
	json_decref(s);
	buf_adds(out, json ? json : "\"\"");
}

static void add_part(struct chat *c)
{
	if (c->parts.len)
		buf_adds(&c->parts, ",");
}

void chat_system(struct chat *c, const char *text)
{
	free(c->system);
	c->system = mem_strdup(text);
}

void chat_text(struct chat *c, const char *text)
{
	c->says_json |= strcasestr(text, "json") != NULL;
	c->picture_last = false;
	add_part(c);
	buf_adds(&c->parts, "{\"type\":\"text\",\"text\":");
	add_string(&c->parts, text);
	buf_adds(&c->parts, "}");
}

/* Checks that the data begins with SOI and a marker, and ends with EOI. Some
 * encoders write zeros after EOI; they are ignored. */
static bool jpeg_whole(const unsigned char *p, size_t len)
{
	while (len && p[len - 1] == 0)
		len--;
	return len >= 4 && p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff && p[len - 2] == 0xff &&
	       p[len - 1] == 0xd9;
}

int chat_jpeg(struct chat *c, const void *jpeg, size_t len, struct err *err)
{
	if (!jpeg_whole(jpeg, len))
		return err_set(err, ERR_FORMAT,
		               "picture %zu of the request is not a whole JPEG (%zu bytes)", c->images + 1,
		               len);

	/* For models that take video in pairs of frames, newer versions of
	 * llama.cpp merge two consecutive pictures. Text between them prevents it. */
	if (c->picture_last)
		chat_text(c, "The next picture:\n");
	/* A part that is added incompletely would make the body invalid. */
	if (c->parts.full || len / 3 * 4 + 100 > c->parts.max - c->parts.len)
		return err_set(err, ERR_LIMIT, "picture %zu makes the request larger than %zu MB",
		               c->images + 1, CHAT_BODY_MAX / 1000000);

	add_part(c);
	buf_adds(&c->parts, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,");
	text_base64(&c->parts, jpeg, len);
	buf_adds(&c->parts, "\"}}");
	c->images++;
	c->picture_last = true;
	return 0;
}

void chat_schema(struct chat *c, const char *name, const char *schema_json)
{
	json_decref(c->format);
	json_t *schema = json_loads(schema_json, 0, NULL);
	c->bad_schema = !schema;
	c->format = schema ? json_pack("{s:s, s:{s:s, s:b, s:o}}", "type", "json_schema", "json_schema",
	                               "name", name, "strict", 1, "schema", schema)
	                   : NULL;
}

void chat_max_tokens(struct chat *c, int n)
{
	c->max_tokens = n;
}

void chat_letter(struct chat *c)
{
	c->letter = true;
}

size_t chat_images(const struct chat *c)
{
	return c->images;
}

int chat_check(const struct chat *c, struct err *err)
{
	if (c->bad_schema)
		return err_set(err, ERR_INTERNAL, "the schema of a request is not JSON");
	return buf_check(&c->parts, "a request", err);
}

void chat_set_cancel(struct chat *c, struct cancel *cancel)
{
	c->cancel = cancel;
}

struct cancel *chat_cancel(const struct chat *c)
{
	return c->cancel;
}

void chat_result_clear(struct chat_result *r)
{
	free(r->text);
	free(r->reasoning);
	free(r->refusal);
	free(r->tool);
	free(r->finish_reason);
	json_decref(r->logprobs);
	free(r->model);
	*r = (struct chat_result){0};
}

void body_begin(const struct chat *c, const struct dialect *d, struct buf *out)
{
	buf_adds(out, "{\"messages\":[");
	if (c->system && !d->no_system) {
		buf_adds(out, "{\"role\":\"system\",\"content\":");
		add_string(out, c->system);
		buf_adds(out, "},");
	}
	buf_adds(out, "{\"role\":\"user\",\"content\":[");
	if (c->system && d->no_system) {
		buf_adds(out, "{\"type\":\"text\",\"text\":");
		add_string(out, c->system);
		buf_adds(out, c->parts.len ? "}," : "}");
	}
}

/* The most alternatives of a token that OpenAI's API allows. */
static void add_logprobs(const struct chat *c, const struct dialect *d, struct buf *out)
{
	if (c->letter && !d->no_logprobs)
		buf_adds(out, ",\"logprobs\":true,\"top_logprobs\":20");
}

static void add_max_tokens(const struct chat *c, const struct dialect *d, struct buf *out)
{
	int n = d->most_tokens && d->most_tokens < c->max_tokens ? d->most_tokens : c->max_tokens;
	if (n <= 0 || d->tokens == DIALECT_NO_TOKENS)
		return;
	buf_addf(out, ",\"%s\":%d",
	         d->tokens == DIALECT_MAX_TOKENS ? "max_tokens" : "max_completion_tokens", n);
}

static void add_format(const struct chat *c, const struct dialect *d, struct buf *out)
{
	if (!c->format || d->format == DIALECT_NO_FORMAT)
		return;
	if (d->format == DIALECT_JSON_OBJECT) {
		/* Engines refuse json_object unless the prompt contains "JSON". */
		if (c->says_json)
			buf_adds(out, ",\"response_format\":{\"type\":\"json_object\"}");
		return;
	}
	/* Not sorted: models write the members of an answer in the order of the
	 * schema's properties. */
	AUTO(mem_freep) char *format = json_dumps(c->format, JSON_COMPACT);
	buf_adds(out, ",\"response_format\":");
	buf_adds(out, format);
}

static void add_sampling(const struct dialect *d, const struct sampling *s, struct buf *out)
{
	/* With a fixed seed the same frames give the same answer, if the engine
	 * supports that. */
	if (d->temperature != DIALECT_NO_TEMPERATURE)
		buf_addf(out, ",\"temperature\":%.4g",
		         d->temperature == DIALECT_TEMPERATURE_1 ? 1.0 : s->temperature);
	if (!d->no_seed)
		buf_adds(out, ",\"seed\":0");
	if (d->no_sampling)
		return;
	if (s->top_p > 0)
		buf_addf(out, ",\"top_p\":%.4g", s->top_p);
	if (s->top_k > 0)
		buf_addf(out, ",\"top_k\":%lld", (long long)s->top_k);
	if (s->has_min_p)
		buf_addf(out, ",\"min_p\":%.4g", s->min_p);
}

void body_end(const struct chat *c, const char *model, bool llama, const struct dialect *d,
              const struct sampling *s, struct buf *out)
{
	buf_adds(out, "]}],\"model\":");
	add_string(out, model);
	buf_adds(out, d->no_stream ? ",\"stream\":false" : ",\"stream\":true");
	if (!d->no_stream_options && !d->no_stream)
		buf_adds(out, ",\"stream_options\":{\"include_usage\":true}");
	add_sampling(d, s, out);
	if (s->no_reasoning == NO_REASONING_TEMPLATE && !d->no_switch)
		buf_adds(out, ",\"chat_template_kwargs\":{\"enable_thinking\":false}");
	if (s->no_reasoning == NO_REASONING_EFFORT && !d->no_switch)
		buf_adds(out, ",\"reasoning_effort\":\"none\"");
	if (llama)
		buf_adds(out, ",\"cache_prompt\":true,\"return_progress\":true");
	add_logprobs(c, d, out);
	add_max_tokens(c, d, out);
	add_format(c, d, out);
	buf_adds(out, "}");
}
