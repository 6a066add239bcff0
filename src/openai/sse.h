/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events (WHATWG HTML, "Parsing an event stream"): bytes in, events
 * out.
 *
 * Incremental: the bytes may be cut anywhere. Bounded: an event larger than
 * `max` bytes is an error. No I/O, no knowledge of what events mean. One thread
 * at a time. */
#ifndef VDET_OPENAI_SSE_H
#define VDET_OPENAI_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* `data` is NUL-terminated and valid during the call. Returns 0, or a negative
 * code, which ends the parsing. */
typedef int (*sse_fn)(void *ctx, const char *data, size_t len, struct err *err);

struct sse {
	sse_fn fn;
	void *ctx;
	struct buf line, data;
	bool has_data; /* the event has at least one data line, perhaps an empty one */
	bool cr;       /* the last byte was a carriage return: a line feed that follows belongs to it */
	bool begun;    /* a byte order mark is no longer possible */
};

void sse_init(struct sse *s, size_t max, sse_fn fn, void *ctx);
void sse_clear(struct sse *s); /* frees what it holds */
/* Returns 0, ERR_LIMIT, or what `fn` returned. After a failure only sse_clear()
 * may be called. */
int sse_feed(struct sse *s, const void *bytes, size_t len, struct err *err);
/* The stream ended: a last event whose lines are whole is delivered although no
 * blank line followed. */
int sse_end(struct sse *s, struct err *err);

#endif
