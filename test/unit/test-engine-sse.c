/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of event streams: cut anywhere, it yields the same events. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "openai/sse.h"

struct seen {
	struct buf text; /* each event in brackets */
	int fail_at, n;
};

static int remember(void *ctx, const char *data, size_t len, struct err *err)
{
	struct seen *s = ctx;
	assert_int_equal(data[len], '\0');
	buf_adds(&s->text, "[");
	buf_add(&s->text, data, len);
	buf_adds(&s->text, "]");
	return ++s->n == s->fail_at ? err_set(err, ERR_ENGINE, "enough") : 0;
}

/* Feeds in pieces of `step` bytes, each copied to its own memory so that a
 * sanitizer sees any overrun. */
static int feed(struct sse *s, const char *bytes, size_t len, size_t step, struct err *err)
{
	for (size_t i = 0; i < len; i += step) {
		size_t n = len - i < step ? len - i : step;
		AUTO(mem_freep) char *piece = mem_alloc(n, 1);
		memcpy(piece, bytes + i, n);
		int r = sse_feed(s, piece, n, err);
		if (r < 0)
			return r;
	}
	return sse_end(s, err);
}

static void expect(const char *stream, size_t len, const char *events)
{
	for (size_t step = 1; step <= len + 1; step++) {
		struct seen seen = {.text = BUF(10000)};
		struct err err;
		struct sse s;
		sse_init(&s, 1000, remember, &seen);
		assert_ok(feed(&s, stream, len, step, &err));
		assert_string_equal(buf_str(&seen.text), events);
		sse_clear(&s);
		buf_free(&seen.text);
	}
}
#define EXPECT(stream, events) expect(stream, sizeof(stream) - 1, events)

static void streams_are_read_however_they_are_cut(void **state)
{
	(void)state;
	EXPECT("data: a\n\ndata: b\n\n", "[a][b]");
	EXPECT("data: a\r\n\r\ndata: b\r\n\r\n", "[a][b]");
	EXPECT("data: a\r\rdata: b\r\r", "[a][b]");
	EXPECT("data: a\r\n\ndata: b\n\r\n", "[a][b]");
	EXPECT("\xef\xbb\xbf"
	       "data: a\n\n",
	       "[a]");
	EXPECT(": ping\n\n: ping\ndata: a\nid: 7\nevent: x\nretry: 3\n\n", "[a]");
	EXPECT("data: a\ndata: b\ndata\ndata:c\n\n", "[a\nb\n\nc]");
	EXPECT("data:  two spaces\n\n", "[ two spaces]");
	EXPECT("data\n\n", "[]");
	EXPECT("data:\n\n", "[]");
	EXPECT("database: a\n\nDATA: b\n\n data: c\n\n", "");
	EXPECT("\n\n\r\n\r\r", "");
	EXPECT("", "");
	EXPECT("data: {\"x\":\"\xc3\xa4\"}\n\ndata: [DONE]\n\n", "[{\"x\":\"\xc3\xa4\"}][[DONE]]");
}

static void the_end_delivers_whole_lines_only(void **state)
{
	(void)state;
	EXPECT("data: a\n\ndata: [DONE]\n", "[a][[DONE]]");
	EXPECT("data: a\n\ndata: [DO", "[a]");
	EXPECT("data: a\ndata: b", "");
	EXPECT("data: a\n\ndata: b\r", "[a][b]");
}

static void bytes_of_any_kind_pass(void **state)
{
	(void)state;
	struct seen seen = {.text = BUF(1000)};
	struct err err;
	struct sse s;
	sse_init(&s, 100, remember, &seen);
	assert_ok(feed(&s, "data: a\0b\xff\n\n", 12, 12, &err));
	assert_int_equal(seen.text.len, 6);
	assert_memory_equal(seen.text.data, "[a\0b\xff]", 6);
	sse_clear(&s);
	buf_free(&seen.text);
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	char line[200] = "data: ";
	memset(line + 6, 'x', sizeof line - 6);
	struct seen seen = {.text = BUF(1000)};
	struct err err;
	struct sse s;
	sse_init(&s, 100, remember, &seen);
	assert_int_equal(feed(&s, line, sizeof line, 7, &err), -ERR_LIMIT);
	sse_clear(&s);
	/* Many short lines of one event. */
	sse_init(&s, 100, remember, &seen);
	int r = 0;
	for (int i = 0; i < 200 && r == 0; i++)
		r = sse_feed(&s, "data: x\n", 8, &err);
	assert_int_equal(r, -ERR_LIMIT);
	sse_clear(&s);
	assert_int_equal(seen.n, 0);
	buf_free(&seen.text);
}

static void a_reader_can_stop_it(void **state)
{
	(void)state;
	struct seen seen = {.text = BUF(1000), .fail_at = 2};
	struct err err;
	struct sse s;
	sse_init(&s, 100, remember, &seen);
	assert_int_equal(sse_feed(&s, "data: a\n\ndata: b\n\ndata: c\n\n", 27, &err), -ERR_ENGINE);
	assert_string_equal(err.msg, "enough");
	assert_string_equal(buf_str(&seen.text), "[a][b]");
	sse_clear(&s);
	buf_free(&seen.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_read_however_they_are_cut),
		cmocka_unit_test(the_end_delivers_whole_lines_only),
		cmocka_unit_test(bytes_of_any_kind_pass),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(a_reader_can_stop_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
