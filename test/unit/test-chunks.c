/* SPDX-License-Identifier: Apache-2.0 */
/* All chunks of a run, and the description of one. */
#include "fake-run.h"

#include "job/chunks.h"

/* The states of the job's chunks in the journal, a letter each. */
static const char *journal(void)
{
	static char letters[CHUNKS + 1];
	struct store_chunk *chunks = NULL;
	struct err err;
	size_t n = 0;
	assert_ok(store_chunks_load(run.store, job, STORE_BARE, &chunks, &n, &err));
	for (size_t i = 0; i < n; i++) {
		letters[i] = chunk_state_letter(chunks[i].state);
		store_chunk_clear(&chunks[i]);
	}
	letters[n] = '\0';
	free(chunks);
	return letters;
}

static const struct store_chunk *journaled(size_t index, struct store_chunk *ret)
{
	struct store_chunk *chunks = NULL;
	struct err err;
	size_t n = 0;
	assert_ok(store_chunks_load(run.store, job, STORE_ALL, &chunks, &n, &err));
	for (size_t i = 0; i < n; i++)
		if (i == index)
			*ret = chunks[i];
		else
			store_chunk_clear(&chunks[i]);
	free(chunks);
	return ret;
}

static struct chunks_options chunks_options(void)
{
	return (struct chunks_options){
		.describe = {.frame_size = 64, .quality = 80, .prompt = "", .max_tokens = 100},
		.workers = 1,
		.drain = drain};
}

/* All of the plan, in the journal from the start. */
static int do_chunks(const struct chunks_options *o, const struct store_chunk *before,
                     size_t n_before, struct chunks_outcome *ret, struct err *err)
{
	AUTO(chunks_freep) struct chunks *c = chunks_new(&run, o, -1, NULL);
	add_to_journal();
	chunks_open(c, job);
	chunks_extend(c, plan, before, n_before, CHUNKS);
	return chunks_finish(c, ret, err);
}

/* ---- chunks */

static void every_chunk_is_described_and_journaled(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	AUTO(store_chunk_clear) struct store_chunk c = {0};
	struct chunks_options o = chunks_options();
	struct err err;
	o.workers = 0; /* one more than slots */
	assert_ok(do_chunks(&o, NULL, 0, &outcome, &err));
	assert_int_equal(outcome.chunks, CHUNKS);
	assert_int_equal(outcome.holes, 0);
	assert_true(outcome.fresh);
	assert_string_equal(outcome.first_hole, "");
	assert_string_equal(journal(), "dddddd");
	assert_int_equal(results, CHUNKS);
	assert_int_equal(fake_engine.expected, 0);
	journaled(2, &c);
	assert_string_equal(c.summary, "A car.");
	assert_int_equal(c.n_samples, 2);
	assert_int_equal(c.events[0].samples[0], 0);
	assert_string_equal(c.endpoint, "fake");
}

/* Work begins before the run is in the journal; only saving waits. */
static void saving_waits_for_the_journal(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct chunks_options o = chunks_options();
	struct err err;
	o.workers = CHUNKS;
	AUTO(chunks_freep) struct chunks *c = chunks_new(&run, &o, -1, NULL);
	chunks_extend(c, plan, NULL, 0, CHUNKS);
	pthread_mutex_lock(&fake_engine.lock);
	while (fake_engine.asked < CHUNKS)
		pthread_cond_wait(&fake_engine.changed, &fake_engine.lock);
	pthread_mutex_unlock(&fake_engine.lock);
	add_to_journal();
	assert_string_equal(journal(), "......");
	assert_int_equal(results, 0);
	chunks_open(c, job);
	assert_ok(chunks_finish(c, &outcome, &err));
	assert_string_equal(journal(), "dddddd");
}

/* Its caller gives up before the hash was known. */
static void a_run_that_never_opens_is_ended(void **state)
{
	(void)state;
	const struct chunks_options o = chunks_options();
	struct chunks *c = chunks_new(&run, &o, -1, NULL);
	chunks_extend(c, plan, NULL, 0, CHUNKS);
	chunks_free(c);
	assert_int_equal(fake_engine.expected, 0);
}

static void a_chunk_that_fails_is_a_hole(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	AUTO(store_chunk_clear) struct store_chunk c = {0};
	const struct chunks_options o = chunks_options();
	struct err err;
	fake_engine.fail_at = 2;
	fake_fail_from = plan->chunks[4].start;
	assert_ok(do_chunks(&o, NULL, 0, &outcome, &err));
	assert_string_equal(journal(), "dhddhh");
	assert_int_equal(outcome.holes, 3);
	assert_string_equal(outcome.first_hole, "the engine answered HTTP 500");
	journaled(1, &c);
	assert_int_equal(c.code, HOLE_ENGINE);
	store_chunk_clear(&c);
	journaled(4, &c);
	assert_int_equal(c.code, HOLE_DECODE);
	assert_string_equal(c.reason, "none of its frames could be decoded: the data is damaged");
}

static void an_answer_that_cannot_be_used_is_asked_for_twice(void **state)
{
	(void)state;
	static const struct {
		const char *answer, *finish_reason;
		enum hole_code code;
	} cases[] = {{"Sure! Here it is.", "stop", HOLE_ANSWER},
	             {"{\"summary\": \"A", "length", HOLE_CUT_OFF}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct store_chunk c = {0};
		struct err err;
		struct chunks_options o = chunks_options();
		const struct plan_chunk *p = &plan->chunks[0];
		struct describe_worker w = {.run = &run, .options = &o.describe, .fd = -1};
		fake_engine.asked = 0;
		fake_engine.answer = cases[i].answer;
		fake_engine.finish_reason = cases[i].finish_reason;
		c = (struct store_chunk){.start = p->start, .end = p->end};
		assert_ok(describe_chunk(&w, p, NULL, &c, &err));
		assert_int_equal(c.state, CHUNK_HOLE);
		assert_int_equal(c.code, cases[i].code);
		assert_int_equal(fake_engine.asked, 2);
		store_chunk_clear(&c);
		describe_close(&w);
	}
}

static void an_interrupted_run_keeps_what_is_finished(void **state)
{
	(void)state;
	struct chunks_outcome outcome = {0};
	const struct chunks_options o = chunks_options();
	struct err err;
	fake_engine.cancel_at = 3;
	assert_int_equal(do_chunks(&o, NULL, 0, &outcome, &err), -ERR_CANCELED);
	assert_string_equal(journal(), "dd....");
	assert_int_equal(fake_engine.asked, 3);
}

/* The chunk in progress is finished; no other is started. */
static void a_drained_run_ends_after_its_chunk(void **state)
{
	(void)state;
	struct chunks_outcome outcome = {0};
	const struct chunks_options o = chunks_options();
	struct err err;
	fake_engine.drain_at = 3;
	assert_int_equal(do_chunks(&o, NULL, 0, &outcome, &err), -ERR_CANCELED);
	assert_string_equal(journal(), "ddd...");
}

static void what_an_earlier_run_did_is_not_done_again(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	const struct chunks_options o = chunks_options();
	const struct store_chunk before[] = {{.state = CHUNK_DONE},
	                                     {.state = CHUNK_HOLE, .reason = "once"},
	                                     {.state = CHUNK_DONE},
	                                     {.state = CHUNK_TODO}};
	struct err err;
	assert_ok(do_chunks(&o, before, ARRAY_LEN(before), &outcome, &err));
	assert_int_equal(outcome.resumed, 2);
	assert_int_equal(fake_engine.asked, CHUNKS - 2);
	assert_string_equal(journal(), ".d.ddd");
}

static void only_the_wanted_chunks_are_done(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct chunks_options o = chunks_options();
	const int64_t only[] = {1, 4};
	struct err err;
	o.only = only;
	o.n_only = ARRAY_LEN(only);
	assert_ok(do_chunks(&o, NULL, 0, &outcome, &err));
	assert_string_equal(journal(), ".d..d.");
	assert_int_equal(outcome.holes, CHUNKS - 2);
	assert_string_equal(outcome.first_hole, "not done yet");
}

static void a_time_limit_leaves_holes_with_its_option(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	AUTO(store_chunk_clear) struct store_chunk c = {0};
	struct chunks_options o = chunks_options();
	struct err err;
	o.time_limit = -1; /* over before it begins */
	assert_ok(do_chunks(&o, NULL, 0, &outcome, &err));
	assert_string_equal(journal(), "hhhhhh");
	assert_int_equal(fake_engine.asked, 0);
	journaled(0, &c);
	assert_int_equal(c.code, HOLE_TIME_LIMIT);
	assert_string_equal(c.option, "job-timeout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_chunk_is_described_and_journaled),
		TEST(saving_waits_for_the_journal),
		TEST(a_run_that_never_opens_is_ended),
		TEST(a_chunk_that_fails_is_a_hole),
		TEST(an_answer_that_cannot_be_used_is_asked_for_twice),
		TEST(an_interrupted_run_keeps_what_is_finished),
		TEST(a_drained_run_ends_after_its_chunk),
		TEST(what_an_earlier_run_did_is_not_done_again),
		TEST(only_the_wanted_chunks_are_done),
		TEST(a_time_limit_leaves_holes_with_its_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
