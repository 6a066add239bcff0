/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/sse.h"

#include <string.h>

void sse_init(struct sse *s, size_t max, sse_fn fn, void *ctx)
{
	*s = (struct sse){.fn = fn, .ctx = ctx, .line = BUF(max), .data = BUF(max)};
}

void sse_clear(struct sse *s)
{
	buf_free(&s->line);
	buf_free(&s->data);
}

static int sse_dispatch(struct sse *s, struct err *err)
{
	if (!s->has_data)
		return 0;
	int r = s->fn(s->ctx, buf_str(&s->data), s->data.len, err);
	buf_clear(&s->data);
	s->has_data = false;
	return r;
}

/* Processes the complete line in s->line. Only the field "data" is used; event,
 * id and retry are ignored. */
static int sse_line(struct sse *s, struct err *err)
{
	const char *line = buf_str(&s->line);
	size_t len = s->line.len;
	int r = 0;
	if (!len) {
		r = sse_dispatch(s, err);
	} else if (len >= 4 && !memcmp(line, "data", 4) && (len == 4 || line[4] == ':')) {
		size_t skip = len == 4 ? 4 : len > 5 && line[5] == ' ' ? 6 : 5;
		if (s->has_data)
			buf_add(&s->data, "\n", 1);
		buf_add(&s->data, line + skip, len - skip);
		s->has_data = true;
		r = buf_check(&s->data, "an event of the engine's stream", err);
	}

	buf_clear(&s->line);
	return r;
}

static void sse_skip_mark(struct sse *s)
{
	if (s->begun)
		return;
	s->begun = true;
	if (s->line.len >= 3 && !memcmp(s->line.data, "\xef\xbb\xbf", 3))
		buf_consume(&s->line, 3);
}

int sse_feed(struct sse *s, const void *bytes, size_t len, struct err *err)
{
	const char *p = bytes, *end = p + len;
	while (p < end) {
		if (s->cr && *p == '\n')
			p++;
		s->cr = false;
		const char *q = p;
		while (q < end && *q != '\n' && *q != '\r')
			q++;
		buf_add(&s->line, p, (size_t)(q - p));
		int r = buf_check(&s->line, "a line of the engine's stream", err);
		if (r < 0)
			return r;
		if (q == end)
			return 0;
		sse_skip_mark(s);
		s->cr = *q == '\r';
		if ((r = sse_line(s, err)) < 0)
			return r;
		p = q + 1;
	}
	return 0;
}

int sse_end(struct sse *s, struct err *err)
{
	/* A line without its end may be incomplete: it is dropped, and so is the
	 * event that it belongs to. */
	return s->line.len ? 0 : sse_dispatch(s, err);
}
