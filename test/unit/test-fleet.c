/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "base/hash.h"
#include "fleet/creds.h"
#include "fleet/flood.h"
#include "fleet/options.h"
#include "fleet/wire.h"

static const unsigned char secret[WIRE_SECRET] = "a secret";
static const char source[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct runner_unit a_unit(void)
{
	return (struct runner_unit){.id = "job.chunk.1",
	                            .kind = "chunk",
	                            .schema = 1,
	                            .model = "large",
	                            .source = source,
	                            .body = "{\"n\":\"\\n\"}",
	                            .timeout = 5};
}

static void test_unit(void **state)
{
	(void)state;
	struct runner_unit u = a_unit();
	struct err err = {0};
	AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
	AUTO(wire_unit_clear) struct wire_unit r = {0};
	const char *avoid[] = {"one", "two", NULL};
	char nonce[WIRE_NONCE];

	wire_nonce(secret, &u, 3, nonce);
	assert_int_equal(wire_unit_write(&u, 3, nonce, 30000000, avoid, &text, &err), 0);
	assert_int_equal(wire_unit_read(text.data, text.len, &r, &err), 0);
	assert_string_equal(r.id, u.id);
	assert_string_equal(r.body, u.body);
	assert_string_equal(r.source, source);
	assert_string_equal(r.nonce, nonce);
	assert_int_equal(r.attempt, 3);
	assert_int_equal(r.n_avoid, 2);
	assert_string_equal(r.avoid[1], "two");

	/* A nonce is of one attempt of one unit with one body. */
	char other[WIRE_NONCE];
	wire_nonce(secret, &u, 4, other);
	assert_string_not_equal(nonce, other);
	u.body = "{}";
	wire_nonce(secret, &u, 3, other);
	assert_string_not_equal(nonce, other);

	/* No part of a message is one. */
	for (size_t i = 0; i + strlen(r.body) < text.len; i++) {
		AUTO(wire_unit_clear) struct wire_unit part = {0};
		assert_int_not_equal(wire_unit_read(text.data, i, &part, &err), 0);
	}
}

static void test_units_that_are_none(void **state)
{
	(void)state;
	struct err err = {0};
	const char *avoid[] = {NULL};
	AUTO(buf_free) struct buf large = BUF(RUNNER_MAX_BODY + 10);

	while (large.len <= RUNNER_MAX_BODY)
		buf_adds(&large, "x");
	for (int i = 0; i < 6; i++) {
		AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
		struct runner_unit u = a_unit();
		if (i == 0)
			u.id = "a b";
		if (i == 1)
			u.kind = "a.b";
		if (i == 2)
			u.source = "abc";
		if (i == 3)
			u.body = large.data;
		if (i == 4)
			u.model = "\xff";
		if (i == 5)
			u.timeout = -1;
		assert_int_not_equal(wire_unit_write(&u, 1, source, 30000000, avoid, &text, &err), 0);
	}
}

static void test_result(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
	AUTO(wire_result_clear) struct wire_result r = {0};
	char blobs[2][65];
	struct wire_result w = {.id = (char *)"job.chunk.1",
	                        .body = (char *)"two\nlines",
	                        .fault = (char *)"with\na line \x1b[31m",
	                        .state = WIRE_FAILED,
	                        .attempt = 1,
	                        .delivery = 2,
	                        .nonce = "0123456789abcdef0123456789abcdef",
	                        .blobs = blobs,
	                        .n_blobs = 2};

	memcpy(blobs[0], source, 65);
	memcpy(blobs[1], source, 65);
	assert_int_equal(wire_result_write(&w, &text, &err), 0);
	assert_int_equal(wire_result_read(text.data, text.len, &r, &err), 0);
	assert_string_equal(r.body, "two\nlines");
	assert_string_equal(r.fault, "with a line  [31m");
	assert_int_equal(r.state, WIRE_FAILED);
	assert_int_equal(r.n_blobs, 2);

	/* Zeros in a body would cut it. */
	text.data[text.len - 2] = 0;
	AUTO(wire_result_clear) struct wire_result z = {0};
	assert_int_not_equal(wire_result_read(text.data, text.len, &z, &err), 0);
}

static void test_subjects(void **state)
{
	(void)state;
	char token[8];
	int64_t times = 0;
	uint64_t seq = 0;

	assert_true(wire_token("a.bc.d", 1, token, sizeof token));
	assert_string_equal(token, "bc");
	assert_false(wire_token("a.bc.d", 3, token, sizeof token));
	assert_false(wire_token("a..d", 1, token, sizeof token));
	assert_false(wire_token("a.12345678", 1, token, sizeof token));

	assert_true(wire_delivery("$JS.ACK.s.c.2.17.26.1796055888007160225.6", &times, &seq));
	assert_int_equal(times, 2);
	assert_int_equal(seq, 17);
	assert_true(wire_delivery("$JS.ACK._.hash.s.c.3.18.26.1796055888007160225.6", &times, &seq));
	assert_int_equal(times, 3);
	assert_int_equal(seq, 18);
	assert_false(wire_delivery("$JS.ACK.s.c.x.17.26.1.6", &times, &seq));
	assert_false(wire_delivery("_INBOX.a", &times, &seq));
	char stream[8];
	assert_true(wire_stream("$JS.ACK.s.c.2.17.26.1796055888007160225.6", stream, sizeof stream));
	assert_string_equal(stream, "s");
	assert_true(
		wire_stream("$JS.ACK._.hash.t.c.3.18.26.1796055888007160225.6", stream, sizeof stream));
	assert_string_equal(stream, "t");
	assert_false(wire_stream("$JS.ACK.longer-than-that.c.2.17.26.1.6", stream, sizeof stream));
	assert_false(wire_stream("_INBOX.a.b.c", stream, sizeof stream));

	assert_true(fleet_name_valid("gpu-1_B"));
	assert_false(fleet_name_valid(""));
	assert_false(fleet_name_valid("a.b"));
	assert_false(fleet_name_valid("*"));
}

static void test_who_sends_too_much_is_dropped(void **state)
{
	(void)state;
	AUTO(flood_clear) struct flood f = {0};
	const int64_t second = 1000000;
	int64_t now = 5 * second;
	int taken = 0, warned = 0;

	for (int i = 0; i < 3 * FLOOD_BURST; i++) {
		enum flood_verdict v = flood_take(&f, "loud", 100, now);
		taken += v == FLOOD_TAKE;
		warned += v == FLOOD_WARN;
		if (i % 1000 == 0)
			assert_int_equal(flood_take(&f, "quiet", 100, now), FLOOD_TAKE);
	}
	assert_int_equal(taken, FLOOD_BURST);
	assert_int_equal(warned, 1);

	/* A large message counts as several; a clock that is set back, as none. */
	now += second / 10;
	assert_int_equal(flood_take(&f, "loud", FLOOD_RATE / 10 * 1024, now), FLOOD_DROP);
	assert_int_equal(flood_take(&f, "loud", (FLOOD_RATE / 10 - 1) * 1024, now), FLOOD_TAKE);
	assert_int_equal(flood_take(&f, "loud", 1, now - second), FLOOD_DROP);
	now += FLOOD_NEWS * second;
	for (taken = 0; flood_take(&f, "loud", 1, now) == FLOOD_TAKE;)
		taken++;
	assert_int_equal(taken, FLOOD_BURST);

	/* Of very many, those that were heard last are known. */
	for (int i = 0; i < 2 * FLOOD_SENDERS; i++) {
		char name[20];
		snprintf(name, sizeof name, "w%d", i);
		assert_int_equal(flood_take(&f, name, 1, now), FLOOD_TAKE);
		assert_int_not_equal(flood_take(&f, "loud", 1, now), FLOOD_TAKE);
	}
	assert_int_equal(f.n, FLOOD_SENDERS);
}

static void test_creds_that_cannot_be(void **state)
{
	(void)state;
	struct err err = {0};
	const char *names[] = {"one", "one"};
	struct fleet_creds c = {.head = "0123456789abcdef", .workers = names, .n_workers = 2};

	assert_int_equal(fleet_creds_write("nowhere", &c, &err), -ERR_ARG);
	c.n_workers = 1;
	c.store = "a\" }";
	assert_int_equal(fleet_creds_write("nowhere", &c, &err), -ERR_ARG);
	c.store = NULL;
	c.cert = "cert.pem";
	assert_int_equal(fleet_creds_write("nowhere", &c, &err), -ERR_ARG);
	c.cert = NULL;
	c.head = "x";
	assert_int_equal(fleet_creds_write("nowhere", &c, &err), -ERR_ARG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit),
		cmocka_unit_test(test_units_that_are_none),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_who_sends_too_much_is_dropped),
		cmocka_unit_test(test_creds_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
