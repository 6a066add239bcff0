/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: round trips, limits, and invalid data from a peer. */
#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proc/wire.h"

static const struct wire_limits small = {.head = 1000, .blob = 1000};

static void add_header(struct buf *b, const char *magic, uint32_t type, uint32_t head,
                       uint32_t blob)
{
	const uint32_t words[] = {type, head, blob};
	buf_add(b, magic, 4);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 4; k++)
			buf_add(b, &(unsigned char){(unsigned char)(words[i] >> (8 * k))}, 1);
}

static int parse(const struct buf *b, struct wire_msg *m, struct err *err)
{
	size_t used;
	return wire_parse(b->data, b->len, &small, m, &used, err);
}

static void test_round_trip(void **state)
{
	(void)state;
	int pair[2];
	struct err err;
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	json_auto_t *head = json_pack("{s:i s:s}", "a", 7, "b", "täxt");
	const struct wire_part parts[] = {{"one", 3}, {"", 0}, {"two", 3}};
	assert_ok(wire_send(pair[0], 5, head, parts, 3, 0, NULL, &err));
	assert_ok(wire_send(pair[0], 6, NULL, NULL, 0, 0, NULL, &err));
	AUTO(wire_msg_clear) struct wire_msg m = {0}, n = {0};
	assert_ok(wire_recv(pair[1], &WIRE_LIMITS_MAX, 0, NULL, &m, &err));
	assert_int_equal(m.type, 5);
	assert_true(json_equal(m.head, head));
	assert_int_equal(m.blob_len, 6);
	assert_memory_equal(m.blob, "onetwo", 6);
	assert_ok(wire_recv(pair[1], &WIRE_LIMITS_MAX, 0, NULL, &n, &err));
	assert_int_equal(n.type, 6);
	assert_int_equal(json_object_size(n.head), 0);
	assert_null(n.blob);
	close(pair[0]);
	close(pair[1]);
}

static void test_deadline_cancel_and_end(void **state)
{
	(void)state;
	int pair[2];
	struct err err;
	struct wire_msg m;
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	int64_t begin = clock_now();
	assert_int_equal(wire_recv(pair[1], &small, begin + 50000, NULL, &m, &err), -ERR_TIMEOUT);
	assert_true(clock_now() - begin >= 50000 && clock_now() - begin < 5000000);
	/* Half a header is not a message either, whatever it costs to wait for the
	 * rest. */
	assert_int_equal(write(pair[0], "VDW1", 4), 4);
	assert_int_equal(wire_recv(pair[1], &small, clock_now() + 20000, NULL, &m, &err), -ERR_TIMEOUT);
	struct cancel *c = cancel_new();
	cancel_fire(c);
	assert_int_equal(wire_recv(pair[1], &small, 0, c, &m, &err), -ERR_CANCELED);
	/* The peer never reads: the sender's buffer fills up. */
	AUTO(mem_freep) char *big = mem_alloc(8 << 20, 1);
	const struct wire_part part = {big, 8 << 20};
	assert_int_equal(wire_send(pair[1], 1, NULL, &part, 1, clock_now() + 50000, NULL, &err),
	                 -ERR_TIMEOUT);
	close(pair[0]);
	assert_int_equal(wire_recv(pair[1], &small, 0, NULL, &m, &err), -ERR_DIED);
	assert_int_equal(wire_send(pair[1], 1, NULL, NULL, 0, 0, NULL, &err), -ERR_DIED);
	close(pair[1]);
	cancel_free(c);
}

static void test_hostile(void **state)
{
	(void)state;
	static const struct {
		const char *magic;
		uint32_t head, blob;
		const char *body;
		int result;
	} cases[] = {
		{"VDW1", 2, 0, "{}", 0},
		{"VDW2", 2, 0, "{}", -ERR_PROTO},
		{"VDW1", 0, 0, "", -ERR_PROTO},
		{"VDW1", 2, 0xffffffff, "{}", -ERR_PROTO},
		{"VDW1", 0xffffffff, 2, "{}", -ERR_PROTO},
		{"VDW1", 1001, 0, "{}", -ERR_PROTO},
		{"VDW1", 2, 1001, "{}", -ERR_PROTO},
		{"VDW1", 2, 1, "{}", -ERR_DIED},
		{"VDW1", 5, 0, "{}", -ERR_DIED},
		{"VDW1", 2, 0, "[]", -ERR_PROTO},
		{"VDW1", 2, 0, "42", -ERR_PROTO},
		{"VDW1", 2, 0, "{x", -ERR_PROTO},
		{"VDW1", 4, 0, "{}{}", -ERR_PROTO},
		{"VDW1", 13, 0, "{\"a\":1,\"a\":2}", -ERR_PROTO},
		{"VDW1", 9, 0, "{\"a\":\"\xff\"}", -ERR_PROTO},
		{"VDW1", 14, 0, "{\"a\":\"\\u0000\"}", -ERR_PROTO},
		{"VDW1", 12, 0, "{\"a\":\"\\ud800\"}", -ERR_PROTO},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		AUTO(buf_free) struct buf b = BUF(10000);
		add_header(&b, cases[i].magic, 1, cases[i].head, cases[i].blob);
		buf_adds(&b, cases[i].body);
		if (parse(&b, &m, &err) != cases[i].result)
			fail_msg("case %zu: %d %s", i, (int)err.code, err.msg);
	}
}

static void test_every_cut(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf b = BUF(10000);
	add_header(&b, "VDW1", 3, 7, 4);
	buf_adds(&b, "{\"a\":1}blob");
	for (size_t len = 0; len < b.len; len++) {
		struct wire_msg m;
		size_t used;
		/* A copy of exactly that length, so that a sanitizer detects reads
		 * after it. */
		AUTO(mem_freep) char *cut = mem_alloc(len, 1);
		memcpy(cut, b.data, len);
		assert_int_equal(wire_parse(cut, len, &small, &m, &used, NULL), -ERR_DIED);
	}
}

static void test_nesting(void **state)
{
	(void)state;
	const struct wire_limits limits = {.head = 1 << 20, .blob = 0};
	AUTO(buf_free) struct buf text = BUF(1 << 20), b = BUF(1 << 21);
	buf_adds(&text, "{\"a\":");
	for (int i = 0; i < 200000; i++)
		buf_adds(&text, "[");
	add_header(&b, "VDW1", 1, (uint32_t)text.len, 0);
	buf_add(&b, text.data, text.len);
	struct wire_msg m;
	size_t used;
	assert_int_equal(wire_parse(b.data, b.len, &limits, &m, &used, NULL), -ERR_PROTO);
}

static void test_values(void **state)
{
	(void)state;
	json_auto_t *h = json_pack("{s:i s:s s:b s:f s:s}", "n", 5, "s", "a\tb\x1b", "t", 1, "r", 0.5,
	                           "long", "0123456789");
	int64_t n;
	double r;
	bool t;
	char *s;
	assert_ok(wire_int(h, "n", 5, 5, &n, NULL));
	assert_int_equal(wire_int(h, "n", 6, 9, &n, NULL), -ERR_PROTO);
	assert_int_equal(wire_int(h, "s", 0, 9, &n, NULL), -ERR_PROTO);
	assert_int_equal(wire_int(h, "none", 0, 9, &n, NULL), -ERR_PROTO);
	assert_ok(wire_real(h, "r", 0, 1, &r, NULL));
	assert_int_equal(wire_real(h, "r", 1, 2, &r, NULL), -ERR_PROTO);
	assert_ok(wire_bool(h, "t", &t, NULL));
	assert_int_equal(wire_bool(h, "n", &t, NULL), -ERR_PROTO);
	assert_int_equal(wire_string(h, "long", 9, &s, NULL), -ERR_PROTO);
	assert_ok(wire_string(h, "s", 9, &s, NULL));
	assert_string_equal(s, "a b ");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_deadline_cancel_and_end),
		cmocka_unit_test(test_hostile),    cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_nesting),    cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
