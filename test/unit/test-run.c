/* SPDX-License-Identifier: Apache-2.0 */
/* The other steps of a run: startup, survey, merge. */
#include "fake-run.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "job/merge.h"
#include "job/startup.h"
#include "job/survey.h"
#include "report/report.h"

/* ---- startup */

static int temporary_file(void)
{
	char path[] = "/tmp/vdet-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, "abc", 3) == 3);
	unlink(path);
	return fd;
}

static void startup_hashes_and_starts_the_engine(void **state)
{
	(void)state;
	AUTO(fd_closep) int fd = temporary_file();
	AUTO(startup_freep) struct startup *s = startup_begin(&run, fd, 3, NULL);
	char sha256[HASH_HEX];
	struct err err;
	assert_ok(startup_hash(s, false, sha256, &err));
	assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(startup_hashed(s));
	assert_ok(startup_engine(s, &err));
}

static void a_known_hash_is_not_computed(void **state)
{
	(void)state;
	AUTO(startup_freep) struct startup *s = startup_begin(&run, -1, 3, "0123");
	char sha256[HASH_HEX];
	struct err err;
	assert_true(startup_hashed(s));
	assert_ok(startup_hash(s, false, sha256, &err));
	assert_string_equal(sha256, "0123");
}

static void a_failed_engine_is_reported(void **state)
{
	(void)state;
	AUTO(startup_freep) struct startup *s = NULL;
	struct err err;
	fake_engine.start_result = -1;
	s = startup_begin(&run, -1, 3, "0123");
	assert_int_equal(startup_engine(s, &err), -ERR_ENGINE);
	assert_string_equal(err.msg, "no such model");
	assert_int_equal(startup_engine(s, &err), -ERR_ENGINE); /* also when asked again */
}

/* What the engine does meanwhile is shown; the wait ends with it. */
static void release(void *ctx, const struct progress_event *event)
{
	(void)ctx;
	if (event->type != PROGRESS_PHASE || strcmp(event->view->detail, "loading model") != 0)
		return;
	pthread_mutex_lock(&fake_engine.lock);
	fake_engine.hold_start = false;
	pthread_cond_broadcast(&fake_engine.changed);
	pthread_mutex_unlock(&fake_engine.lock);
}

static void waiting_for_the_engine_shows_what_it_does(void **state)
{
	(void)state;
	AUTO(progress_freep) struct progress *p = progress_new(release, NULL);
	struct run_context shown = run;
	struct err err;
	fake_engine.hold_start = true;
	shown.progress = p;
	AUTO(startup_freep) struct startup *s = startup_begin(&shown, -1, 3, "0123");
	assert_ok(startup_engine(s, &err));
}

/* ---- survey */

static struct survey_options survey_options(enum plan_policy policy)
{
	return (struct survey_options){
		.plan = {.chunk_duration = 10 * S, .chunk_frames = 2, .policy = policy}, .plan_file = ""};
}

static struct survey new_survey(const struct survey_options *o)
{
	return (struct survey){.run = &run, .options = o, .fd = -1, .duration = CHUNKS * 10 * S};
}

static void an_even_plan_needs_no_index(void **state)
{
	(void)state;
	const struct survey_options o = survey_options(PLAN_EVEN);
	AUTO(survey_clear) struct survey s = new_survey(&o);
	struct err err;
	assert_ok(survey_step(&s, NULL, &err));
	assert_true(s.whole);
	assert_int_equal(s.plan->n_chunks, CHUNKS);
	assert_int_equal(fake_index_begun, 0);
	assert_ok(survey_keep(&s, "0123", &err));
	assert_int_equal(fake_index_saved, 0);
}

static void without_an_index_the_plan_is_even(void **state)
{
	(void)state;
	const struct survey_options o = survey_options(PLAN_ADAPTIVE);
	AUTO(survey_clear) struct survey s = new_survey(&o);
	struct err err;
	fake_index_result = -ERR_FORMAT;
	assert_ok(survey_step(&s, NULL, &err));
	assert_true(s.whole);
	assert_int_equal(s.plan->n_chunks, CHUNKS);
	assert_int_equal(s.plan->until, CHUNKS * 10 * S);
	assert_int_equal(fake_index_begun, 1);
}

static void a_kept_index_is_not_made_again(void **state)
{
	(void)state;
	const struct survey_options o = survey_options(PLAN_ADAPTIVE);
	AUTO(survey_clear) struct survey s = new_survey(&o);
	struct err err;
	fake_index_kept = true;
	assert_ok(survey_step(&s, "0123", &err));
	assert_true(s.whole);
	assert_int_equal(fake_index_begun, 0);
	assert_ok(survey_keep(&s, "0123", &err));
	assert_int_equal(fake_index_saved, 0);
}

static void a_new_index_is_kept(void **state)
{
	(void)state;
	const struct survey_options o = survey_options(PLAN_ADAPTIVE);
	AUTO(survey_clear) struct survey s = new_survey(&o);
	struct err err;
	assert_ok(survey_step(&s, "0123", &err));
	assert_true(s.whole && json_is_object(s.seen));
	assert_ok(survey_keep(&s, "0123", &err));
	assert_int_equal(fake_index_saved, 1);
}

static void an_interrupted_survey_says_so(void **state)
{
	(void)state;
	const struct survey_options o = survey_options(PLAN_EVEN);
	AUTO(survey_clear) struct survey s = new_survey(&o);
	struct err err;
	cancel_fire(run.cancel);
	assert_int_equal(survey_step(&s, NULL, &err), -ERR_CANCELED);
}

static void an_earlier_plan_is_recalled(void **state)
{
	(void)state;
	const struct survey_options o = survey_options(PLAN_EVEN);
	AUTO(survey_clear) struct survey s = new_survey(&o), damaged = new_survey(&o);
	json_auto_t *facts = json_pack("{s:o}", "plan", plan_json(plan));
	AUTO(mem_freep) char *text = json_dumps(facts, JSON_COMPACT);
	struct err err;
	assert_ok(survey_recall(&s, text, &err));
	assert_true(s.whole);
	assert_int_equal(s.plan->n_chunks, CHUNKS);
	assert_int_equal(s.plan->chunks[5].times[1], plan->chunks[5].times[1]);
	assert_int_equal(survey_recall(&damaged, "{}", &err), -ERR_FORMAT);
	assert_null(damaged.plan);
}

static void a_given_plan_excludes_a_range(void **state)
{
	(void)state;
	struct survey_options o = survey_options(PLAN_EVEN);
	struct plan *given = NULL;
	struct err err;
	assert_ok(survey_given(&o, 60 * S, &given, &err));
	assert_null(given);
	o.plan_file = "/nonexistent";
	assert_int_equal(survey_given(&o, 60 * S, &given, &err), -ERR_NOENT);
	o.plan.from = S;
	assert_int_equal(survey_given(&o, 60 * S, &given, &err), -ERR_ARG);
	assert_null(given);
}

/* ---- merge */

static const struct merge_options options = {.prompt = "", .language = ""};

/* `done` of the chunks are described, each differently, with an event that is
 * `what`, a format for its number, unless that is NULL. */
static void describe_some(size_t done, const char *what)
{
	add_to_journal();
	for (size_t i = 0; i < CHUNKS; i++) {
		char summary[40];
		size_t shown[] = {0};
		struct store_sample sample = {.time = plan->chunks[i].start,
		                              .pts = plan->chunks[i].start,
		                              .decode_path = "",
		                              .fault = ""};
		AUTO(mem_freep) char *said = mem_printf(what ? what : "", i);
		struct store_event event = {.what = said, .samples = shown, .n_samples = 1};
		struct err err;
		snprintf(summary, sizeof summary, "Summary %zu.", i);
		const struct store_chunk c = {.index = (int64_t)i,
		                              .state = i < done ? CHUNK_DONE : CHUNK_HOLE,
		                              .summary = summary,
		                              .reason = "",
		                              .samples = &sample,
		                              .n_samples = 1,
		                              .events = &event,
		                              .n_events = what && i < done};
		assert_ok(store_chunk_save(run.store, job, &c, &err));
	}
}

static struct store_job the_job(void)
{
	struct store_job j = {0};
	struct err err;
	assert_ok(store_job_find(run.store, job, &j, &err));
	return j;
}

static void the_model_names_the_events(void **state)
{
	(void)state;
	AUTO(report_freep) struct report *report = NULL;
	struct err err;
	describe_some(CHUNKS, "car %zu comes");
	AUTO(store_job_clear) struct store_job j = the_job();
	fake_engine.answer = "{\"sentences\": [{\"events\": [1, 3], \"text\": \"Cars\\ncome.\"},"
						 "{\"events\": [99], \"text\": \"So does a ghost.\"}]}";
	assert_ok(merge_summary(&run, &options, &j, &err));
	assert_true(j.summary_by_model);
	assert_string_equal(j.summary, "Cars come. [00:00:00, 00:00:20]");
	assert_string_equal(j.summary_fallback, "");
	assert_int_equal(fake_engine.asked, 1);

	/* The answer is in the journal. */
	assert_ok(merge_summary(&run, &options, &j, &err));
	assert_int_equal(fake_engine.asked, 1);
	assert_ok(store_job_update(run.store, &j, 0, 0, &err));
	assert_ok(report_load_text(run.store, job, REPORT_NORMAL, &report, &err));
	assert_int_equal(report->sentences.whole.n, 1);
	assert_int_equal(report->sentences.whole.sentences[0].n_entries, 2);
	assert_int_equal(report->sentences.whole.sentences[0].entries[1], 2);

	/* In another language it has to be asked for. */
	const struct merge_options german = {.prompt = "", .language = "German"};
	bool needed;
	assert_ok(merge_needed(&run, &options, &j, &needed, &err));
	assert_false(needed);
	assert_ok(merge_needed(&run, &german, &j, &needed, &err));
	assert_true(needed);
	assert_ok(merge_summary(&run, &german, &j, &err));
	assert_int_equal(fake_engine.asked, 2);
	assert_ok(merge_needed(&run, &german, &j, &needed, &err));
	assert_false(needed);
}

/* A new answer about one chunk changes which events there are. */
static void sentences_about_events_that_are_gone_are_left_out(void **state)
{
	(void)state;
	AUTO(report_freep) struct report *report = NULL;
	const struct store_chunk gone = {
		.index = 2, .state = CHUNK_HOLE, .summary = "", .reason = "it failed"};
	struct err err;
	describe_some(CHUNKS, "car %zu comes");
	AUTO(store_job_clear) struct store_job j = the_job();
	fake_engine.answer = "{\"sentences\": [{\"events\": [3], \"text\": \"A car.\"},"
						 "{\"events\": [4], \"text\": \"Another car.\"}]}";
	assert_ok(merge_summary(&run, &options, &j, &err));
	assert_ok(store_job_update(run.store, &j, 0, 0, &err));
	assert_ok(store_chunk_save(run.store, job, &gone, &err));
	assert_ok(report_load_text(run.store, job, REPORT_NORMAL, &report, &err));
	assert_int_equal(report->sentences.whole.n, 1);
	assert_string_equal(report->sentences.whole.sentences[0].text, "Another car.");
	assert_string_equal(report->summary, "Another car. [00:00:30]");
	assert_int_equal(report->sentences.whole.sentences[0].entries[0], 2);
}

static void without_events_it_is_made_from_the_chunks(void **state)
{
	(void)state;
	struct err err;
	describe_some(CHUNKS, NULL);
	AUTO(store_job_clear) struct store_job j = the_job();
	fake_engine.answer = "A car is\nparked.";
	assert_ok(merge_summary(&run, &options, &j, &err));
	assert_true(j.summary_by_model);
	assert_string_equal(j.summary, "A car is parked.");
	assert_string_equal(j.summary_fallback, "");
	assert_int_equal(fake_engine.asked, 1);
}

static void one_event_is_its_own_summary(void **state)
{
	(void)state;
	struct err err;
	describe_some(2, "a car comes"); /* in two chunks: one event */
	AUTO(store_job_clear) struct store_job j = the_job();
	assert_ok(merge_summary(&run, &options, &j, &err));
	assert_true(j.summary_by_model);
	assert_string_equal(j.summary, "a car comes [00:00:00]");
	assert_int_equal(fake_engine.asked, 0);
}

static void without_the_model_it_is_the_timeline(void **state)
{
	(void)state;
	struct err err;
	describe_some(2, "car %zu comes");
	AUTO(store_job_clear) struct store_job j = the_job();
	fake_engine.fail_at = 1;
	assert_ok(merge_summary(&run, &options, &j, &err));
	assert_false(j.summary_by_model);
	assert_string_equal(j.summary, "00:00:00 car 0 comes\n00:00:10 car 1 comes");
	assert_string_equal(j.summary_fallback, "the engine answered HTTP 500");

	/* The next run tries again. */
	bool needed;
	assert_ok(merge_needed(&run, &options, &j, &needed, &err));
	assert_true(needed);
}

static void an_interrupted_summary_leaves_the_job_as_it_was(void **state)
{
	(void)state;
	struct err err;
	describe_some(2, "car %zu comes");
	AUTO(store_job_clear) struct store_job j = the_job();
	fake_engine.cancel_at = 1;
	assert_int_equal(merge_summary(&run, &options, &j, &err), -ERR_CANCELED);
	assert_string_equal(j.summary, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(startup_hashes_and_starts_the_engine),
		TEST(a_known_hash_is_not_computed),
		TEST(a_failed_engine_is_reported),
		TEST(waiting_for_the_engine_shows_what_it_does),
		TEST(an_even_plan_needs_no_index),
		TEST(without_an_index_the_plan_is_even),
		TEST(a_kept_index_is_not_made_again),
		TEST(a_new_index_is_kept),
		TEST(an_interrupted_survey_says_so),
		TEST(an_earlier_plan_is_recalled),
		TEST(a_given_plan_excludes_a_range),
		TEST(the_model_names_the_events),
		TEST(sentences_about_events_that_are_gone_are_left_out),
		TEST(without_events_it_is_made_from_the_chunks),
		TEST(one_event_is_its_own_summary),
		TEST(without_the_model_it_is_the_timeline),
		TEST(an_interrupted_summary_leaves_the_job_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
