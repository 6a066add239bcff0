/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers about a list of entries become its summary. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "story/sum-up.h"

#define S CLOCK_SECOND
#define USELESS                                                                       \
	"none of its sentences names entries of the list, or each has a number that its " \
	"entries do not have"

/* Answers in order of the requests; NULL = the model failed. Without any, each
 * request gets one sentence about all of its lines. */
static const char *answers[8];
static size_t n_answers;
static enum err_code failure;
static size_t asked, rounds, longest;
static char first_list[4096], last_fault[600];

static json_t *about_all(const struct story_request *q)
{
	json_t *events = json_array();
	for (size_t i = 1; i <= q->n; i++)
		json_array_append_new(events, json_integer((json_int_t)i));
	AUTO(mem_freep) char *text = mem_printf("Something about %c.", 'a' + (int)(asked % 26));
	return json_pack("{s:[{s:o, s:s}]}", "sentences", "events", events, "text", text);
}

static bool in_pairs; /* a sentence about two lines, as many as there may be */

static json_t *about_pairs(const struct story_request *q)
{
	json_t *all = json_array();
	for (size_t i = 1; i < q->n && json_array_size(all) < STORY_SENTENCES_MAX; i += 2) {
		char text[] = "Something about aa.";
		text[16] = (char)('a' + asked % 26);
		text[17] = (char)('a' + i % 26);
		json_array_append_new(all, json_pack("{s:[I, I], s:s}", "events", (json_int_t)i,
		                                     (json_int_t)i + 1, "text", text));
	}
	return json_pack("{s:o}", "sentences", all);
}

static int ask(void *ctx, struct story_request *requests, size_t n, struct err *err)
{
	(void)ctx;
	rounds++;
	for (size_t i = 0; i < n; i++) {
		struct story_request *q = &requests[i];
		if (q->done)
			continue;
		if (asked == 0)
			snprintf(first_list, sizeof first_list, "%s", q->list);
		longest = strlen(q->list) > longest ? strlen(q->list) : longest;
		snprintf(last_fault, sizeof last_fault, "%s", q->fault.msg);
		assert_true(q->n >= 2 && q->n <= STORY_ENTRIES_MAX && q->most >= 1);
		const char *answer = asked < n_answers ? answers[asked] : NULL;
		asked++;
		if (failure == ERR_CANCELED)
			return err_set(err, ERR_CANCELED, "interrupted");
		if (failure || (n_answers && !answer))
			err_set(&q->why, failure ? failure : ERR_FORMAT, "no answer");
		else
			q->answer = answer     ? json_loads(answer, 0, NULL)
			            : in_pairs ? about_pairs(q)
			                       : about_all(q);
	}
	return 0;
}

static struct story_summary summary;

/* Sums up n entries, "entry 0" and so on, ten seconds apart. */
static int sum_up(size_t n, size_t max)
{
	struct err err;
	AUTO(mem_freep) struct story_entry *entries = mem_alloc(n + 1, sizeof *entries);
	char(*texts)[40] = mem_alloc(n + 1, sizeof *texts);
	for (size_t i = 0; i < n; i++) {
		snprintf(texts[i], sizeof texts[i], "Car %zu enters.", i);
		entries[i] = (struct story_entry){(int64_t)i * 10 * S, ((int64_t)i * 10 + 4) * S, texts[i]};
	}
	story_summary_clear(&summary);
	asked = rounds = longest = 0;
	int r = story_sum_up(&(struct story_list){.entries = entries, .n = n}, max, ask, NULL, &summary,
	                     &err);
	free(texts);
	return r;
}

static void say(const char *answer)
{
	answers[n_answers++] = answer;
}

static int forget(void **state)
{
	(void)state;
	n_answers = 0;
	failure = ERR_NONE;
	*last_fault = '\0';
	story_summary_clear(&summary);
	return 0;
}

/* "text 0,2|…" and, after a colon, why the section lists its entries. */
static void assert_section(const struct story_section *s, const char *want)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	for (size_t i = 0; i < s->n; i++) {
		buf_addf(&b, "%s%s ", i ? "|" : "", s->sentences[i].text);
		for (size_t k = 0; k < s->sentences[i].n_entries; k++)
			buf_addf(&b, "%s%zu", k ? "," : "", s->sentences[i].entries[k]);
	}
	buf_addf(&b, "%s%s", *s->fallback ? ": " : "", s->fallback);
	assert_string_equal(buf_str(&b), want);
}

static void sentences_name_entries(void **state)
{
	(void)state;
	say("{\"sentences\": [{\"events\": [1, 3], \"text\": \"Two cars enter.\"},"
	    "{\"events\": [2], \"text\": \"Car 1 enters.\"}]}");
	assert_ok(sum_up(3, 8000));
	assert_string_equal(first_list, "1 [00:00:00 - 00:00:04] Car 0 enters.\n"
	                                "2 [00:00:10 - 00:00:14] Car 1 enters.\n"
	                                "3 [00:00:20 - 00:00:24] Car 2 enters.\n");
	assert_section(&summary.whole, "Two cars enter. 0,2|Car 1 enters. 1");
	assert_int_equal(summary.n_sections, 0);
	assert_int_equal(summary.whole.start, 0);
	assert_int_equal(summary.whole.end, 24 * S);
	assert_int_equal(asked, 1);
}

static void what_names_no_entry_is_left_out(void **state)
{
	(void)state;
	say("{\"sentences\": [{\"events\": [], \"text\": \"A ghost.\"},"
	    "{\"events\": [7], \"text\": \"Another.\"},"
	    "{\"events\": [0, -1, \"x\", 2.5], \"text\": \"A third.\"},"
	    "{\"text\": \"A fourth.\"}, \"a fifth\", {\"events\": [1], \"text\": \" \"},"
	    "{\"events\": [1, 2], \"text\": \"Car 7 enters.\"},"
	    "{\"events\": [2, 9], \"text\": \"A car enters.\"},"
	    "{\"events\": [1], \"text\": \"A car enters.\"}]}");
	assert_ok(sum_up(2, 8000));
	assert_section(&summary.whole, "A car enters. 0,1");
}

static void numbers_are_those_of_the_entries(void **state)
{
	(void)state;
	say("{\"sentences\": [{\"events\": [12], \"text\": \"1 car enters.\"},"
	    "{\"events\": [12], \"text\": \"Car 110 enters.\"},"
	    "{\"events\": [12], \"text\": \"Car 11 enters.\"}]}");
	assert_ok(sum_up(12, 8000));
	assert_section(&summary.whole, "Car 11 enters. 11");
}

static void a_useless_answer_is_asked_for_again(void **state)
{
	(void)state;
	say("{\"sentences\": [{\"events\": [5], \"text\": \"A ghost.\"}]}");
	say("{\"sentences\": [{\"events\": [2], \"text\": \"A car.\"}]}");
	assert_ok(sum_up(2, 8000));
	assert_section(&summary.whole, "A car. 1");
	assert_string_equal(last_fault, USELESS);
	assert_int_equal(asked, 2);
}

static void without_the_model_the_entries_are_listed(void **state)
{
	(void)state;
	say("{\"sentences\": 3}");
	say("{\"sentences\": []}");
	assert_ok(sum_up(2, 8000));
	assert_section(&summary.whole, "Car 0 enters. 0|Car 1 enters. 1"
	                               ": " USELESS);
	assert_int_equal(asked, 2);

	failure = ERR_ENGINE;
	assert_ok(sum_up(2, 8000));
	assert_section(&summary.whole, "Car 0 enters. 0|Car 1 enters. 1: no answer");
	assert_int_equal(asked, 1);

	failure = ERR_CANCELED;
	assert_int_equal(sum_up(2, 8000), -ERR_CANCELED);
	assert_int_equal(sum_up(0, 8000), -ERR_NOENT);
}

static void repetition_costs_only_its_section(void **state)
{
	(void)state;
	const char *loop =
		"{\"sentences\": ["
		"{\"events\": [1], \"text\": \"A car.\"}, {\"events\": [2], \"text\": \"A car.\"},"
		"{\"events\": [3], \"text\": \"A car.\"}, {\"events\": [4], \"text\": \"A car.\"},"
		"{\"events\": [5], \"text\": \"A car.\"}]}";
	say(loop);
	say("{\"sentences\": [{\"events\": [1], \"text\": \"A van.\"}]}");
	say(loop);
	say("{\"sentences\": [{\"events\": [11], \"text\": \"A van, at last.\"}]}");
	assert_ok(sum_up(60, 80000));
	assert_int_equal(summary.n_sections, 2);
	assert_string_equal(summary.sections[0].fallback, "it repeats the same sentences");
	assert_int_equal(summary.sections[0].n, 30);
	assert_section(&summary.sections[1], "A van. 30");
	assert_int_equal(asked, 4);
	/* Ten or more of the first section, then the van. */
	assert_int_equal(summary.whole.n, 1);
	assert_string_equal(summary.whole.fallback, "");
}

static void many_entries_are_a_tree(void **state)
{
	(void)state;
	assert_ok(sum_up(5000, 80000));
	assert_int_equal(summary.n_sections, 125);
	assert_int_equal(asked, 125 + 4 + 1);
	assert_int_equal(rounds, 3);
	assert_int_equal(summary.whole.n, 1);
	assert_int_equal(summary.whole.sentences[0].n_entries, 5000); /* it names all there is */
	assert_int_equal(summary.sections[1].start, 400 * S);

	/* A request takes no more than it may. */
	assert_ok(sum_up(100, 500));
	assert_true(longest <= 500);

	/* After the engine failed, nothing more is asked. */
	failure = ERR_ENGINE;
	assert_ok(sum_up(5000, 80000));
	assert_int_equal(rounds, 1);
	assert_int_equal(asked, 125);
	assert_int_equal(summary.whole.n, 0);
	assert_string_equal(summary.whole.fallback, "no answer");
}

/* What is estimated is what is asked. */
static void requests_are_counted_beforehand(void **state)
{
	(void)state;
	static const size_t lengths[] = {1, 2, 39, 40, 41, 100, 480, 1000, 5000};
	in_pairs = true;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		assert_ok(sum_up(lengths[i], 80000));
		struct story_requests q = story_count_requests(lengths[i], STORY_ENTRIES_MAX);
		assert_int_equal(asked, q.requests);
		assert_true(q.requests == 0 || q.lines >= lengths[i]);
	}
	in_pairs = false;
	assert_int_equal(story_count_requests(0, STORY_ENTRIES_MAX).requests, 0);
	assert_int_equal(story_count_requests(13, 10).requests, 3);
}

static void a_single_entry_is_its_own_summary(void **state)
{
	(void)state;
	assert_ok(sum_up(1, 8000));
	assert_section(&summary.whole, "Car 0 enters. 0");
	assert_int_equal(asked, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, forget, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sentences_name_entries),
		TEST(what_names_no_entry_is_left_out),
		TEST(numbers_are_those_of_the_entries),
		TEST(a_useless_answer_is_asked_for_again),
		TEST(without_the_model_the_entries_are_listed),
		TEST(repetition_costs_only_its_section),
		TEST(many_entries_are_a_tree),
		TEST(requests_are_counted_beforehand),
		TEST(a_single_entry_is_its_own_summary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
