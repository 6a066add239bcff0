/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a struct chat, and the request's body that is made from it.
 *
 * Pictures are encoded once, when they are added; a body consists of three
 * pieces that are sent one after the other, so that the large one is neither
 * copied nor encoded again for a retry. */
#ifndef VDET_OPENAI_CHAT_BODY_H
#define VDET_OPENAI_CHAT_BODY_H

#include "base/buf.h"
#include "openai/chat.h"
#include "openai/dialect.h"
#include "openai/sampling.h"

struct chat {
	char *system;
	struct buf parts; /* the parts of the user's message: elements of a JSON array */
	size_t images;
	json_t *format; /* response_format, or NULL */
	int max_tokens;
	bool bad_schema;       /* the schema is not JSON */
	bool letter;           /* the answer is a letter */
	bool says_json;        /* one of its texts mentions JSON */
	bool picture_last;     /* its last part is a picture */
	struct cancel *cancel; /* borrowed, may be NULL */
};

/* Append the first piece (everything before the parts) and the last one
 * (everything after them). `llama`: adds what only llama-server understands. */
void body_begin(const struct chat *c, const struct dialect *d, struct buf *out);
void body_end(const struct chat *c, const char *model, bool llama, const struct dialect *d,
              const struct sampling *s, struct buf *out);

#endif
