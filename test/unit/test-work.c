/* SPDX-License-Identifier: Apache-2.0 */
/* A run whose chunks and looks are done by a runner in this process, as units
 * of work. */
#include "fake-run.h"

#include "job/check.h"
#include "job/chunk-run.h"
#include "job/chunks.h"
#include "job/prompt.h"
#include "work/index.h"
#include "work/work.h"

static const char source[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct local {
	struct work *work;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int runs, settled, rejected, capacity, running;
	int wait_for; /* a run waits until so many run; 0 = does not wait */
	int wrong;    /* so many results are */
	bool stuck;   /* waits for its cancel */
	bool fails;   /* the engine does, in checks */
	int opened, uses, progress;
	bool unreadable; /* bytes of the video cannot be had */
	char last[RUNNER_MAX_ID + 1];
} local;

static int open_video(void *ctx, void *call, const char *sha256, struct cancel *cancel,
                      struct work_video *ret, struct err *err)
{
	(void)ctx;
	(void)call;
	(void)cancel;
	(void)err;
	assert_string_equal(sha256, source);
	__atomic_add_fetch(&local.opened, 1, __ATOMIC_SEQ_CST);
	*ret = (struct work_video){.fd = -1};
	return 0;
}

static void use_video(struct work_video *v, void *call)
{
	(void)v;
	(void)call;
	__atomic_add_fetch(&local.uses, 1, __ATOMIC_SEQ_CST);
}

static bool video_fault(struct work_video *v, struct err *ret)
{
	(void)v;
	if (local.unreadable)
		err_set(ret, ERR_IO, "the head cannot be reached");
	return local.unreadable;
}

static void close_video(struct work_video *v)
{
	(void)v;
	__atomic_sub_fetch(&local.opened, 1, __ATOMIC_SEQ_CST);
}

static void note_progress(void *ctx)
{
	(void)ctx;
	__atomic_add_fetch(&local.progress, 1, __ATOMIC_SEQ_CST);
}

/* As if the unit and its result went to another machine and back. */
static int do_unit(const struct runner_unit *u, struct cancel *cancel, struct runner_result *ret,
                   struct err *err)
{
	AUTO(mem_freep) char *body = mem_strdup(u->body);
	struct runner_unit copy = *u;
	const struct work_call call = {.cancel = cancel, .progress = note_progress};
	copy.body = body;
	int r = work_run(local.work, &copy, &call, ret, err);
	ret->worker = mem_strdup("here");
	return r;
}

static int run_unit(void *ctx, const struct runner_unit *u, struct cancel *cancel,
                    struct runner_result *ret, struct err *err)
{
	assert_ptr_equal(ctx, &local);
	assert_true(runner_id_valid(u->id));
	pthread_mutex_lock(&local.lock);
	int n = ++local.runs;
	local.running++;
	pthread_cond_broadcast(&local.changed);
	while (local.wait_for && local.running < local.wait_for)
		pthread_cond_wait(&local.changed, &local.lock);
	pthread_mutex_unlock(&local.lock);
	if (local.stuck) {
		cancel_fire(run.cancel);
		cancel_wait_until(cancel, NULL, INT64_MAX);
		return err_set(err, ERR_CANCELED, "interrupted");
	}
	int r = do_unit(u, cancel, ret, err);
	if (r == 0 && n <= local.wrong) {
		free(ret->body);
		ret->body = mem_strdup("{}");
	}
	return r;
}

static void settle(void *ctx, const char *id)
{
	assert_ptr_equal(ctx, &local);
	assert_true(runner_id_valid(id));
	pthread_mutex_lock(&local.lock);
	local.settled++;
	snprintf(local.last, sizeof local.last, "%s", id);
	pthread_mutex_unlock(&local.lock);
}

static void reject(void *ctx, const char *id, const char *why)
{
	assert_ptr_equal(ctx, &local);
	assert_true(runner_id_valid(id));
	assert_non_null(strstr(why, "no valid"));
	pthread_mutex_lock(&local.lock);
	local.rejected++;
	pthread_mutex_unlock(&local.lock);
}

static int capacity(void *ctx)
{
	assert_ptr_equal(ctx, &local);
	return local.capacity;
}

static const struct runner here = {
	.run = run_unit, .settle = settle, .reject = reject, .capacity = capacity, .ctx = &local};

static int begin(void **state)
{
	int r = set_up(state);
	local = (struct local){
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .capacity = 1};
	const struct work_setup setup = {.engine = &fake_engine,
	                                 .videos = {.open = open_video,
	                                            .use = use_video,
	                                            .fault = video_fault,
	                                            .close = close_video},
	                                 .lanes = 2};
	local.work = work_new(&setup);
	run.runner = &here;
	return r;
}

static int end(void **state)
{
	work_free(local.work);
	assert_int_equal(local.opened, 0);
	return tear_down(state);
}
#define RUN(f) cmocka_unit_test_setup_teardown(f, begin, end)

static int do_chunks(struct chunks_outcome *ret, struct err *err)
{
	const struct chunks_options o = {
		.describe = {.frame_size = 64, .quality = 80, .prompt = "", .max_tokens = 100},
		.source = source,
		.drain = drain};
	AUTO(chunks_freep) struct chunks *c = chunks_new(&run, &o, -1, NULL);
	add_to_journal();
	chunks_extend(c, plan, NULL, 0, CHUNKS);
	chunks_open(c, job);
	return chunks_finish(c, ret, err);
}

static struct store_chunk *load(size_t *ret_n)
{
	struct store_chunk *chunks = NULL;
	struct err err;
	assert_ok(store_chunks_load(run.store, job, STORE_ALL, &chunks, ret_n, &err));
	return chunks;
}

static void clear(struct store_chunk *chunks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store_chunk_clear(&chunks[i]);
	free(chunks);
}

static void a_runner_does_the_chunks(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct err err;
	size_t n = 0;
	assert_ok(do_chunks(&outcome, &err));
	assert_int_equal(outcome.holes, 0);
	assert_int_equal(local.runs, CHUNKS);
	assert_int_equal(local.settled, CHUNKS);
	assert_int_equal(results, CHUNKS);
	assert_int_equal(fake_engine.expected, 0); /* no queue of this engine */
	assert_true(local.progress >= 2 * CHUNKS);
	assert_int_equal(local.uses, CHUNKS - 1); /* one lane */

	struct store_chunk *chunks = load(&n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(chunks[i].state, CHUNK_DONE);
		assert_string_equal(chunks[i].summary, "A car.");
		assert_string_equal(chunks[i].endpoint, "fake");
		assert_int_equal(chunks[i].samples[1].time, plan->chunks[i].times[1]);
		assert_int_equal(chunks[i].events[0].n_samples, 1);
	}
	clear(chunks, n);
}

static void a_unit_that_fails_is_a_hole_and_is_not_settled(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct err err;
	size_t n = 0;
	fake_engine.fail_at = 2;
	fake_fail_from = plan->chunks[4].start;
	assert_ok(do_chunks(&outcome, &err));
	assert_int_equal(outcome.holes, 3);
	assert_int_equal(local.settled, CHUNKS - 3);
	struct store_chunk *chunks = load(&n);
	assert_int_equal(chunks[1].code, HOLE_ENGINE);
	assert_string_equal(chunks[1].reason, "the engine answered HTTP 500");
	assert_int_equal(chunks[4].code, HOLE_DECODE);
	clear(chunks, n);
}

static void a_wrong_result_is_rejected_and_the_unit_done_again(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct err err;
	local.wrong = 2;
	assert_ok(do_chunks(&outcome, &err));
	assert_int_equal(outcome.holes, 0);
	assert_int_equal(local.rejected, 2);
	assert_int_equal(local.settled, CHUNKS);
	assert_int_equal(local.runs, CHUNKS + 2);
}

static void a_video_that_cannot_be_read_is_no_hole_of_it(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct err err;
	local.unreadable = true;
	assert_ok(do_chunks(&outcome, &err));
	assert_int_equal(outcome.holes, CHUNKS);
	assert_string_equal(outcome.first_hole, "the video cannot be read: the head cannot be reached");
}

static void as_many_threads_wait_as_the_runner_has_room_for(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct err err;
	local.capacity = 1000;
	local.wait_for = CHUNKS;
	assert_ok(do_chunks(&outcome, &err));
	assert_int_equal(local.settled, CHUNKS);
}

/* What waits for a worker that never comes is ended. */
static void a_cancel_ends_what_the_runner_does(void **state)
{
	(void)state;
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	struct err err;
	local.stuck = true;
	assert_int_equal(do_chunks(&outcome, &err), -ERR_CANCELED);
	assert_int_equal(local.settled, 0);
}

/* ---- checks */

/* The statements of chunks that were described before. */
static int do_checks(bool *ret_again, struct err *err)
{
	AUTO(chunks_outcome_clear) struct chunks_outcome outcome = {0};
	AUTO(store_job_clear) struct store_job j = {0};
	const struct check_options o = {.mode = CHECKS_ALL,
	                                .describe = {.frame_size = 64, .quality = 80, .prompt = ""},
	                                .source = source,
	                                .drain = drain};
	const struct local before = local;
	local.wrong = local.wait_for = 0;
	local.stuck = false;
	assert_ok(do_chunks(&outcome, err));
	local.wrong = before.wrong;
	local.stuck = before.stuck;
	local.wait_for = before.wait_for;
	local.runs = local.settled = 0;
	fake_engine.asked = 0;
	fake_engine.answer = "B";
	fake_engine.fail_always = local.fails;
	assert_ok(store_job_find(run.store, job, &j, err));
	return check_run(&run, &o, -1, &j, ret_again, err);
}

/* Verdicts with a letter, and controls. */
static int answers(void)
{
	struct store_verdict *v = NULL;
	struct store_control *c = NULL;
	AUTO(mem_freep) char *model = check_model_name(&fake_engine.info);
	struct err err;
	size_t n = 0, controls = 0;
	int answered = 0;
	char prompt[HASH_HEX];
	prompt_check_hash(prompt);
	assert_ok(store_verdicts_load(run.store, job, &v, &n, &err));
	assert_ok(store_controls_load(run.store, job, model, prompt, &c, &controls, &err));
	for (size_t i = 0; i < n; i++)
		answered += v[i].answer.letter != '\0' && v[i].n_frames > 0;
	store_verdicts_free(v, n);
	store_controls_free(c, controls);
	return answered + (int)controls;
}

static void a_runner_does_the_checks(void **state)
{
	(void)state;
	struct err err;
	bool again;
	local.capacity = 3;
	assert_ok(do_checks(&again, &err));
	assert_false(again);
	assert_true(answers() > 0);
	assert_int_equal(answers(), fake_engine.asked);
	assert_int_equal(local.settled, local.runs);
	assert_true(local.runs <= fake_engine.asked); /* of one or several statements */
	assert_int_equal(fake_engine.expected, 0);
}

static void a_wrong_answer_is_rejected_and_asked_for_again(void **state)
{
	(void)state;
	struct err err;
	bool again;
	local.wrong = 2;
	assert_ok(do_checks(&again, &err));
	assert_int_equal(local.rejected, 2);
	assert_int_equal(local.settled, local.runs - 2);
	assert_false(again);
}

static void checks_that_fail_stay_open_with_their_reason(void **state)
{
	(void)state;
	struct store_verdict *v = NULL;
	struct err err;
	size_t n = 0;
	bool again;
	local.fails = true;
	assert_ok(do_checks(&again, &err));
	assert_true(again);
	assert_int_equal(answers(), 0);
	assert_int_equal(local.settled, 0);
	assert_true(local.runs < CHUNKS); /* after some it is given up */
	assert_ok(store_verdicts_load(run.store, job, &v, &n, &err));
	assert_int_equal(n, CHUNKS);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(v[i].reason, "the engine answered HTTP 500");
	store_verdicts_free(v, n);
}

static void a_cancel_ends_checks_that_wait(void **state)
{
	(void)state;
	struct err err;
	bool again;
	local.stuck = true;
	assert_int_equal(do_checks(&again, &err), -ERR_CANCELED);
	assert_int_equal(answers(), 0);
}

static void a_range_of_an_index_is_decoded(void **state)
{
	(void)state;
	struct work_index index = {.model = "libraries", .most = 1};
	const struct work_setup setup = {.engine = &fake_engine,
	                                 .videos = {.open = open_video,
	                                            .use = use_video,
	                                            .fault = video_fault,
	                                            .close = close_video},
	                                 .index = &index,
	                                 .lanes = 1};
	const struct work_call call = {0};
	const struct index_unit range = {.look = {.from = 3, .to = 9}};
	AUTO(mem_freep) char *body = NULL;
	AUTO(runner_result_clear) struct runner_result result = {0}, none = {0};
	AUTO(signatures_clear) struct signatures s = {0};
	AUTO(grids_clear) struct grids g = {0};
	struct err err;
	assert_ok(index_unit_write(&range, &body, &err));
	struct runner_unit u = {.id = "a",
	                        .kind = INDEX_UNIT_KIND,
	                        .schema = INDEX_UNIT_SCHEMA,
	                        .model = "libraries",
	                        .source = source,
	                        .body = body};
	struct work *w = work_new(&setup);
	assert_ok(work_run(w, &u, &call, &result, &err));
	assert_ok(index_result_read(&range, &result, &s, &g, &err));
	assert_int_equal(s.n, 2);
	local.unreadable = true;
	assert_int_equal(work_run(w, &u, &call, &none, &err), -ERR_IO);
	local.unreadable = false;
	assert_true(work_index_takes(&index, "libraries"));
	u.model = "other libraries";
	assert_int_equal(work_run(w, &u, &call, &none, &err), -ERR_UNSUPPORTED);
	work_free(w);
}

static void units_of_other_kinds_and_versions_are_left_to_others(void **state)
{
	static const char text[] = "{\"samples_us\": [[0, 0, 1]], \"end_us\": 9, \"stream\": -1, "
							   "\"rate\": 0.0, \"gaps\": \"auto\"}";
	static const char speech[] = "{\"track\": 1, \"start_us\": 0, \"end_us\": 9, "
								 "\"duration_us\": 9, \"voices_us\": [], \"stream\": -1, "
								 "\"rate\": 0.0, \"gaps\": \"auto\"}";
	(void)state;
	const struct runner_unit units[] = {
		{.id = "a", .kind = "other", .schema = 1, .model = "", .source = source, .body = "{}"},
		{.id = "a", .kind = "chunk", .schema = 2, .model = "", .source = source, .body = "{}"},
		/* It has no reader, and no engine for speech. */
		{.id = "a", .kind = "text", .schema = 1, .model = "", .source = source, .body = text},
		{.id = "a", .kind = "speech", .schema = 1, .model = "", .source = source, .body = speech},
	};
	const struct work_call call = {0};
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		AUTO(runner_result_clear) struct runner_result result = {0};
		struct err err;
		assert_int_equal(work_run(local.work, &units[i], &call, &result, &err), -ERR_UNSUPPORTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_runner_does_the_chunks),
		RUN(a_unit_that_fails_is_a_hole_and_is_not_settled),
		RUN(a_wrong_result_is_rejected_and_the_unit_done_again),
		RUN(a_video_that_cannot_be_read_is_no_hole_of_it),
		RUN(as_many_threads_wait_as_the_runner_has_room_for),
		RUN(a_cancel_ends_what_the_runner_does),
		RUN(a_runner_does_the_checks),
		RUN(a_wrong_answer_is_rejected_and_asked_for_again),
		RUN(checks_that_fail_stay_open_with_their_reason),
		RUN(a_cancel_ends_checks_that_wait),
		RUN(a_range_of_an_index_is_decoded),
		RUN(units_of_other_kinds_and_versions_are_left_to_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
