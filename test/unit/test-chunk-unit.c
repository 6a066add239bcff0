/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of chunks as units of work, and of their results, also with wrong
 * values in them. */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/chunk-result.h"
#include "job/chunk-twice.h"
#include "job/chunk-unit.h"
#include "json-with.h"

#define S CLOCK_SECOND
static const char job[] = "abcdef012345";

/* ---- units */

static int64_t times[] = {1 * S, 2 * S, 3 * S};
static char line[] = "Heard at 00:00:01: \"stop the car\"\n";

static struct chunk_unit make_unit(void)
{
	static struct prompt_text text;
	text = (struct prompt_text){1 * S, line, strchr(line, '"') + 1};
	return (struct chunk_unit){.index = 7,
	                           .plan = {.end = 10 * S, .times = times, .n_times = ARRAY_LEN(times)},
	                           .describe = {.decoder = {.has_stream = true, .stream = 2},
	                                        .frame_size = 640,
	                                        .thumb_size = 32,
	                                        .quality = 80,
	                                        .prompt = "cars",
	                                        .max_tokens = 100},
	                           .context = "before",
	                           .texts = &text,
	                           .n_texts = 1};
}

static void a_unit_survives_being_written(void **state)
{
	(void)state;
	const struct chunk_unit u = make_unit();
	AUTO(chunk_unit_clear) struct chunk_unit back = {0};
	AUTO(mem_freep) char *text = NULL, *again = NULL;
	struct err err;
	assert_ok(chunk_unit_write(&u, &text, &err));
	assert_ok(chunk_unit_read(text, &back, &err));
	assert_ok(chunk_unit_write(&back, &again, &err));
	assert_string_equal(text, again);
	assert_int_equal(back.plan.times[2], 3 * S);
	assert_string_equal(back.texts[0].text, "stop the car\"\n");
	assert_true(back.describe.decoder.has_stream);
}

static void the_same_work_has_the_same_id(void **state)
{
	(void)state;
	struct chunk_unit u = make_unit();
	AUTO(mem_freep) char *text = NULL, *other = NULL;
	char a[RUNNER_MAX_ID + 1], b[RUNNER_MAX_ID + 1];
	struct err err;
	assert_ok(chunk_unit_write(&u, &text, &err));
	u.context = "after";
	assert_ok(chunk_unit_write(&u, &other, &err));
	unit_id(job, "chunk", 7, text, a);
	unit_id(job, "chunk", 7, text, b);
	assert_string_equal(a, b);
	assert_true(runner_id_valid(a));
	unit_id(job, "chunk", 7, other, b);
	assert_string_not_equal(a, b);
}

static void a_prompt_that_no_message_holds_is_refused(void **state)
{
	(void)state;
	struct chunk_unit u = make_unit();
	AUTO(mem_freep) char *prompt = mem_alloc(RUNNER_MAX_BODY + 1, 1), *text = NULL;
	struct err err;
	memset(prompt, 'x', RUNNER_MAX_BODY);
	u.describe.prompt = prompt;
	assert_int_equal(chunk_unit_write(&u, &text, &err), -ERR_LIMIT);
}

static void wrong_units_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *place, *value;
	} wrong[] = {
		{"chunk", "-1"},           {"chunk", NULL},
		{"start_us", "-1"},        {"end_us", "0"},
		{"end_us", "1e300"},       {"end_us", "9000000000000000000"},
		{"times_us", "[]"},        {"times_us", "3"},
		{"times_us/0", "-5"},      {"times_us/1", "1000000"},
		{"times_us/2", "\"3\""},   {"times_us/2", "10000000"},
		{"frame_size", "0"},       {"frame_size", "100000"},
		{"frame_size", "640.5"},   {"thumb_size", "-1"},
		{"quality", "0"},          {"quality", "101"},
		{"max_tokens", "0"},       {"max_tokens", "4294967297"},
		{"keyframes", "1"},        {"stream", "-2"},
		{"stream", "4294967298"},  {"rate", "-1"},
		{"rate", "\"10\""},        {"gaps", "\"/etc/passwd\""},
		{"gaps", "null"},          {"prompt", "null"},
		{"context", "5"},          {"texts", "null"},
		{"texts/0", "[1, \"a\"]"}, {"texts/0/2", "-1"},
		{"texts/0/2", "1000"},     {"texts/0/1", "7"},
		{"sandbox", "\"off\""},    {"hwaccel", "\"auto\""},
	};
	const struct chunk_unit u = make_unit();
	AUTO(mem_freep) char *text = NULL;
	struct err err;
	assert_ok(chunk_unit_write(&u, &text, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(mem_freep) char *changed = json_with(text, wrong[i].place, wrong[i].value);
		struct chunk_unit back = {0};
		int r = chunk_unit_read(changed, &back, &err);
		if (r != -ERR_FORMAT)
			fail_msg("%s = %s: %d", wrong[i].place, wrong[i].value ? wrong[i].value : "(none)", r);
		assert_null(back.root);
	}
	struct chunk_unit back = {0};
	assert_true(chunk_unit_read("", &back, &err) < 0);
	assert_true(chunk_unit_read("[]", &back, &err) < 0);
	assert_true(chunk_unit_read("[[[[", &back, &err) < 0);
}

/* ---- results */

/* The markers of a JPEG of 32x18 pixels. */
static const unsigned char thumb[] = {
	0xff, 0xd8, 0xff, 0xc0, 0,  17, 8, 0, 18, 0,    32, 3,    1, 0x22, 0, 2, 0x11, 1, 3,    0x11,
	1,    0xff, 0xda, 0,    12, 3,  1, 0, 2,  0x11, 3,  0x11, 0, 63,   0, 1, 2,    3, 0xff, 0xd9};

static struct store_chunk make_chunk(void)
{
	struct store_chunk c = {.index = 7,
	                        .end = 10 * S,
	                        .state = CHUNK_DONE,
	                        .summary = mem_strdup("A car stops."),
	                        .endpoint = mem_strdup("local"),
	                        .attempts = 1,
	                        .decode_time = 5,
	                        .prompt_tokens = 9,
	                        .prefill_rate = 1.5,
	                        .n_samples = 3,
	                        .n_events = 1};
	c.samples = mem_alloc(3, sizeof *c.samples);
	c.events = mem_alloc(1, sizeof *c.events);
	for (size_t i = 0; i < 2; i++) {
		c.samples[i] = (struct store_sample){.time = times[i],
		                                     .pts = times[i] - 5,
		                                     .decode_path = mem_strdup("software"),
		                                     .fault = mem_strdup(""),
		                                     .width = 64,
		                                     .height = 36,
		                                     .thumb = mem_alloc(1, sizeof thumb),
		                                     .thumb_len = sizeof thumb};
		memcpy(c.samples[i].thumb, thumb, sizeof thumb);
	}
	c.samples[2] = (struct store_sample){.time = times[2],
	                                     .pts = times[2],
	                                     .decode_path = mem_strdup(""),
	                                     .fault = mem_strdup("the data is damaged")};
	c.events[0] = (struct store_event){.subject = mem_strdup("car"),
	                                   .what = mem_strdup("It stops"),
	                                   .quote = mem_strdup("stop the"),
	                                   .samples = mem_alloc(2, sizeof(size_t)),
	                                   .n_samples = 2};
	c.events[0].samples[1] = 1;
	return c;
}

static void a_result_survives_being_written(void **state)
{
	(void)state;
	const struct chunk_unit u = make_unit();
	AUTO(store_chunk_clear) struct store_chunk c = make_chunk();
	AUTO(store_chunk_clear)
	struct store_chunk back = {.index = c.index, .start = c.start, .end = c.end};
	AUTO(runner_result_clear) struct runner_result result = {0}, again = {0};
	struct err err;
	assert_ok(chunk_result_write(&c, &result, &err));
	assert_int_equal(result.n_blobs, 1); /* both are in it */
	assert_ok(chunk_result_read(&u, &result, &back, &err));
	assert_ok(chunk_result_write(&back, &again, &err));
	assert_string_equal(result.body, again.body);
	assert_int_equal(back.state, CHUNK_DONE);
	assert_int_equal(back.samples[1].time, times[1]);
	assert_memory_equal(back.samples[1].thumb, thumb, sizeof thumb);
	assert_int_equal(back.events[0].samples[1], 1);
}

/* Where chunks are done twice, frames have the hash of what was decoded. */
static void hashes_of_frames_are_those_that_were_asked_for(void **state)
{
	(void)state;
	struct chunk_unit u = make_unit();
	AUTO(chunk_unit_clear) struct chunk_unit read = {0};
	AUTO(mem_freep) char *plain = NULL, *text = NULL;
	AUTO(store_chunk_clear) struct store_chunk c = make_chunk();
	AUTO(store_chunk_clear)
	struct store_chunk back = {.index = c.index, .start = c.start, .end = c.end};
	AUTO(runner_result_clear) struct runner_result result = {0};
	char sha[HASH_HEX];
	struct err err;
	hash_texts(NULL, 0, sha);
	assert_ok(chunk_unit_write(&u, &plain, &err));
	assert_null(strstr(plain, "identify"));
	u.describe.identify = true;
	assert_ok(chunk_unit_write(&u, &text, &err));
	assert_ok(chunk_unit_read(text, &read, &err));
	assert_true(read.describe.identify);

	c.samples[0].planes = mem_strdup(sha);
	assert_ok(chunk_result_write(&c, &result, &err));
	assert_ok(chunk_result_read(&u, &result, &back, &err));
	assert_string_equal(back.samples[0].planes, sha);
	assert_string_equal(back.samples[1].planes, "");
	store_chunk_clear(&back);
	back = (struct store_chunk){.index = c.index, .start = c.start, .end = c.end};
	json_auto_t *wrong = json_loads(result.body, 0, NULL);
	json_object_set_new(json_array_get(json_object_get(wrong, "samples"), 0), "planes",
	                    json_null());
	struct runner_result other = {.body = json_dumps(wrong, 0)};
	assert_int_equal(chunk_result_read(&u, &other, &back, &err), -ERR_PROTO);
	runner_result_clear(&other);
	store_chunk_clear(&back);
	back = (struct store_chunk){.index = c.index, .start = c.start, .end = c.end};
	u.describe.identify = false;
	assert_int_equal(chunk_result_read(&u, &result, &back, &err), -ERR_PROTO);
}

static void set_text(char **text, const char *to)
{
	free(*text);
	*text = mem_strdup(to);
}

static void expect_difference(const struct store_chunk *a, const struct store_chunk *b,
                              const char *expected)
{
	AUTO(mem_freep) char *found = chunk_difference(a, b), *other = chunk_difference(b, a);
	if (!expected) {
		assert_null(found);
		assert_null(other);
		return;
	}
	assert_non_null(found);
	assert_non_null(other);
	if (!strstr(found, expected))
		fail_msg("%s", found);
}

static void what_differs_between_two_results_is_said(void **state)
{
	(void)state;
	char one[HASH_HEX], two[HASH_HEX];
	const char *const text = "x";
	AUTO(store_chunk_clear) struct store_chunk a = make_chunk();
	AUTO(store_chunk_clear) struct store_chunk b = make_chunk();
	hash_texts(NULL, 0, one);
	hash_texts(&text, 1, two);
	set_text(&a.summary, "A red car stops at the gate, and a man gets out");
	set_text(&b.summary, "A red car stops at the gate and a person gets out.");
	expect_difference(&a, &b, NULL);
	a.samples[0].planes = mem_strdup(one);
	expect_difference(&a, &b, NULL); /* the other one is not known */
	b.samples[0].planes = mem_strdup(one);
	expect_difference(&a, &b, NULL);
	set_text(&b.samples[0].planes, two);
	expect_difference(&a, &b, "1 of 3 frames are other pictures");
	set_text(&b.samples[0].decode_path, "hardware");
	expect_difference(&a, &b, NULL); /* a device may give other samples */
	b.samples[1].pts++;
	expect_difference(&a, &b, "1 of 3 frames have other times");
	b.samples[1].pts--;

	set_text(&b.summary, "Rain falls");
	set_text(&b.events[0].what, "dog sleeps");
	set_text(&b.events[0].subject, "dog");
	expect_difference(&a, &b, "0 % are the same");
	/* Of a few words, one more or less says nothing. */
	set_text(&a.summary, "Nothing");
	set_text(&b.summary, "None");
	set_text(&b.events[0].subject, "");
	set_text(&a.events[0].what, "");
	set_text(&b.events[0].what, "");
	expect_difference(&a, &b, NULL);
}

/* More than a message holds. */
static void a_large_result_is_a_blob(void **state)
{
	(void)state;
	const struct chunk_unit u = make_unit();
	AUTO(store_chunk_clear) struct store_chunk c = make_chunk();
	AUTO(store_chunk_clear) struct store_chunk back = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct err err;
	free(c.summary);
	c.summary = mem_alloc(RUNNER_MAX_BODY + 1, 1);
	memset(c.summary, 'a', RUNNER_MAX_BODY);
	assert_ok(chunk_result_write(&c, &result, &err));
	assert_true(strlen(result.body) < 100);
	assert_ok(chunk_result_read(&u, &result, &back, &err));
	assert_string_equal(back.summary, c.summary);
}

static void wrong_results_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *place, *value;
	} wrong[] = {
		{"summary", "null"},
		{"summary", "\"two\\nlines\""},
		{"summary", "\"\\u202ehidden\""},
		{"endpoint", "5"},
		{"attempts", "0"},
		{"attempts", "1000000"},
		{"decode_us", "-1"},
		{"engine_us", "1.5"},
		{"prompt_tokens", "9000000000000000000"},
		{"prefill_rate", "-1"},
		{"prefill_rate", "1e300"},
		{"samples", "[]"},
		{"samples", "{}"},
		{"samples/0", "null"},
		{"samples/0/pts", "9000000000000000000"},
		{"samples/0/width", "641"},
		{"samples/0/width", "0"},
		{"samples/0/height", "-36"},
		{"samples/0/decode_path", "\"magic\""},
		{"samples/0/fault", "\"a\\tb\""},
		{"samples/0/thumb", "null"},
		{"samples/0/thumb", "[0, 0]"},
		{"samples/0/thumb", "[1, 0, 40]"},
		{"samples/0/thumb", "[0, 1, 40]"},
		{"samples/0/thumb", "[0, 0, 10000]"},
		{"samples/0/thumb", "[0, -1, 41]"},
		{"samples/0/thumb", "[0, 0, 0]"},
		{"samples/0/thumb", "[0, 9000000000000000000, 9000000000000000000]"},
		{"thumbs", "[]"},
		{"thumbs/0", "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""},
		{"samples/0/width", "128"}, /* its thumbnail would have another form */
		{"samples/2/fault", "\"\""},
		{"samples/2/decode_path", "\"software\""},
		{"samples/2/thumb", "[0, 0, 40]"},
		{"events", "null"},
		{"events/0", "\"x\""},
		{"events/0/what", "\" \""},
		{"events/0/what", NULL},
		{"events/0/quote", "\"not what was said\""},
		{"events/0/samples", "[]"},
		{"events/0/samples/0", "-1"},
		{"events/0/samples/0", "1"},
		{"events/0/samples/1", "3"},
		{"events/0/samples/1", "2"}, /* has no picture */
		{"events/0/samples/1", "1.5"},
		{"more", "1"},
		{"blob", "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""},
	};
	const struct chunk_unit u = make_unit();
	AUTO(store_chunk_clear) struct store_chunk c = make_chunk();
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct err err;
	struct store_chunk whole = {0};
	assert_ok(chunk_result_write(&c, &result, &err));
	assert_ok(chunk_result_read(&u, &result, &whole, &err));
	store_chunk_clear(&whole);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(mem_freep) char *changed = json_with(result.body, wrong[i].place, wrong[i].value);
		struct runner_result copy = result;
		struct store_chunk back = {.index = 7};
		copy.body = changed;
		int r = chunk_result_read(&u, &copy, &back, &err);
		if (r != -ERR_PROTO)
			fail_msg("%s = %s: %d", wrong[i].place, wrong[i].value ? wrong[i].value : "(none)", r);
		assert_null(back.samples);
		assert_null(back.summary);
		assert_int_equal(back.index, 7);
	}
}

static void a_thumbnail_that_is_no_jpeg_is_refused(void **state)
{
	(void)state;
	const struct chunk_unit u = make_unit();
	AUTO(store_chunk_clear) struct store_chunk c = make_chunk(), back = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct err err;
	c.samples[0].thumb[3] = 0xc2; /* progressive */
	assert_ok(chunk_result_write(&c, &result, &err));
	assert_int_equal(chunk_result_read(&u, &result, &back, &err), -ERR_PROTO);
}

static void a_hole_keeps_its_cause_as_a_failure(void **state)
{
	(void)state;
	static const enum hole_code codes[] = {HOLE_DECODE,  HOLE_TIME_LIMIT, HOLE_NO_ROOM,
	                                       HOLE_CUT_OFF, HOLE_ANSWER,     HOLE_REFUSED,
	                                       HOLE_ENGINE,  HOLE_INTERNAL};
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		char reason[] = "it failed";
		const struct store_chunk hole = {.code = codes[i], .reason = reason};
		struct err err;
		assert_true(unit_failure(hole.code, hole.reason, &err) < 0);
		AUTO(mem_freep) char *text = NULL, *both = NULL;
		assert_int_equal(unit_failure_read(&err, &text), codes[i]);
		assert_string_equal(text, "it failed");

		struct err history; /* as a head says it */
		err_set(&history, ERR_ENGINE, "workers reported failures: a: %s; b: %s", err.msg, err.msg);
		assert_int_equal(unit_failure_read(&history, &both), codes[i]);
		assert_string_equal(both, "workers reported failures: a: it failed; b: it failed");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_survives_being_written),
		cmocka_unit_test(the_same_work_has_the_same_id),
		cmocka_unit_test(a_prompt_that_no_message_holds_is_refused),
		cmocka_unit_test(wrong_units_are_refused),
		cmocka_unit_test(a_result_survives_being_written),
		cmocka_unit_test(hashes_of_frames_are_those_that_were_asked_for),
		cmocka_unit_test(what_differs_between_two_results_is_said),
		cmocka_unit_test(a_large_result_is_a_blob),
		cmocka_unit_test(wrong_results_are_refused),
		cmocka_unit_test(a_thumbnail_that_is_no_jpeg_is_refused),
		cmocka_unit_test(a_hole_keeps_its_cause_as_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
