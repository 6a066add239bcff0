/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of texts and pictures (embeddings): the request's body, and the reply
 * to it. Pure. */
#ifndef VDET_OPENAI_EMBED_H
#define VDET_OPENAI_EMBED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* In one request; numbers in a vector. */
enum { EMBED_ITEMS_MAX = 64, EMBED_DIM_MAX = 16384 };
/* Bytes of a request and of a reply: a number has about twenty. */
#define EMBED_BODY_MAX ((size_t)32 << 20)
#define EMBED_REPLY_MAX ((size_t)64 << 20)

struct embed_item {
	const char *text;
	const void *jpeg; /* a whole JPEG; NULL = of the text alone */
	size_t jpeg_len;
};

struct embed_result {
	float *vectors; /* n of dim numbers each, one after the other; finite, none is zero */
	size_t n, dim;
	char *model; /* as the endpoint names it; "" = it does not */
};
void embed_result_clear(struct embed_result *r);

/* Appends the body. A picture always has a text after it: without one,
 * llama-server aborts. ERR_LIMIT, ERR_FORMAT for what is not a JPEG. */
int embed_body(const struct embed_item *items, size_t n, const char *model, struct buf *out,
               struct err *err);

/* Reads the reply to a request of n items: JSON numbers or base64. ERR_PROTO if
 * it has not exactly one good vector for each, all of one length. The caller
 * clears `ret`. */
int embed_read(const char *reply, size_t len, size_t n, struct embed_result *ret, struct err *err);

#endif
