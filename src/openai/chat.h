/* SPDX-License-Identifier: Apache-2.0 */
/* One chat completion through the OpenAI-compatible API: text and pictures in,
 * streamed text out.
 *
 * The request is built part by part, then sent by engine_chat() (engine.h). A
 * struct chat is used by one thread at a time. */
#ifndef VDET_OPENAI_CHAT_H
#define VDET_OPENAI_CHAT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

struct chat;

/* Bytes of one request; engines close the connection somewhat above 100 MB. */
#define CHAT_BODY_MAX ((size_t)96 << 20)

struct chat *chat_new(void);
void chat_free(struct chat *c);
DEFINE_FREEP(struct chat, chat)

void chat_system(struct chat *c, const char *text); /* the system message */
/* the next part of the user's message; copied */
void chat_text(struct chat *c, const char *text);
/* The next part: a whole JPEG, copied. ERR_FORMAT unless it begins and ends as
 * a JPEG does (engines accept truncated ones silently); ERR_LIMIT when the
 * request would grow larger than CHAT_BODY_MAX. */
int chat_jpeg(struct chat *c, const void *jpeg, size_t len, struct err *err);
/* JSON schema of the answer; copied. An invalid one is reported by
 * chat_check(). */
void chat_schema(struct chat *c, const char *name, const char *schema_json);
void chat_max_tokens(struct chat *c, int n); /* 0 = the engine's own limit */
/* The answer is a letter: the most likely one is asked for, without reasoning
 * where that can be turned off, and with the probabilities of its tokens where
 * the endpoint gives them (openai/letter.h reads both). */
void chat_letter(struct chat *c);
size_t chat_images(const struct chat *c);
/* Whether the request can be sent: ERR_INTERNAL for a schema that is not JSON,
 * ERR_LIMIT if it has grown larger than CHAT_BODY_MAX. */
int chat_check(const struct chat *c, struct err *err);
/* Stops this request only, in addition to the engine's `cancel`. Borrowed until
 * the chat is freed. */
void chat_set_cancel(struct chat *c, struct cancel *cancel);
struct cancel *chat_cancel(const struct chat *c); /* may be NULL */

enum chat_phase { CHAT_QUEUED, CHAT_PREFILL, CHAT_DECODE };

struct chat_progress {
	enum chat_phase phase;
	int64_t prompt_tokens, prompt_done; /* 0 while unknown */
	int64_t output_tokens;
	int attempt; /* from 1 */
};

struct chat_result {
	char *text;      /* whole answer without the model's reasoning, valid UTF-8 */
	char *reasoning; /* the model's reasoning, if the engine sends it; "" = none */
	char *refusal;   /* its text if it refused to answer; "" = it did not */
	char *tool;      /* name of the tool that it called; NULL = none */
	/* what the endpoint says of the answer's first tokens: the array "content"
	 * of the API's "logprobs"; NULL = nothing */
	json_t *logprobs;
	char *finish_reason; /* "stop", "length", … */
	char *model;         /* as the engine names it */
	int64_t prompt_tokens, cached_tokens, output_tokens;
	double prefill_rate, decode_rate; /* tokens/s; the engine's own figures, else measured */
	/* microseconds from sending to the first token, to the end */
	int64_t time_first, time_total;
	int attempts;
	char endpoint[40]; /* name of the endpoint that answered, from the configuration */
};
void chat_result_clear(struct chat_result *r);

#endif
