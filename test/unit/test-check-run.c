/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a job: what is asked by several threads is in the journal once,
 * and what cannot be asked stays unchecked with its reason. */
#include "fake-run.h"

#include "job/check.h"
#include "job/chunks.h"
#include "job/prompt.h"
#include "report/report.h"

/* Every chunk says of a car that it turns, in one frame. */
static void describe(void)
{
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct err err;
	const struct chunks_options o = {
		.describe = {.frame_size = 64, .quality = 80, .prompt = "", .max_tokens = 100},
		.workers = 1};
	fake_engine.answer = "{\"summary\": \"A car.\", \"events\": [{\"subject\": \"a red car\", "
						 "\"what\": \"A red car turns.\", \"frames\": [1]}]}";
	AUTO(chunks_freep) struct chunks *c = chunks_new(&run, &o, -1, NULL);
	add_to_journal();
	chunks_open(c, job);
	chunks_extend(c, plan, NULL, 0, CHUNKS);
	assert_ok(chunks_finish(c, &outcome, &err));
	fake_engine.asked = 0;
	fake_engine.answer = "B";
}

static struct check_options check_options(enum check_mode mode)
{
	return (struct check_options){
		.mode = mode, .describe = {.frame_size = 64, .quality = 80, .prompt = ""}, .drain = drain};
}

static bool again; /* of the last run */

static int check(const struct check_options *o, struct err *err)
{
	AUTO(store_job_clear) struct store_job j = {0};
	assert_ok(store_job_find(run.store, job, &j, err));
	int r = check_run(&run, o, -1, &j, &again, err);
	assert_int_equal(fake_engine.expected, 0);
	return r;
}

/* How many statements have this verdict, and a reason with these words. */
static size_t count(enum check_verdict verdict, const char *reason)
{
	AUTO(report_freep) struct report *r = NULL;
	struct err err;
	size_t n = 0;
	assert_ok(report_load_text(run.store, job, REPORT_NORMAL, &r, &err));
	for (size_t i = 0; i < r->n_events; i++)
		for (size_t k = 0; k < r->events[i].n_parts; k++) {
			const struct report_check *c = &r->events[i].parts[k].check;
			n += c->verdict == verdict && strstr(c->reason ? c->reason : "", reason);
		}
	return n;
}

/* Answers in the journal: verdicts and controls. */
static size_t answers(void)
{
	struct store_verdict *v = NULL;
	struct store_controls sum;
	struct err err;
	size_t n = 0, answered = 0;
	char prompt[HASH_HEX];
	prompt_check_hash(prompt);
	assert_ok(store_verdicts_load(run.store, job, &v, &n, &err));
	assert_ok(store_controls_count(run.store, "fake", prompt, 0.8, 0.8, &sum, &err));
	for (size_t i = 0; i < n; i++)
		answered += v[i].answer.letter != '\0';
	store_verdicts_free(v, n);
	return answered + (size_t)(sum.no + sum.yes);
}

static void every_statement_is_checked_once(void **state)
{
	const struct check_options all = check_options(CHECKS_ALL), none = check_options(CHECKS_NONE);
	struct err err;
	(void)state;
	describe();
	assert_ok(check(&none, &err));
	assert_int_equal(fake_engine.asked, 0);
	assert_ok(check(&all, &err));
	assert_true(fake_engine.asked > CHUNKS); /* and controls */
	assert_int_equal(answers(), fake_engine.asked);
	assert_int_equal(count(VERDICT_UNCHECKED, "of the 40 controls"), CHUNKS);
	int asked = fake_engine.asked;
	assert_ok(check(&all, &err));
	assert_int_equal(fake_engine.asked, asked);
}

static void a_fifth_of_the_requests_is_the_most(void **state)
{
	const struct check_options doubtful = check_options(CHECKS_DOUBTFUL);
	struct err err;
	(void)state;
	describe();
	for (int i = 0; i < 2; i++) {
		assert_ok(check(&doubtful, &err));
		assert_int_equal(fake_engine.asked, 1); /* of six chunks */
		assert_int_equal(count(VERDICT_UNCHECKED, "a fifth"), CHUNKS);
	}
}

static void a_failing_engine_is_not_asked_for_long(void **state)
{
	const struct check_options all = check_options(CHECKS_ALL);
	struct err err;
	(void)state;
	describe();
	fake_engine.fail_always = true;
	assert_ok(check(&all, &err));
	assert_true(fake_engine.asked < 6);
	assert_int_equal(answers(), 0);
	assert_int_equal(count(VERDICT_UNCHECKED, "HTTP 500"), CHUNKS);
	assert_true(again);
	fake_engine.fail_always = false;
	fake_engine.asked = 0;
	assert_ok(check(&all, &err));
	assert_int_equal(answers(), fake_engine.asked);
	assert_false(again);
}

static void a_run_that_is_stopped_goes_on_later(void **state)
{
	struct check_options all = check_options(CHECKS_ALL);
	struct err err;
	(void)state;
	describe();
	all.workers = 1;
	fake_engine.drain_at = 3;
	assert_int_equal(check(&all, &err), -ERR_CANCELED);
	assert_int_equal(answers(), 3);
	all.drain = NULL;
	fake_engine.cancel_at = 5;
	assert_int_equal(check(&all, &err), -ERR_CANCELED);
	assert_int_equal(answers(), 4); /* the last one did not count any more */
}

static void what_cannot_be_asked_has_its_reason(void **state)
{
	struct check_options all = check_options(CHECKS_ALL);
	struct err err;
	(void)state;
	describe();
	all.deadline = 1;
	assert_ok(check(&all, &err));
	assert_int_equal(fake_engine.asked, 0);
	assert_int_equal(count(VERDICT_UNCHECKED, "job.timeout"), CHUNKS);
	assert_true(again);
	all.deadline = 0;
	fake_fail_from = 0;
	assert_ok(check(&all, &err));
	assert_int_equal(fake_engine.asked, 0);
	assert_int_equal(count(VERDICT_UNCHECKED, "none of its frames"), CHUNKS);
}

static void an_answer_without_a_letter_is_asked_for_twice(void **state)
{
	const struct check_options doubtful = check_options(CHECKS_DOUBTFUL);
	struct err err;
	(void)state;
	describe();
	fake_engine.answer = "It is hard to say.";
	assert_ok(check(&doubtful, &err));
	assert_int_equal(fake_engine.asked, 2);
	assert_int_equal(answers(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_statement_is_checked_once),
		TEST(a_fifth_of_the_requests_is_the_most),
		TEST(a_failing_engine_is_not_asked_for_long),
		TEST(a_run_that_is_stopped_goes_on_later),
		TEST(what_cannot_be_asked_has_its_reason),
		TEST(an_answer_without_a_letter_is_asked_for_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
