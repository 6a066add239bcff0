/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at frames as units of work, of both kinds, and their results, also with
 * wrong values in them. */
#include "unit.h"

#include "base/clock.h"
#include "job/check-unit.h"
#include "job/fresh-look-unit.h"
#include "job/unit-result.h"
#include "json-with.h"

#define S CLOCK_SECOND
#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct wrong {
	const char *place, *value;
};

static const struct describe_options pictures = {
	.decoder = {.has_stream = true, .stream = 1, .rate = 12.5, .gaps = "keep"},
	.frame_size = 640,
	.quality = 80,
	.prompt = ""};
static const struct wrong wrong_pictures[] = {
	{"frame_size", "0"},  {"frame_size", "1e9"}, {"quality", "101"},       {"stream", "-2"},
	{"rate", "\"fast\""}, {"gaps", "\"fill\""},  {"sandbox", "\"off\""},   {"hwaccel", "\"auto\""},
	{"prompts", "null"},  {"prompts", "\"x\""},  {"frame_size", "\"640\""}};

/* ---- checks */

static const int64_t cited[] = {10 * S, 14 * S};
static int64_t seen[100];

static struct check_unit make_check(void)
{
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		seen[i] = (int64_t)i * S;
	return (struct check_unit){.describe = pictures,
	                           .cited = cited,
	                           .n_cited = ARRAY_LEN(cited),
	                           .seen = seen,
	                           .n_seen = ARRAY_LEN(seen),
	                           .to = 100 * S,
	                           .what = {"A red car stops.", "A dog — \"white\" — runs."},
	                           .n = 2,
	                           .max_tokens = 1,
	                           .most = CHECK_PICTURES};
}

static void a_check_survives_being_written(void **state)
{
	(void)state;
	const struct check_unit u = make_check();
	AUTO(check_unit_clear) struct check_unit back = {0};
	AUTO(mem_freep) char *text = NULL, *again = NULL;
	int64_t times[CHECK_PICTURES], same[CHECK_PICTURES];
	struct err err;
	assert_ok(check_unit_write(&u, &text, &err));
	assert_ok(check_unit_read(text, &back, &err));
	assert_ok(check_unit_write(&back, &again, &err));
	assert_string_equal(text, again);
	assert_string_equal(back.what[1], u.what[1]);
	assert_int_equal(back.describe.decoder.stream, 1);

	/* Only frames near those that are cited, and the same look. */
	assert_true(back.n_seen < 12);
	size_t n = check_times(u.cited, u.n_cited, u.seen, u.n_seen, u.from, u.to, u.most, times);
	assert_int_equal(n, check_times(back.cited, back.n_cited, back.seen, back.n_seen, back.from,
	                                back.to, back.most, same));
	assert_memory_equal(times, same, n * sizeof *times);
}

static void frames_at_the_ends_have_what_is_beside_them(void **state)
{
	(void)state;
	static const int64_t all[] = {0, 0, 0, 99 * S};
	struct check_unit u = make_check();
	for (size_t from = 0; from < 3; from++) {
		AUTO(check_unit_clear) struct check_unit back = {0};
		AUTO(mem_freep) char *text = NULL;
		int64_t times[CHECK_PICTURES], same[CHECK_PICTURES];
		struct err err;
		u.cited = &all[from + 1];
		u.n_cited = from == 1 ? 2 : 1;
		u.n_seen = from == 2 ? 1 : ARRAY_LEN(seen);
		assert_ok(check_unit_write(&u, &text, &err));
		assert_ok(check_unit_read(text, &back, &err));
		size_t n = check_times(u.cited, u.n_cited, u.seen, u.n_seen, u.from, u.to, u.most, times);
		assert_int_equal(n, check_times(back.cited, back.n_cited, back.seen, back.n_seen, back.from,
		                                back.to, back.most, same));
		assert_memory_equal(times, same, n * sizeof *times);
	}
}

static void refuse_check(const char *text, const struct wrong *wrong)
{
	AUTO(mem_freep) char *changed = json_with(text, wrong->place, wrong->value);
	struct check_unit back = {0};
	struct err err;
	int r = check_unit_read(changed, &back, &err);
	if (r != -ERR_FORMAT)
		fail_msg("%s = %s: %d", wrong->place, wrong->value ? wrong->value : "(none)", r);
	assert_null(back.root);
}

static void wrong_checks_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {{"cited_us", "[]"},
	                                     {"cited_us", "[2, 1]"},
	                                     {"cited_us/0", "1.5"},
	                                     {"cited_us/0", "9000000000000000000"},
	                                     {"seen_us", "null"},
	                                     {"seen_us", "[3, 3]"},
	                                     {"from_us", "-1"},
	                                     {"to_us", "-1"},
	                                     {"to_us", "1e300"},
	                                     {"statements", "[]"},
	                                     {"statements", "\"A car.\""},
	                                     {"statements/0", "\"\""},
	                                     {"statements/1", "7"},
	                                     {"max_tokens", "0"},
	                                     {"max_tokens", "513"},
	                                     {"most", "0"},
	                                     {"most", "9"},
	                                     {"statements", NULL}};
	const struct check_unit u = make_check();
	AUTO(mem_freep) char *text = NULL;
	struct err err;
	assert_ok(check_unit_write(&u, &text, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		refuse_check(text, &wrong[i]);
	for (size_t i = 0; i < ARRAY_LEN(wrong_pictures); i++)
		refuse_check(text, &wrong_pictures[i]);

	struct check_unit back = {0};
	AUTO(mem_freep) char *other = json_with(text, "prompts", "\"" HASH "\"");
	assert_int_equal(check_unit_read(other, &back, &err), -ERR_UNSUPPORTED);
}

static void a_statement_that_is_no_text_is_refused(void **state)
{
	(void)state;
	struct check_unit u = make_check();
	AUTO(mem_freep) char *text = NULL, *large = mem_alloc(RUNNER_MAX_BODY + 1, 1);
	struct err err;
	u.what[1] = "\xff\xfe";
	assert_int_equal(check_unit_write(&u, &text, &err), -ERR_FORMAT);
	memset(large, 'x', RUNNER_MAX_BODY);
	u.what[1] = large;
	assert_int_equal(check_unit_write(&u, &text, &err), -ERR_LIMIT);
}

static struct check_result make_result(void)
{
	struct check_result r = {
		.n = 2, .max_tokens = 512, .requests = 3, .prompt_tokens = 900, .output_tokens = 7};
	r.replies[0] = (struct check_reply){
		.answer = {'A', {0.75, 0.125, 0.125}}, .pts = {9 * S, 10 * S, 14 * S}, .n = 3};
	r.replies[1] = (struct check_reply){
		.answer = {'-', {0}}, .reason = mem_strdup("none of the letters"), .pts = {10 * S}, .n = 1};
	return r;
}

static void an_answer_survives_being_written(void **state)
{
	(void)state;
	const struct check_unit u = make_check();
	AUTO(check_result_clear) struct check_result r = make_result(), back = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct err err;
	assert_ok(check_result_write(&r, &result, &err));
	assert_ok(check_result_read(&u, &result, &back, &err));
	assert_int_equal(back.n, 2);
	assert_memory_equal(&back.replies[0].answer, &r.replies[0].answer, sizeof r.replies[0].answer);
	assert_int_equal(back.replies[0].pts[2], 14 * S);
	assert_null(back.replies[0].reason);
	assert_string_equal(back.replies[1].reason, "none of the letters");
	assert_int_equal(back.max_tokens, 512);
	assert_int_equal(back.prompt_tokens, 900);
}

static void wrong_answers_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {{"answers", "[]"},
	                                     {"answers", NULL},
	                                     {"answers/1", "null"},
	                                     {"answers/0/letter", "\"D\""},
	                                     {"answers/0/letter", "\"AB\""},
	                                     {"answers/0/letter", "\"\""},
	                                     {"answers/0/letter", "\"-\""},
	                                     {"answers/0/p", "[0.5, 0.5]"},
	                                     {"answers/0/p", "[0.5, 0.5, 0.5]"},
	                                     {"answers/0/p", "[-0.5, 0.5, 0.5]"},
	                                     {"answers/0/p/0", "\"1\""},
	                                     {"answers/0/p/0", "1e300"},
	                                     {"answers/0/reason", "\"why\""},
	                                     {"answers/1/reason", "\"\""},
	                                     {"answers/1/reason", "\"two\\nlines\""},
	                                     {"answers/1/p", "[1, 0, 0]"},
	                                     {"answers/0/shown_us", "[]"},
	                                     {"answers/0/shown_us", "[1, 2, 3, 4, 5, 6, 7, 8, 9]"},
	                                     {"answers/0/shown_us", "[2, 2]"},
	                                     {"answers/0/shown_us/0", "9000000000000000000"},
	                                     {"answers/0/more", "1"},
	                                     {"max_tokens", "0"},
	                                     {"max_tokens", "4294967297"},
	                                     {"requests", "1"},
	                                     {"requests", "100000"},
	                                     {"prompt_tokens", "-1"},
	                                     {"output_tokens", "9000000000000000000"},
	                                     {"most", "1"}};
	const struct check_unit u = make_check();
	AUTO(check_result_clear) struct check_result r = make_result();
	AUTO(runner_result_clear) struct runner_result good = {0};
	struct err err;
	assert_ok(check_result_write(&r, &good, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(mem_freep) char *changed = json_with(good.body, wrong[i].place, wrong[i].value);
		const struct runner_result result = {.body = changed};
		struct check_result back = {0};
		int got = check_result_read(&u, &result, &back, &err);
		if (got != -ERR_PROTO)
			fail_msg("%s = %s: %d", wrong[i].place, wrong[i].value ? wrong[i].value : "(none)",
			         got);
		assert_int_equal(back.n, 0);
	}
}

/* ---- looks at fresh frames */

static const int64_t times[] = {1 * S, 2 * S, 3 * S};

static struct fresh_look_unit make_look(bool letter)
{
	return (struct fresh_look_unit){.look = {.times = times,
	                                         .n = ARRAY_LEN(times),
	                                         .question = "Who comes?",
	                                         .letter = letter,
	                                         .tokens = 1,
	                                         .most = 8},
	                                .describe = pictures};
}

static void a_look_survives_being_written(void **state)
{
	(void)state;
	for (int letter = 0; letter < 2; letter++) {
		const struct fresh_look_unit u = make_look(letter);
		AUTO(fresh_look_unit_clear) struct fresh_look_unit back = {0};
		AUTO(mem_freep) char *text = NULL, *again = NULL;
		struct err err;
		assert_ok(fresh_look_unit_write(&u, &text, &err));
		assert_ok(fresh_look_unit_read(text, &back, &err));
		assert_ok(fresh_look_unit_write(&back, &again, &err));
		assert_string_equal(text, again);
		assert_int_equal(back.look.letter, letter);
		assert_int_equal(back.look.times[2], 3 * S);
	}
}

static void wrong_looks_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {
		{"times_us", "[]"},  {"times_us", "[2, 1]"}, {"times_us/1", "null"}, {"question", "\"\""},
		{"question", "1"},   {"question", NULL},     {"letter", "1"},        {"letter", NULL},
		{"max_tokens", "0"}, {"most", "0"},          {"most", "65"},         {"cited_us", "[1]"}};
	const struct fresh_look_unit u = make_look(false);
	AUTO(mem_freep) char *text = NULL;
	struct err err;
	assert_ok(fresh_look_unit_write(&u, &text, &err));
	for (size_t i = 0; i < ARRAY_LEN(wrong) + ARRAY_LEN(wrong_pictures); i++) {
		const struct wrong *w =
			i < ARRAY_LEN(wrong) ? &wrong[i] : &wrong_pictures[i - ARRAY_LEN(wrong)];
		AUTO(mem_freep) char *changed = json_with(text, w->place, w->value);
		struct fresh_look_unit back = {0};
		int r = fresh_look_unit_read(changed, &back, &err);
		if (r != -ERR_FORMAT)
			fail_msg("%s = %s: %d", w->place, w->value ? w->value : "(none)", r);
		assert_null(back.root);
	}
	/* The prompts of a letter are others. */
	struct fresh_look_unit back = {0};
	AUTO(mem_freep) char *other = json_with(text, "letter", "true");
	assert_int_equal(fresh_look_unit_read(other, &back, &err), -ERR_UNSUPPORTED);
}

static const char found[] = "{\"pts\":[1000000,3000000],\"sha256\":[\"" HASH "\",\"" HASH
							"\"],\"frames\":[1],\"answer\":\"A dog.\",\"enough\":true,\"next\":"
							"\"\"}";
static const char letter_found[] =
	"{\"pts\":[1000000],\"sha256\":[\"" HASH "\"],\"letter\":\"B\",\"p\":[0.25,0.5,0.25]}";

static char *result_of(const char *look)
{
	const struct fresh_look l = {.tokens = 512, .requests = 2, .prompt_tokens = 50};
	AUTO(runner_result_clear) struct runner_result result = {0};
	json_auto_t *o = json_loads(look, 0, NULL);
	struct err err;
	assert_non_null(o);
	assert_ok(fresh_look_result_write(&l, o, &result, &err));
	return TAKE(result.body);
}

static void what_was_found_survives_being_written(void **state)
{
	(void)state;
	for (int letter = 0; letter < 2; letter++) {
		struct fresh_look l = make_look(letter).look;
		AUTO(mem_freep) char *body = result_of(letter ? letter_found : found);
		const struct runner_result result = {.body = body};
		json_auto_t *look = NULL, *same = json_loads(letter ? letter_found : found, 0, NULL);
		struct err err;
		assert_ok(fresh_look_result_read(&l, &result, &look, &err));
		assert_true(json_equal(look, same));
		assert_int_equal(l.requests, 2);
		assert_int_equal(l.tokens, 512);
	}
}

static void refuse_found(const char *body, bool letter, const struct wrong *wrong)
{
	struct fresh_look l = make_look(letter).look;
	AUTO(mem_freep) char *changed = json_with(body, wrong->place, wrong->value);
	const struct runner_result result = {.body = changed};
	json_t *look = NULL;
	struct err err;
	int r = fresh_look_result_read(&l, &result, &look, &err);
	if (r != -ERR_PROTO)
		fail_msg("%s = %s: %d", wrong->place, wrong->value ? wrong->value : "(none)", r);
	assert_null(look);
	assert_int_equal(l.requests, 0);
}

static void what_cannot_have_been_found_is_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {{"look", "null"},
	                                     {"look/pts", "[]"},
	                                     {"look/pts", "[1, 2, 3, 4]"},
	                                     {"look/pts/1", "5"},
	                                     {"look/pts/0", "\"1\""},
	                                     {"look/sha256", "[]"},
	                                     {"look/sha256/0", "\"" HASH "a\""},
	                                     {"look/frames", "null"},
	                                     {"look/frames/0", "2"},
	                                     {"look/frames/0", "-1"},
	                                     {"look/frames/0", "0.5"},
	                                     {"look/answer", "\"two\\nlines\""},
	                                     {"look/answer", "5"},
	                                     {"look/next", NULL},
	                                     {"look/enough", "1"},
	                                     {"look/letter", "\"A\""},
	                                     {"requests", "0"},
	                                     {"requests", "65"},
	                                     {"max_tokens", "513"},
	                                     {"decode_us", "-1"},
	                                     {"most", "1"}};
	static const struct wrong letters[] = {{"look/letter", "\"X\""},
	                                       {"look/p", "[1, 1, 1]"},
	                                       {"look/p", NULL},
	                                       {"look/answer", "\"A dog.\""}};
	AUTO(mem_freep) char *body = result_of(found), *letter = result_of(letter_found);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		refuse_found(body, false, &wrong[i]);
	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		refuse_found(letter, true, &letters[i]);
	refuse_found(body, true, &(struct wrong){"requests", "1"});
	refuse_found(letter, false, &(struct wrong){"requests", "1"});
}

static void texts_that_are_not_utf8_are_refused(void **state)
{
	(void)state;
	struct fresh_look l = make_look(false).look;
	AUTO(mem_freep) char *body = result_of(found);
	char *at = strstr(body, "dog");
	assert_non_null(at);
	*at = (char)0xff;
	const struct runner_result result = {.body = body};
	json_t *look = NULL;
	struct err err;
	assert_int_equal(fresh_look_result_read(&l, &result, &look, &err), -ERR_PROTO);
}

/* ---- failures */

static void a_failure_keeps_what_it_is_about(void **state)
{
	(void)state;
	struct err err, history, back;
	err_set(&err, ERR_FORMAT, "none of these frames could be decoded");
	assert_int_equal(unit_failure_of(&err), -ERR_ENGINE);
	err_set(&history, ERR_ENGINE, "workers reported failures: a: %s; b: %s", err.msg, err.msg);
	assert_int_equal(unit_failure_error(&history, &back), -ERR_FORMAT);
	assert_string_equal(back.msg, "workers reported failures: a: none of these frames could be "
	                              "decoded; b: none of these frames could be decoded");

	err_set(&err, ERR_IO, "the engine is gone");
	assert_int_equal(unit_failure_of(&err), -ERR_ENGINE);
	assert_int_equal(unit_failure_error(&err, &back), -ERR_ENGINE);
	assert_string_equal(back.msg, "the engine is gone");

	err_set(&err, ERR_CANCELED, "interrupted");
	assert_int_equal(unit_failure_of(&err), -ERR_CANCELED);
	assert_int_equal(unit_failure_error(&err, &back), -ERR_CANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_survives_being_written),
		cmocka_unit_test(frames_at_the_ends_have_what_is_beside_them),
		cmocka_unit_test(wrong_checks_are_refused),
		cmocka_unit_test(a_statement_that_is_no_text_is_refused),
		cmocka_unit_test(an_answer_survives_being_written),
		cmocka_unit_test(wrong_answers_are_refused),
		cmocka_unit_test(a_look_survives_being_written),
		cmocka_unit_test(wrong_looks_are_refused),
		cmocka_unit_test(what_was_found_survives_being_written),
		cmocka_unit_test(what_cannot_have_been_found_is_refused),
		cmocka_unit_test(texts_that_are_not_utf8_are_refused),
		cmocka_unit_test(a_failure_keeps_what_it_is_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
