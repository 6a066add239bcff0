/* SPDX-License-Identifier: Apache-2.0 */
/* Advice: each rule applies in its case, and not in others. */
#include "unit.h"

#include <string.h>

#include "advise/advice.h"
#include "advise/performance.h"

#define SECOND INT64_C(1000000)

/* A job without problems. */
static struct advice_facts good(void)
{
	return (struct advice_facts){.chunks = 20,
	                             .asked = 20,
	                             .pictures = 120,
	                             .wall = 100 * SECOND,
	                             .engine_busy = 98 * SECOND,
	                             .decode = 30 * SECOND,
	                             .slots = 4,
	                             .max_tokens = 2048,
	                             .memory_peak = 0.65,
	                             .quantize = "bf16",
	                             .cache_type = "f16"};
}

static const struct advice *find(const struct advice *a, size_t n, const char *rule)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i].rule, rule) == 0)
			return &a[i];
	return NULL;
}

/* The rule applies to `f` alone, and its action says so. */
static void expect(struct advice_facts f, const char *rule, const char *action)
{
	struct advice a[ADVICE_MANY];
	size_t n = advice_give(&f, a);
	const struct advice *found = find(a, n, rule);
	if (!found)
		fail_msg("%s does not apply", rule);
	if (!strstr(found->action, action))
		fail_msg("%s: %s", rule, found->action);
	assert_true(*found->text);
	struct advice_facts well = good();
	assert_null(find(a, advice_give(&well, a), rule));
}

static void all_is_well(void **state)
{
	(void)state;
	struct advice a[ADVICE_MANY];
	struct advice_facts f = good();
	assert_int_equal(advice_give(&f, a), 0);
	f = (struct advice_facts){.memory_peak = -1, .quantize = "", .cache_type = ""};
	assert_int_equal(advice_give(&f, a), 0); /* nothing is known */
}

static void each_rule(void **state)
{
	(void)state;
	struct advice_facts f = good();
	f.demo_model = true;
	expect(f, "demo-model", "vdet model get");
	f = good();
	f.timed_out = 2;
	memcpy(f.timeout, "vision-timeout", sizeof "vision-timeout");
	expect(f, "timeouts", "--vision-timeout");
	f = good();
	f.no_room = 1;
	expect(f, "no-room", "frame.size");
	f = good();
	f.memory_peak = 0.91;
	expect(f, "memory-short", "q4_k_m");
	f.quantize = "q4_k_m";
	expect(f, "memory-short", "--cache-type q8_0");
	f.cache_type = "q8_0";
	expect(f, "memory-short", "--slots");
	f = good();
	f.cut_off = 3;
	expect(f, "cut-off", "4096");
	f = good();
	f.worst.name = "box";
	f.worst.requests = 10;
	f.worst.failures = 4;
	expect(f, "failing-endpoint", "vdet engine list");
	f = good();
	f.engine_busy = 60 * SECOND;
	f.decode = 400 * SECOND;
	expect(f, "decoder-slow", "--workers to 10");
	f = good();
	f.engine_busy = 69 * SECOND;
	expect(f, "engine-idle", "--workers to 7");
	f = good();
	f.index = 40 * SECOND;
	expect(f, "index-slow", "index.effort");
	f = good();
	f.asked = 30;
	expect(f, "retries", "chunk.frames");
	f = good();
	f.memory_peak = 0.3;
	expect(f, "room-to-spare", "--slots to 8");
}

static void what_is_short_says_little(void **state)
{
	(void)state;
	struct advice a[ADVICE_MANY];
	struct advice_facts f = good();
	f.chunks = f.asked = 2;
	f.engine_busy = SECOND;
	assert_int_equal(advice_give(&f, a), 0);
	f = good();
	f.wall = 5 * SECOND;
	f.engine_busy = SECOND;
	assert_int_equal(advice_give(&f, a), 0);
}

/* Rules read the codes of holes, not the text of their messages. */
static void holes_are_counted_by_code(void **state)
{
	(void)state;
	static const char words[] = "out of memory, cut off at its longest, idle-timeout";
	static const struct {
		enum hole_code code;
		const char *option;
	} holes[] = {{HOLE_CUT_OFF, ""},  {HOLE_CUT_OFF, ""}, {HOLE_NO_ROOM, ""},
	             {HOLE_ENGINE, ""},   {HOLE_DECODE, ""},  {HOLE_TIME_LIMIT, "vision-timeout"},
	             {HOLE_UNKNOWN, NULL}};
	struct report_chunk chunks[ARRAY_LEN(holes) + 1] = {{.state = CHUNK_DONE, .attempts = 1}};
	struct report r = {.chunks = chunks, .n_chunks = ARRAY_LEN(chunks)};
	struct advice_facts f;
	for (size_t i = 0; i < ARRAY_LEN(holes); i++)
		chunks[i + 1] = (struct report_chunk){.state = CHUNK_HOLE,
		                                      .reason = (char *)words,
		                                      .code = holes[i].code,
		                                      .option = (char *)holes[i].option};
	performance_facts(&r, NULL, NULL, &f);
	assert_int_equal(f.holes, ARRAY_LEN(holes));
	assert_int_equal(f.cut_off, 2);
	assert_int_equal(f.no_room, 1);
	assert_int_equal(f.timed_out, 1);
	assert_string_equal(f.timeout, "vision-timeout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(each_rule),
		cmocka_unit_test(what_is_short_says_little),
		cmocka_unit_test(holes_are_counted_by_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
