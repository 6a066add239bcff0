/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoint gets the next request: what users write about endpoints, the
 * circuit breaker, placing. All pure. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/endpoint-config.h"
#include "engine/placement.h"

#define SECOND INT64_C(1000000)

/* ---- what users write */

struct specs {
	struct endpoint_config *list;
	size_t n;
	struct err err;
};

static void specs_clear(struct specs *s)
{
	for (size_t i = 0; i < s->n; i++)
		endpoint_config_clear(&s->list[i]);
	free(s->list);
}

static void specs_are_read(void **state)
{
	(void)state;
	AUTO(specs_clear) struct specs s = {0};
	assert_ok(
		endpoint_config_parse("gpu0=auto,device=CUDA0,slots=8\n\n  box = http://box:8000/v1 \n",
	                          &s.list, &s.n, &s.err) == -ERR_ARG
			? 0
			: 1);
	assert_int_equal(s.n, 1);
	assert_ok(
		endpoint_config_parse("box=http://box:8000/v1,model=org/m-7b,concurrency=16,weight=2.5\n"
	                          "far=https://api.example.org/v1,cost=0.4,cap=5,key-env=FAR_KEY\n"
	                          "near=https://gpu.lan,tier=local,cap=2Mtok\n"
	                          "few=unix:/run/x.sock,cap=500req,key-file=/k",
	                          &s.list, &s.n, &s.err));
	assert_int_equal(s.n, 5);
	const struct endpoint_config *l = s.list;
	assert_string_equal(l[0].url, "auto");
	assert_string_equal(l[0].device, "CUDA0");
	assert_int_equal(l[0].slots, 8);
	assert_string_equal(l[1].model, "org/m-7b");
	assert_int_equal(l[1].slots, 16);
	assert_true(l[1].weight == 2.5 && !l[1].cloud);
	assert_true(l[2].cloud && l[2].cost == 0.4 && l[2].cap.money == 5);
	assert_string_equal(l[2].key_env, "FAR_KEY");
	assert_true(!l[3].cloud);
	assert_int_equal(l[3].cap.tokens, 2000000);
	assert_int_equal(l[4].cap.requests, 500);
	assert_string_equal(l[4].key_file, "/k");
}

static void bad_specs_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"http://box:8000", "NAME=URL"},
		{"a=", "no address"},
		{"a b=http://x", "NAME=URL"},
		{"a=http://x,key=sesame", "key-file=FILE"},
		{"a=http://x,weight=0", "more than 0"},
		{"a=http://x,weight=-1", "weight=-1"},
		{"a=http://x,concurrency=1.5", "whole number"},
		{"a=http://x,concurrency=0", "whole number"},
		{"a=http://x,cap=5", "needs a cost="},
		{"a=http://x,cap=5euro", "500req"},
		{"a=http://x,cap=0req", "more than 0"},
		{"a=http://x,tier=sky", "local or cloud"},
		{"a=http://x,colour=red", "unknown key colour="},
		{"a=http://x,weight", "KEY=VALUE"},
		{"a=http://x\na=http://y", "two endpoints named a"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(specs_clear) struct specs s = {0};
		assert_int_equal(endpoint_config_parse(cases[i].text, &s.list, &s.n, &s.err), -ERR_ARG);
		if (!strstr(s.err.msg, cases[i].says))
			fail_msg("%s: %s", cases[i].text, s.err.msg);
		assert_null(strstr(s.err.msg, "sesame"));
	}
}

/* ---- the breaker */

static void the_breaker_opens_tries_and_closes(void **state)
{
	(void)state;
	struct breaker b = {0};
	int64_t now = 100 * SECOND;
	for (int i = 1; i < BREAKER_FAILURES; i++)
		breaker_failed(&b, now, 0, false);
	assert_true(breaker_allows(&b, now));
	breaker_failed(&b, now, 0, false);
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_false(breaker_allows(&b, now + BREAKER_PAUSE - 1));
	assert_true(breaker_allows(&b, now + BREAKER_PAUSE));
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	/* The trial fails: twice as long. Late news of requests that were sent
	 * before do not count. */
	now += BREAKER_PAUSE;
	breaker_failed(&b, now, 0, false);
	breaker_failed(&b, now + 1, 0, false);
	assert_int_equal(b.until, now + 2 * BREAKER_PAUSE);
	assert_int_equal(b.trials, 1);
	assert_true(breaker_allows(&b, b.until));
	breaker_succeeded(&b);
	assert_int_equal(b.state, BREAKER_CLOSED);
	assert_int_equal(b.failures, 0);
}

static void a_breaker_does_as_it_is_asked(void **state)
{
	(void)state;
	struct breaker b = {0};
	breaker_failed(&b, 0, 30 * SECOND, false); /* Retry-After: 30 */
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_int_equal(b.until, 30 * SECOND);
	b = (struct breaker){0};
	breaker_failed(&b, 0, 0, true); /* the key was refused */
	assert_int_equal(b.until, BREAKER_PAUSE_MAX);
	assert_int_equal(b.trials, BREAKER_TRIALS);
	b = (struct breaker){0};
	for (int i = 0; i < 50; i++) {
		breaker_failed(&b, b.until, 0, false);
		breaker_allows(&b, b.until);
		assert_true(b.until >= 0 && b.until < 100000 * SECOND);
	}
}

/* ---- placing */

#define MEMBER(...) \
	((struct placement_backend){.ready = true, .slots = 1, .weight = 1, __VA_ARGS__})

static int pick(struct placement_backend *m, size_t n, struct placement_request w)
{
	w.work = w.work > 0 ? w.work : 1;
	return placement_pick(m, n, &w);
}

static void the_shortest_finish_wins(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 4), MEMBER(.unit = 1), MEMBER(.unit = 2)};
	assert_int_equal(pick(m, 3, (struct placement_request){0}), 1);
	m[1].active = 1;
	/* The slow ones help as long as there is enough for all, … */
	assert_int_equal(pick(m, 3, (struct placement_request){.queue = 20}), 2);
	m[2].active = 1;
	assert_int_equal(pick(m, 3, (struct placement_request){.queue = 20}), 0);
	/* … and are left alone with the last requests, which the fast one has done
	 * before them. */
	assert_int_equal(pick(m, 3, (struct placement_request){.queue = 0}), PLACEMENT_WAIT);
	m[0].weight = 10; /* the user wants it used */
	assert_int_equal(pick(m, 3, (struct placement_request){.queue = 0}), 0);
}

static void of_equals_the_cheaper_wins(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 1, .cost = 3), MEMBER(.unit = 1.1, .cost = 1),
	                                MEMBER(.unit = 3)};
	assert_int_equal(pick(m, 3, (struct placement_request){0}), 1);
	m[1].cost = 3;
	m[1].slots = 4; /* and then the one with more room */
	assert_int_equal(pick(m, 3, (struct placement_request){0}), 1);
}

/* Nearly equal, and none busy: waiting would never end. */
static void nobody_waits_for_the_idle(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 1.1), MEMBER(.unit = 1)};
	assert_int_equal(pick(m, 2, (struct placement_request){0}), 0);
	unsigned seed = 7;
	for (int round = 0; round < 10000; round++) {
		for (size_t i = 0; i < 2; i++)
			m[i] = (struct placement_backend){.ready = true,
			                                  .slots = 1 + rand_r(&seed) % 4,
			                                  .weight = 1 + rand_r(&seed) % 3,
			                                  .unit = (rand_r(&seed) % 100) / 10.0,
			                                  .cost = rand_r(&seed) % 3};
		assert_true(pick(m, 2,
		                 (struct placement_request){.queue = (size_t)rand_r(&seed) % 5,
		                                            .later = round % 4}) >= 0);
	}
}

static void nobody_waits_for_one_that_hangs(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 4), MEMBER(.unit = 1, .active = 1)};
	assert_int_equal(pick(m, 2, (struct placement_request){0}), PLACEMENT_WAIT);
	m[1].silent = 1;
	assert_int_equal(pick(m, 2, (struct placement_request){0}), PLACEMENT_WAIT);
	/* Overdue by as much as the slow one needs. */
	m[1].silent = 3;
	assert_int_equal(pick(m, 2, (struct placement_request){0}), 0);
	/* Nor does a request join it in another slot. */
	m[1].slots = 2;
	assert_int_equal(pick(m, 2, (struct placement_request){0}), 1);
	m[1].silent = 6;
	assert_int_equal(pick(m, 2, (struct placement_request){0}), 0);
	/* The cloud is asked when what is local hangs. */
	struct placement_backend c[] = {MEMBER(.unit = 1, .active = 1, .silent = 60),
	                                MEMBER(.unit = 1, .cloud = true)};
	assert_int_equal(pick(c, 2, (struct placement_request){.cloud_after = 50 * SECOND}), 1);
	c[0].silent = 0;
	assert_int_equal(pick(c, 2, (struct placement_request){.cloud_after = 50 * SECOND}),
	                 PLACEMENT_WAIT);
}

static void what_is_unknown_is_tried(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 1, .active = 1), MEMBER(.unit = 0)};
	assert_int_equal(pick(m, 2, (struct placement_request){0}), 1);
}

static void failures_lead_elsewhere(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 1), MEMBER(.unit = 5)};
	assert_int_equal(pick(m, 2, (struct placement_request){.later = 1}), 1);
	assert_int_equal(pick(m, 2, (struct placement_request){.later = 3}), 0); /* no other is left */
	m[1].ready = false; /* it is still starting, and may be for long */
	assert_int_equal(pick(m, 2, (struct placement_request){.later = 1}), 0);
	m[1].ready = true;
	assert_int_equal(pick(m, 2, (struct placement_request){.never = 1, .later = 2}), 1);
	assert_int_equal(pick(m, 2, (struct placement_request){.never = 3}), PLACEMENT_NONE);
	m[0].gone = true;
	assert_int_equal(pick(m, 2, (struct placement_request){0}), 1);
	m[1].capped = true;
	assert_int_equal(pick(m, 2, (struct placement_request){0}), PLACEMENT_NONE);
	m[0].gone = false;
	m[0].blind = true;
	assert_int_equal(pick(m, 2, (struct placement_request){.pictures = true}), PLACEMENT_NONE);
	assert_int_equal(pick(m, 2, (struct placement_request){.pictures = false}), 0);
}

static void open_breakers_are_waited_for_a_while(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 1), MEMBER(.unit = 1)};
	m[1].ready = false;
	breaker_failed(&m[0].breaker, 0, 5 * SECOND, false);
	assert_int_equal(pick(m, 2, (struct placement_request){.now = SECOND}), PLACEMENT_WAIT);
	assert_int_equal(pick(m, 2, (struct placement_request){.now = 5 * SECOND}), 0);
	m[0].active = 1; /* one trial at a time, however many slots there are */
	m[0].slots = 8;
	assert_int_equal(pick(m, 2, (struct placement_request){.now = 6 * SECOND}), PLACEMENT_WAIT);
	m[0].active = 0;
	m[1].gone = true;
	for (int i = 0; i < BREAKER_TRIALS; i++) {
		assert_int_equal(pick(m, 2, (struct placement_request){.now = m[0].breaker.until}), 0);
		breaker_failed(&m[0].breaker, m[0].breaker.until, 0, false);
	}
	assert_int_equal(pick(m, 2, (struct placement_request){.now = m[0].breaker.until - 1}),
	                 PLACEMENT_NONE);
	assert_int_equal(pick(m, 2, (struct placement_request){.now = m[0].breaker.until}), 0);
}

static void a_single_endpoint_has_no_breaker(void **state)
{
	(void)state;
	struct placement_backend m = MEMBER(.unit = 1);
	for (int i = 0; i < 10; i++)
		breaker_failed(&m.breaker, 0, 0, false);
	m.breaker.trials = 0;
	assert_int_equal(pick(&m, 1, (struct placement_request){.now = 1, .later = 1}), 0);
}

static void the_cloud_helps_when_it_may(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 10), MEMBER(.unit = 1, .cloud = true)};
	m[1].slots = 8;
	/* Never, unless the user says when. */
	assert_int_equal(pick(m, 2, (struct placement_request){.queue = 1000}), 0);
	m[0].active = 1;
	assert_int_equal(pick(m, 2, (struct placement_request){.queue = 1000}), PLACEMENT_WAIT);
	/* 11 requests of 10 seconds. */
	assert_int_equal(
		pick(m, 2, (struct placement_request){.queue = 10, .cloud_after = 120 * SECOND}),
		PLACEMENT_WAIT);
	assert_int_equal(
		pick(m, 2, (struct placement_request){.queue = 10, .cloud_after = 100 * SECOND}), 1);
	/* Nothing here works any more: the cloud if it may, else none. */
	m[0].gone = true;
	assert_int_equal(pick(m, 2, (struct placement_request){.cloud_after = 100 * SECOND}), 1);
	assert_int_equal(pick(m, 2, (struct placement_request){0}), PLACEMENT_NONE);
	/* If there is nothing else at all, it was meant to be used. */
	m[0] = MEMBER(.unit = 2, .cloud = true);
	assert_int_equal(pick(m, 2, (struct placement_request){0}), 1);
}

static void forecasts(void **state)
{
	(void)state;
	struct placement_backend m[] = {MEMBER(.unit = 0), MEMBER(.unit = 0)};
	m[1].slots = 3;
	assert_int_equal(placement_forecast(m, 2, 12, 1), -1);
	placement_measured(&m[0], 14, 7);
	assert_true(m[0].unit == 2);
	/* four slots of two seconds a unit */
	assert_int_equal(placement_forecast(m, 2, 12, 1), 6 * SECOND);
	assert_int_equal(placement_forecast(m, 2, 12, 7), 42 * SECOND);
	m[0].gone = m[1].gone = true;
	assert_true(placement_forecast(m, 2, 12, 1) == INT64_MAX);
}

/* Whatever the state, a pick is a member with room that the request may use;
 * the work of a hundred requests ends. */
static void any_state_is_handled(void **state)
{
	(void)state;
	unsigned seed = 1;
	for (int round = 0; round < 20000; round++) {
		struct placement_backend m[5];
		size_t n = 1 + (size_t)rand_r(&seed) % 5;
		for (size_t i = 0; i < n; i++)
			m[i] = (struct placement_backend){
				.ready = rand_r(&seed) % 4,
				.gone = rand_r(&seed) % 5 == 0,
				.capped = rand_r(&seed) % 5 == 0,
				.cloud = rand_r(&seed) % 3 == 0,
				.slots = rand_r(&seed) % 4,
				.active = rand_r(&seed) % 4,
				.weight = 1,
				.unit = rand_r(&seed) % 3,
				.breaker = {.state = (enum breaker_state)(rand_r(&seed) % 3),
			                .until = rand_r(&seed) % 100}};
		struct placement_request w = {.never = (uint32_t)rand_r(&seed) % 32,
		                              .later = (uint32_t)rand_r(&seed) % 32,
		                              .work = 1,
		                              .queue = (size_t)rand_r(&seed) % 50,
		                              .cloud_after = rand_r(&seed) % 3,
		                              .now = 50};
		int i = placement_pick(m, n, &w);
		assert_true(i == PLACEMENT_WAIT || i == PLACEMENT_NONE || (i >= 0 && (size_t)i < n));
		if (i < 0)
			continue;
		assert_true(m[i].ready && !m[i].gone && !m[i].capped && m[i].active < m[i].slots &&
		            !(w.never >> i & 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specs_are_read),
		cmocka_unit_test(bad_specs_are_refused),
		cmocka_unit_test(the_breaker_opens_tries_and_closes),
		cmocka_unit_test(a_breaker_does_as_it_is_asked),
		cmocka_unit_test(the_shortest_finish_wins),
		cmocka_unit_test(of_equals_the_cheaper_wins),
		cmocka_unit_test(nobody_waits_for_the_idle),
		cmocka_unit_test(nobody_waits_for_one_that_hangs),
		cmocka_unit_test(what_is_unknown_is_tried),
		cmocka_unit_test(failures_lead_elsewhere),
		cmocka_unit_test(open_breakers_are_waited_for_a_while),
		cmocka_unit_test(a_single_endpoint_has_no_breaker),
		cmocka_unit_test(the_cloud_helps_when_it_may),
		cmocka_unit_test(forecasts),
		cmocka_unit_test(any_state_is_handled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
