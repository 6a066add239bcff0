/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a struct chat, and the request's body made
 * from it.
 *
 * Pictures are encoded once, when they are added; a body is three pieces that
 * are sent one after the other, so that the large one is never copied and a
 * retry costs nothing. */
#ifndef VDET_OPENAI_CHAT_BODY_H
#define VDET_OPENAI_CHAT_BODY_H

#include "base/buf.h"
#include "openai/chat.h"
#include "openai/dialect.h"

struct chat {
	char *system;
	struct buf parts; /* the user message's parts, as the inside of a JSON array */
	size_t images;
	json_t *format; /* response_format, or NULL */
	int max_tokens;
	bool bad_schema;
	bool says_json; /* a text of it mentions JSON */
	struct cancel *cancel;
};

/* The body's first piece (all before the parts) and last one (all behind them).
 * `llama`: the endpoint is llama-server, which understands more. */
void body_begin(const struct chat *c, const struct dialect *d, struct buf *out);
void body_end(const struct chat *c, const char *model, bool llama, const struct dialect *d,
              struct buf *out);

#endif
