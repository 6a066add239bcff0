/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of answering questions: what is asked for, times of looks, the
 * words of sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ask/choose.h"
#include "ask/compose.h"
#include "ask/rounds.h"
#include "ask/route.h"
#include "ask/said.h"
#include "ask/verify.h"

static void words_of_what_is_said(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"What is said about the red car?", "red car"},
		{"Does anyone mention \"KX-4711\"?", "KX-4711"},
		{"What does Ann say between 0:10 and 1:00:20?", "Ann"},
		{"What is said?", ""},
		{"", ""},
		{"Wer sagt 红色?", "Wer sagt 红色"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep) char *words = said_words(cases[i][0], SENSE_SAID);
		assert_string_equal(words, cases[i][1]);
	}
	static const char *const written[][2] = {
		{"What does the sign say?", ""},
		{"Which text is on the slide?", ""},
		{"What is written on the number plate?", "number plate"},
		{"What is written at 0:10 about parking?", "parking"},
	};
	for (size_t i = 0; i < ARRAY_LEN(written); i++) {
		AUTO(mem_freep) char *words = said_words(written[i][0], SENSE_WRITTEN);
		assert_string_equal(words, written[i][1]);
	}
}

static void questions_are_routed_by_rules(void **state)
{
	(void)state;
	static const struct {
		const char *question;
		enum answer_kind kind;
		const char *statement;
	} cases[] = {
		{"Is there a red car in the video?", ASK_IS, "A red car is there."},
		{"Are there any dogs?", ASK_IS, "A dog is there."},
		{"Is there a red bus?", ASK_IS, "A red bus is there."},
		{"is there an umbrella", ASK_IS, "An umbrella is there."},
		{"Was there ever a fire?", ASK_IS, "A fire is there."},
		{"Does the man leave?", ASK_IS, ""},
		{"When does the man leave?", ASK_WHEN, ""},
		{"When is there a bus?", ASK_WHEN, "A bus is there."},
		{"At what time does it open?", ASK_WHEN, ""},
		{"Who carried the box out?", ASK_WHICH, ""},
		{"What is on the table?", ASK_WHICH, ""},
		{"How did the fire begin?", ASK_HOW, ""},
		{"How many cars are there?", ASK_COUNT, "A car is there."},
		{"How often does the door open?", ASK_COUNT, ""},
		{"List all buses", ASK_LIST, "A bus is there."},
		{"When is there no guard?", ASK_NOT, "A guard is there."},
		{"Does the car come before or after the bus?", ASK_ORDER, ""},
		{"How many times does a dog appear?", ASK_COUNT, "A dog is there."},
		{"How many times does a dog bark?", ASK_COUNT, ""},
		{"How often was the red car seen?", ASK_COUNT, "A red car is there."},
		{"Count the times a bus appears.", ASK_COUNT, "A bus is there."},
		{"Does a dog appear?", ASK_IS, "A dog is there."},
		{"Can you see a dog anywhere?", ASK_IS, "A dog is there."},
		{"Is a dog visible at any time?", ASK_IS, "A dog is there."},
		{"Is the dog asleep?", ASK_IS, ""},
		{"When does the bus appear?", ASK_WHEN, "A bus is there."},
		{"At what times is a bus visible?", ASK_WHEN, "A bus is there."},
		{"At what times is no bus to be seen?", ASK_NOT, "A bus is there."},
		{"When is the bus not visible?", ASK_NOT, "A bus is there."},
		{"When does she not wear a hat?", ASK_WHEN, ""},
		{"When was there no bus?", ASK_NOT, "A bus is there."},
		{"When is no bus there?", ASK_NOT, "A bus is there."},
		{"Which appears first, the car or the bus?", ASK_ORDER, ""},
		{"What came first, the car or the bus?", ASK_ORDER, ""},
		{"Was the car there before the bus?", ASK_ORDER, ""},
		{"Compare how often the car and the bus appear.", ASK_COMPARE, ""},
		{"Does the car appear more often than the bus?", ASK_COMPARE, ""},
		{"Does the man come before the woman?", ASK_ORDER, ""},
		{"Is there no dog?", ASK_IS, ""},
		{"Is the dog never seen?", ASK_IS, ""},
		{"Is the dog not visible?", ASK_IS, ""},
		{"Are there three dogs?", ASK_IS, ""},
		{"Is there always a dog?", ASK_IS, ""},
		{"Is there a dog or a cat?", ASK_IS, ""},
		{"Is there a time without a dog?", ASK_IS, ""},
		{"What did she say about it?", ASK_SAID, ""},
		{"What is written on the van?", ASK_WRITTEN, ""},
		{"What does the sign say?", ASK_WRITTEN, ""},
		{"What does the sign say about parking?", ASK_WRITTEN, ""},
		{"Which text is on the slide?", ASK_WRITTEN, ""},
		{"What does the man say about the sign?", ASK_SAID, ""},
		{"What happens?", ASK_SUMMARY, ""},
		{"Wo ist der Hund?", ASK_WHICH, ""},
		{"狗在哪里？", ASK_WHICH, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(route_clear) struct route r = {0};
		route_by_rules(cases[i].question, &r);
		if (r.kind != cases[i].kind || strcmp(r.statement, cases[i].statement) != 0)
			fail_msg("%s: %s, \"%s\"", cases[i].question, answer_kind_name(r.kind), r.statement);
		assert_int_equal(r.n_queries, 1);
		/* What is searched for is the thing, where it is known. */
		if (*r.statement)
			assert_null(strcasestr(r.queries[0].text, "appear"));
		assert_string_equal(r.question, cases[i].question);
		assert_int_equal(r.negated, r.kind == ASK_NOT);
	}
}

static void questions_about_two_things_are_split(void **state)
{
	(void)state;
	static const char *const questions[] = {
		"Which appears first, the red car or the bus?",
		"Does the red car appear before or after the bus?",
		"In which order do the red car and the bus appear?",
		"What came first, the red car or the bus?",
		"Was the red car there before the bus?",
		"Which is seen more often, the red car or the bus?",
		"Compare how often the red car and the bus appear.",
		"Does the red car appear more often than the bus?",
		"Is the red car or the bus there more often?",
	};
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		AUTO(route_clear) struct route r = {0};
		route_by_rules(questions[i], &r);
		if (!r.parts[0] || strcmp(r.parts[0], "red car") != 0 || strcmp(r.parts[1], "bus") != 0)
			fail_msg("%s: \"%s\", \"%s\"", questions[i], r.parts[0] ? r.parts[0] : "",
			         r.parts[1] ? r.parts[1] : "");
	}
	static const char *const others[] = {"Is there a car or a bus?", "In which order?",
	                                     "When does the car or the bus appear?",
	                                     "Compare the car."};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		AUTO(route_clear) struct route r = {0};
		route_by_rules(others[i], &r);
		assert_null(r.parts[0]);
	}
	AUTO(mem_freep) char *question = route_part_question("bus");
	assert_string_equal(question, "When does the bus appear?");
}

static void a_model_routes_questions(void **state)
{
	(void)state;
	struct err err;
	AUTO(route_clear) struct route r = {0};
	json_auto_t *good = json_loads(
		"{\"kind\": \"count\", \"statement\": \"A dog runs.\", \"question\": \"\", "
		"\"negated\": false, \"queries\": ["
		"{\"text\": \"dog\", \"sense\": \"seen\"}, {\"text\": \" \", \"sense\": \"seen\"}, "
		"{\"text\": \"bark\", \"sense\": \"said\"}, {\"text\": \"x\", \"sense\": \"?\"}, "
		"{\"text\": \"too many\", \"sense\": \"seen\"}]}",
		0, NULL);
	assert_int_equal(route_read(good, "How many dogs run?", false, &r, &err), 0);
	assert_int_equal(r.kind, ASK_COUNT);
	assert_string_equal(r.question, "How many dogs run?");
	assert_int_equal(r.n_queries, 3);
	assert_int_equal(r.queries[1].sense, SENSE_SAID);
	assert_int_equal(r.queries[2].sense, SENSE_SEEN);

	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"kind\": \"why\", \"queries\": [{\"text\": \"x\", \"sense\": \"seen\"}]}",
		"{\"kind\": \"is\", \"queries\": []}",
		"{\"kind\": \"is\", \"queries\": [{\"text\": 4}]}",
		"{\"kind\": 3, \"queries\": 7}"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct route none;
		json_auto_t *o = json_loads(bad[i], 0, NULL);
		assert_int_equal(route_read(o, "Q", false, &none, &err), -ERR_FORMAT);
	}
}

static void two_things_of_a_model_are_two_parts(void **state)
{
	(void)state;
	struct err err;
	AUTO(route_clear) struct route r = {0};
	json_auto_t *reply =
		json_loads("{\"kind\": \"order\", \"statement\": \"\", \"negated\": false, "
	               "\"question\": \"Which is there first, the car or the red bus?\", "
	               "\"queries\": [{\"text\": \"car\", \"sense\": \"seen\"}]}",
	               0, NULL);
	assert_int_equal(route_read(reply, "And is the bus there before it?", true, &r, &err), 0);
	assert_string_equal(r.parts[0], "car");
	assert_string_equal(r.parts[1], "red bus");
	AUTO(mem_freep) char *statement = route_statement(r.parts[1]);
	assert_string_equal(statement, "A red bus is there.");
}

static void times_of_a_look_are_within_its_window(void **state)
{
	(void)state;
	int64_t out[LOOK_FRAMES_MAX];
	for (int64_t length = 1; length < 40; length++)
		for (size_t n = 1; n <= LOOK_FRAMES_MAX; n++) {
			size_t k = rounds_times(100, 100 + length, n, out);
			assert_true(k >= 1 && k <= n);
			assert_true(out[0] >= 100 && out[k - 1] <= 100 + length);
			for (size_t i = 1; i < k; i++)
				assert_true(out[i] > out[i - 1]);
			if (length >= 2 * (int64_t)n)
				assert_int_equal(k, n);
		}
}

static void placeholders_are_filled_in(void **state)
{
	(void)state;
	char *const times[] = {"0:05", "0:10 of a.mp4"};
	const size_t marks[] = {2, 1}, both[] = {1, 2}, first[] = {1};
	static const struct {
		const char *text, *filled;
		bool both;
	} cases[] = {
		{"A dog comes at {E1}.", "A dog comes at 0:05 [2].", false},
		{"At {E2}, then at {E1}.", "At 0:10 of a.mp4 [1], then at 0:05 [2].", true},
		{"{#} dogs", "2 dogs", true},
		{"{#} dog", "1 dog", false},
		{"no place", "no place", false},
		{"At {E2}.", NULL, false}, /* not cited */
		{"At {E0}.", NULL, true},
		{"At {E3}.", NULL, true},
		{"At {E}.", NULL, true},
		{"At {E1", NULL, true},
		{"At {E99999999999}.", NULL, true},
		{"At 5 o'clock", NULL, true},
		{"{E1x}", NULL, true},
		{"A dog {and a cat}", NULL, true},
		{"A dog}", NULL, true},
		{"at ９:５９", NULL, true},
		{"m²", NULL, true},
		{"٣ times", NULL, true},
		{"äöü 狗 ok", "äöü 狗 ok", true},
		{"two x", "two x", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep)
		char *s = compose_fill(cases[i].text, cases[i].both ? both : first, cases[i].both ? 2 : 1,
		                       times, marks);
		if (!s != !cases[i].filled || (s && strcmp(s, cases[i].filled) != 0))
			fail_msg("%s: %s", cases[i].text, s ? s : "refused");
	}
}

static void times_in_questions_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *question;
		int64_t from, to; /* seconds; to -1 = the end; from -1 = none */
	} cases[] = {
		{"What happens between 7:20 and 8:00?", 440, 480},
		{"Who comes from 1:00:05 to 1:00:10?", 3605, 3610},
		{"8:00 - 7:20", 440, 480},
		{"What happens after 1:02:03?", 3723, -1},
		{"Did anyone leave before 5:00?", 0, 300},
		{"What color is it at 9:45?", 570, 600},
		{"What is there at 0:05", 0, 20},
		{"Is there a dog?", -1, 0},
		{"What about 7:5?", -1, 0},
		{"ratio 16:9", -1, 0},
		{"at 1:99", -1, 0},
		{"x1:30", -1, 0},
		{"1:2:3:4", -1, 0},
		{"", -1, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t from = -1000000, to = 0;
		bool found = route_range(cases[i].question, &from, &to);
		assert_int_equal(found, cases[i].from >= 0);
		if (found && (from != cases[i].from * 1000000 ||
		              to != (cases[i].to < 0 ? INT64_MAX : cases[i].to * 1000000)))
			fail_msg("%s: %lld to %lld", cases[i].question, (long long)from, (long long)to);
	}
}

static void times_are_of_a_clock_too(void **state)
{
	struct route_time t;
	int64_t from, to;
	(void)state;
	assert_false(route_first_time("Is there a dog?", &t));
	assert_true(route_first_time("What happened at 14:05?", &t));
	assert_int_equal(t.position, 845 * 1000000LL);
	assert_int_equal(t.of_day, 50700 * 1000000LL);
	assert_string_equal(t.text, "14:05");
	assert_true(route_first_time("at 90:00", &t));
	assert_true(t.of_day > 86400 * 1000000LL);
	assert_true(route_clock_range("What happened at 14:05?", &from, &to));
	assert_int_equal(from, 50685 * 1000000LL);
	assert_int_equal(to, 50775 * 1000000LL);
	assert_true(route_clock_range("from 14:05:10 to 14:06", &from, &to));
	assert_int_equal(from, 50710 * 1000000LL);
	assert_int_equal(to, 50760 * 1000000LL);
}

static void a_yes_is_not_checked(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"Yes, a dog is there.", "A dog is there."},
	                                       {"yes. It runs.", "It runs."},
	                                       {"Yesterday it ran.", "Yesterday it ran."},
	                                       {"Yes", "Yes"},
	                                       {"", ""}};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		AUTO(mem_freep) char *s = verify_bare(pairs[i][0]);
		assert_string_equal(s, pairs[i][1]);
	}
}

static void a_choice_names_a_number(void **state)
{
	(void)state;
	static const char *const words[] = {"never", "once", "twice", "three times"};
	static const char *const twice[] = {"2 times", "two", "a dog"};
	assert_int_equal(choose_by_number(0, words, 4), 0);
	assert_int_equal(choose_by_number(2, words, 4), 2);
	assert_int_equal(choose_by_number(3, words, 4), 3);
	assert_int_equal(choose_by_number(4, words, 4), -1);
	assert_int_equal(choose_by_number(2, twice, 3), -1);
}

static void times_are_cut_out_of_a_question(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"Is it there after 1:00?", "Is it there?"},
		{"Is there a dog between 7:20 and 8:00?", "Is there a dog?"},
		{"When does a bus come from 0:10 to 1:02:03, and why?", "When does a bus come, and why?"},
		{"At 9:45, is there a cat?", "is there a cat?"},
		{"9:45?", "9:45?"},
		{"Are there 2 cars?", "Are there 2 cars?"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep) char *cut = route_without_times(cases[i][0]);
		assert_string_equal(cut, cases[i][1]);
	}
}

static void an_absence_is_not_the_statement_of_a_presence(void **state)
{
	(void)state;
	struct err err;
	static const char *const questions[] = {"Is there no dog?", "Was there never a dog?",
	                                        "Isn't there a dog?", "Is the dog absent?"};
	json_auto_t *reply =
		json_loads("{\"kind\": \"is\", \"statement\": \"A dog is there.\", \"negated\": false, "
	               "\"question\": \"\", \"queries\": [{\"text\": \"dog\", \"sense\": \"seen\"}]}",
	               0, NULL);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		AUTO(route_clear) struct route r = {0};
		assert_int_equal(route_read(reply, questions[i], false, &r, &err), 0);
		assert_string_equal(r.statement, "");
	}
}

static void a_choice_shares_words(void **state)
{
	(void)state;
	const char *const choices[] = {"A red car", "a blue car", "Nothing"};
	assert_int_equal(choose_by_words("A red car enters at 0:05 [1].", choices, 3), 0);
	assert_int_equal(choose_by_words("The car is BLUE.", choices, 3), 1);
	assert_int_equal(choose_by_words("car", choices, 3), -1);
	assert_int_equal(choose_by_words("xyz", choices, 3), -1);
	assert_int_equal(choose_by_words("", choices, 3), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_routed_by_rules),
		cmocka_unit_test(words_of_what_is_said),
		cmocka_unit_test(questions_about_two_things_are_split),
		cmocka_unit_test(a_model_routes_questions),
		cmocka_unit_test(two_things_of_a_model_are_two_parts),
		cmocka_unit_test(times_of_a_look_are_within_its_window),
		cmocka_unit_test(placeholders_are_filled_in),
		cmocka_unit_test(times_in_questions_are_read),
		cmocka_unit_test(times_are_of_a_clock_too),
		cmocka_unit_test(a_yes_is_not_checked),
		cmocka_unit_test(a_choice_names_a_number),
		cmocka_unit_test(times_are_cut_out_of_a_question),
		cmocka_unit_test(an_absence_is_not_the_statement_of_a_presence),
		cmocka_unit_test(a_choice_shares_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
