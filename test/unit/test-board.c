/* SPDX-License-Identifier: Apache-2.0 */
/* The case board without an engine: validation of requests, states of jobs,
 * restarts. */
#include "unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/opt.h"
#include "board/board.h"
#include "store/board-ask.h"
#include "store/board-case.h"

static char dir[64];
static struct board_options queue;
static struct analyze_options analyze;
static struct engine_options engine_options;
static struct engine *engine;
static struct store *store;
static struct events *events;
static struct board *board;
static char *videos;

static const struct opt_bind binds[] = {
	{&board_opt_group, &queue},   {&analyze_opt_group, &analyze},
	{&media_opt_group, &analyze}, {&index_opt_group, &analyze},
	{&text_opt_group, &analyze},  {&engine_opt_group, &engine_options}};
static const struct opt_set set = {binds, ARRAY_LEN(binds)};

static void open_board(void)
{
	struct err err = {0};
	const struct board_setup s = {.options = &queue,
	                              .analyze = &analyze,
	                              .engine = engine,
	                              .store = store,
	                              .events = events,
	                              .data_dir = dir,
	                              .locks_dir = dir};
	if (board_new(&s, &board, &err) < 0)
		fail_msg("%s", err.msg);
}

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);
	assert_non_null(j);
	return j;
}

static char *write_file(const char *name, const char *text)
{
	struct err err = {0};
	char *path = file_join(videos, name);
	assert_ok(file_write(path, text, strlen(text), &err));
	return path;
}

static int submit(const char *request, json_t **ret, struct err *err)
{
	json_auto_t *j = parse(request);
	return board_submit(board, j, ret, err);
}

static int64_t submit_ok(const char *request)
{
	struct err err = {0};
	json_auto_t *job = NULL;
	if (submit(request, &job, &err) < 0)
		fail_msg("%s", err.msg);
	return strtoll(json_string_value(json_object_get(job, "id")), NULL, 10);
}

/* A text field of a job; valid until the next call. */
static const char *word(int64_t id, const char *member)
{
	static char text[700];
	struct err err = {0};
	json_auto_t *job = NULL;
	assert_ok(board_job(board, id, &job, &err));
	const char *s = json_string_value(json_object_get(job, member));
	snprintf(text, sizeof text, "%s", s ? s : "");
	return text;
}

/* Reads the stream of events from `after` on until the job or case comes to
 * `state`. */
static uint64_t wait_for_event(uint64_t after, enum event_type type, int64_t id, const char *state)
{
	AUTO(mem_freep) char *wanted = mem_printf("\"state\":\"%s\"", state);
	for (;;) {
		bool gap;
		struct event *e = events_next(events, after, &gap);
		assert_false(gap);
		if (!e) {
			poll(NULL, 0, 5); /* the test's own timeout ends it if it never comes */
			continue;
		}
		after = e->seq;
		bool found = e->type == type && e->subject == id && strstr(e->json, wanted);
		event_release(e);
		if (found)
			return after;
	}
}

static uint64_t wait_for(uint64_t after, int64_t id, const char *state)
{
	return wait_for_event(after, EVENT_JOB, id, state);
}

static enum err_code control(int64_t id, enum board_action action, const char *body)
{
	struct err err = {0};
	json_auto_t *job = NULL;
	json_auto_t *j = body ? parse(body) : NULL;
	board_control(board, id, action, j, &job, &err);
	return err.code;
}

static enum err_code refused(const char *request)
{
	struct err err = {0};
	json_auto_t *job = NULL;
	submit(request, &job, &err);
	assert_null(job);
	assert_true(strlen(err.msg) > 10);
	return err.code;
}

static void wrong_requests_are_refused(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = write_file("a.mp4", "no video");
	(void)path;
	AUTO(mem_freep) char *link = file_join(videos, "link.mp4");
	assert_ok(symlink("/etc/passwd", link));
	assert_int_equal(refused("[]"), ERR_ARG);
	assert_int_equal(refused("{}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": 3}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"url\": \"http://x/\"}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"colour\": 1}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"priority\": 1e3}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"priority\": 101}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"prompt\": []}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"options\": {\"chunk.duration\": -1}}"),
	                 ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"options\": {\"chunk.nothing\": 1}}"),
	                 ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"options\": {\"chunk.frames\": {}}}"),
	                 ERR_ARG);
	/* No options that name files or affect the machine. */
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"options\": {\"report.output\": \"/etc\"}}"),
	                 ERR_ARG);
	assert_int_equal(
		refused("{\"path\": \"a.mp4\", \"options\": {\"sample.plan\": \"/etc/passwd\"}}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"options\": {\"media.sandbox\": \"off\"}}"),
	                 ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"options\": {\"chunk.workers\": 64}}"),
	                 ERR_ARG);
	/* Files outside the folder and missing files give the same error. */
	assert_int_equal(refused("{\"path\": \"/etc/passwd\"}"), ERR_NOENT);
	assert_int_equal(refused("{\"path\": \"../secret.mp4\"}"), ERR_NOENT);
	assert_int_equal(refused("{\"path\": \"link.mp4\"}"), ERR_NOENT);
	assert_int_equal(refused("{\"path\": \"none.mp4\"}"), ERR_NOENT);
	assert_int_equal(refused("{\"path\": \".\"}"), ERR_NOENT);
	assert_int_equal(refused("{\"video\": 3}"), ERR_ARG);
	assert_int_equal(refused("{\"video\": \"-1\"}"), ERR_ARG);
	assert_int_equal(refused("{\"video\": \"12345\"}"), ERR_NOENT);
	assert_int_equal(refused("{\"url\": \"file:///etc/passwd\"}"), ERR_ARG);
	assert_int_equal(refused("{\"url\": \"http://a:b@example.org/x.mp4\"}"), ERR_ARG);
	assert_int_equal(refused("{\"url\": \"nonsense\"}"), ERR_ARG);
	assert_int_equal(refused("{\"path\": \"a.mp4\", \"options\": {\"job.fresh\": true}}"), ERR_ARG);
	json_auto_t *jobs = board_jobs(board);
	assert_int_equal(json_array_size(json_object_get(jobs, "jobs")), 0);
}

static void a_file_that_is_no_video_fails(void **state)
{
	(void)state;
	uint64_t from = events_last(events);
	AUTO(mem_freep) char *path = write_file("b.mp4", "not a video");
	int64_t id = submit_ok("{\"path\": \"b.mp4\", \"prompt\": \"cars\", \"priority\": 3}");
	uint64_t at = wait_for(from, id, "queued");
	at = wait_for(at, id, "running");
	wait_for(at, id, "failed");
	assert_string_equal(word(id, "prompt"), "cars");
	assert_non_null(strstr(word(id, "error"), "b.mp4"));
	assert_int_equal(control(id, BOARD_PAUSE, NULL), ERR_BUSY);
	assert_int_equal(control(id, BOARD_RESUME, NULL), ERR_BUSY);
	assert_int_equal(control(id, BOARD_CANCEL, NULL), ERR_BUSY);
	from = events_last(events);
	/* it has no chunks */
	assert_int_equal(control(id, BOARD_RETRY, "{\"chunks\": [0]}"), ERR_ARG);
	assert_int_equal(control(id, BOARD_RETRY, NULL), ERR_NONE);
	wait_for(wait_for(from, id, "running"), id, "failed");
	assert_int_equal(control(id + 1000, BOARD_PAUSE, NULL), ERR_NOENT);

	struct err err = {0};
	AUTO(buf_free) struct buf out = BUF(1000);
	AUTO(mem_freep) char *name = NULL;
	assert_int_equal(board_report(board, id, "json", REPORT_NORMAL, &out, &name, &err), -ERR_NOENT);
	assert_int_equal(board_report(board, id, "exe", REPORT_NORMAL, &out, &name, &err), -ERR_ARG);
	json_auto_t *chunks = NULL;
	assert_ok(board_chunks(board, id, &chunks, &err));
	assert_int_equal(json_array_size(json_object_get(chunks, "chunks")), 0);
	assert_ok(board_remove(board, id, &err));
	assert_int_equal(board_remove(board, id, &err), -ERR_NOENT);
	assert_true(file_exists(path)); /* it is not ours */
}

static const char *id_at(json_t *jobs, size_t i)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(jobs, "jobs"), i), "id"));
}

static void expect_order(const int64_t *ids, size_t n)
{
	json_auto_t *jobs = board_jobs(board);
	assert_int_equal(json_array_size(json_object_get(jobs, "jobs")), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(strtoll(id_at(jobs, i), NULL, 10), ids[i]);
}

static void change(int64_t id, const char *body)
{
	struct err err = {0};
	json_auto_t *job = NULL;
	json_auto_t *j = parse(body);
	assert_ok(board_change(board, id, j, &job, &err));
}

/* After a restart, waiting jobs are unchanged and in the same order. */
static void the_queue_survives(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t ids[3], old = queue.jobs;
	board_free(TAKE(board));
	queue.jobs = 0; /* nothing begins */
	open_board();
	for (int i = 0; i < 3; i++) {
		AUTO(mem_freep) char *name = mem_printf("c%d.mp4", i);
		AUTO(mem_freep) char *path = write_file(name, "no video");
		(void)path;
		AUTO(mem_freep) char *request = mem_printf("{\"path\": \"%s\"}", name);
		ids[i] = submit_ok(request);
		assert_int_equal(submit_ok(request), ids[i]); /* the same again is the same */
	}
	expect_order(ids, 3);
	AUTO(mem_freep) char *before = mem_printf("{\"before\": \"%lld\"}", (long long)ids[0]);
	change(ids[2], before);
	expect_order((int64_t[]){ids[2], ids[0], ids[1]}, 3);
	change(ids[2], "{\"before\": null}");
	expect_order(ids, 3);
	change(ids[1], "{\"priority\": 7}");
	expect_order((int64_t[]){ids[1], ids[0], ids[2]}, 3);
	assert_int_equal(control(ids[0], BOARD_PAUSE, NULL), ERR_NONE);
	assert_int_equal(control(ids[0], BOARD_PAUSE, NULL), ERR_NONE);
	assert_int_equal(control(ids[2], BOARD_CANCEL, NULL), ERR_NONE);

	board_free(TAKE(board));
	open_board();
	assert_string_equal(word(ids[0], "state"), "paused");
	assert_string_equal(word(ids[1], "state"), "queued");
	assert_string_equal(word(ids[2], "state"), "canceled");
	assert_int_equal(control(ids[0], BOARD_RESUME, NULL), ERR_NONE);
	assert_int_equal(control(ids[2], BOARD_RESUME, NULL), ERR_NONE);
	expect_order((int64_t[]){ids[1], ids[0], ids[2]}, 3);
	board_free(TAKE(board));
	queue.jobs = old;
	uint64_t from = events_last(events);
	open_board(); /* now they begin by themselves */
	for (int i = 0; i < 3; i++)
		wait_for(from, ids[i], "failed");
	for (int i = 0; i < 3; i++)
		assert_ok(board_remove(board, ids[i], &err));
	expect_order(NULL, 0);
}

static void uploads_become_ours(void **state)
{
	(void)state;
	struct err err = {0};
	json_auto_t *request = parse("{\"analyze\": false}");
	AUTO(board_arrival_clear) struct board_arrival a = {0};
	AUTO(mem_freep) char *path = write_file("upload.bin", "bytes");
	AUTO(fd_closep) int fd = -1;
	const char *type;
	assert_ok(board_upload(board, "0123", path, "../../näme\n.mp4", NULL, request, &a, &err));
	assert_null(a.job);
	assert_null(a.fault);
	assert_false(file_exists(path));
	assert_string_equal(json_string_value(json_object_get(a.video, "name")), "näme .mp4");
	int64_t id = strtoll(json_string_value(json_object_get(a.video, "id")), NULL, 10);
	assert_ok(board_video_open(board, id, BOARD_SOURCE, &fd, &type, &err));
	assert_int_equal(board_video_open(board, id, BOARD_PROXY, &fd, &type, &err), -ERR_NOENT);
	AUTO(mem_freep) char *folder = mem_printf("%s/videos/%lld", dir, (long long)id);
	assert_true(file_is_dir(folder));
	AUTO(mem_freep) char *again = mem_printf("{\"video\": \"%lld\"}", (long long)id);
	int64_t number = submit_ok(again);
	assert_ok(board_video_remove(board, id, &err));
	assert_false(file_exists(folder));
	json_auto_t *none = NULL;
	assert_int_equal(board_job(board, number, &none, &err), -ERR_NOENT);
	assert_int_equal(board_video(board, id, &none, &err), -ERR_NOENT);
	assert_int_equal(board_video_remove(board, id, &err), -ERR_NOENT);
}

/* A request that became wrong after it was checked does not cost the video. */
static void uploads_are_kept_without_a_job(void **state)
{
	(void)state;
	struct err err = {0};
	json_auto_t *bad = parse("{\"options\": {\"chunk.frames\": \"many\"}}");
	json_auto_t *good = parse("{\"options\": {\"chunk.frames\": \"5\"}, \"priority\": 3}");
	AUTO(board_arrival_clear) struct board_arrival a = {0};
	AUTO(mem_freep) char *path = write_file("upload.bin", "bytes of another file");
	assert_ok(board_check_upload(board, good, &err));
	assert_int_equal(board_check_upload(board, bad, &err), -ERR_ARG);
	assert_ok(board_upload(board, "4567", path, "a.mp4", NULL, bad, &a, &err));
	assert_non_null(a.video);
	assert_null(a.job);
	assert_non_null(strstr(a.fault, "chunk.frames"));
	int64_t id = strtoll(json_string_value(json_object_get(a.video, "id")), NULL, 10);
	assert_ok(board_video_remove(board, id, &err));
}

static void room_has_limits(void **state)
{
	(void)state;
	struct err err = {0};
	assert_ok(board_room(board, 1000, 0, &err));
	queue.video_max = 100;
	assert_int_equal(board_room(board, 1000, 0, &err), -ERR_LIMIT);
	queue.video_max = 0;
	queue.quota = 1000;
	assert_ok(board_room(board, 900, 0, &err));
	assert_int_equal(board_room(board, 900, 200, &err), -ERR_NOSPC);
	assert_non_null(strstr(err.msg, "raise serve.quota"));

	/* The message names the option that limits. */
	queue.quota = INT64_MAX / 8;
	queue.free_min = INT64_MAX / 2;
	assert_int_equal(board_room(board, 1, 0, &err), -ERR_NOSPC);
	assert_non_null(strstr(err.msg, "lower serve.free_min"));
	assert_null(strstr(err.msg, "serve.quota"));
	queue.quota = queue.free_min = 0;
	assert_int_equal(board_room(board, INT64_MAX / 4, 0, &err), -ERR_NOSPC);
}

static int64_t add_case(const char *name, const int64_t *videos_of, size_t n)
{
	struct err err = {0};
	int64_t id = 0;
	const struct store_board_case_change change = {.name = name, .add = videos_of, .n_add = n};
	assert_ok(store_board_case_save(store, &change, &id, &err));
	return id;
}

static void a_case_without_a_result_is_not_summed_up(void **state)
{
	(void)state;
	struct err err = {0};
	json_t *j = NULL;
	int64_t id = add_case("Empty", NULL, 0);
	assert_int_equal(board_case_summarize(board, id, &j, &err), -ERR_BUSY);
	assert_int_equal(board_case_summarize(board, 9999, &j, &err), -ERR_NOENT);
	assert_int_equal(board_case_cancel_summary(board, id, &j, &err), -ERR_BUSY);
	assert_int_equal(board_case_cancel_summary(board, 9999, &j, &err), -ERR_NOENT);
	assert_null(j);
}

/* The server ended while one was written: the next start goes on with it, and
 * here fails, since no engine is there. */
static void a_summary_does_not_run_forever(void **state)
{
	(void)state;
	struct err err = {0};
	json_auto_t *j = NULL;
	const struct store_board_summary wanted = {1, "", "", "", "", 0};
	int64_t id = add_case("Interrupted", NULL, 0);
	assert_ok(store_board_summary_save(store, id, &wanted, &err));
	uint64_t after = events_last(events);
	board_free(board);
	open_board();
	wait_for_event(after, EVENT_CASE, id, "failed");
	assert_ok(board_case(board, id, &j, &err));
	const json_t *summary = json_object_get(j, "summary");
	assert_true(json_string_length(json_object_get(summary, "error")) > 10);
}

static enum err_code ask(const char *request)
{
	struct err err = {0};
	json_auto_t *j = NULL;
	json_auto_t *body = parse(request);
	board_ask_add(board, body, "", &j, &err);
	assert_null(j);
	assert_true(strlen(err.msg) > 10);
	return err.code;
}

static void wrong_questions_are_refused(void **state)
{
	(void)state;
	struct err err = {0};
	json_t *j = NULL;
	AUTO(mem_freep) char *video = write_file("q.mp4", "no video");
	(void)video;
	int64_t job = submit_ok("{\"path\": \"q.mp4\"}");
	/* What fails first, the file or the engine, is chance; with the engine, it
	 * would be tried again. */
	control(job, BOARD_CANCEL, NULL);
	AUTO(mem_freep)
	char *known = mem_printf("{\"question\": \"Who?\", \"videos\": [\"%s\"]}", word(job, "video"));
	assert_int_equal(ask("{}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": 7, \"all\": true}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \" \", \"all\": true}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\"}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": false}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"case\": \"1\"}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"videos\": []}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"videos\": [7]}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"case\": 7}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"colour\": 1}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"again\": 1}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"budget\": \"x\"}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"budget\": 5}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"language\": []}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"choices\": [\"a\"]}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"choices\": [\"a\", 1]}"),
	                 ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"thread\": \"x\"}"), ERR_ARG);
	assert_int_equal(ask("{\"question\": \"Who?\", \"all\": true, \"thread\": \"999\"}"),
	                 ERR_NOENT);
	assert_int_equal(ask("{\"question\": \"Who?\", \"case\": \"999\"}"), ERR_NOENT);
	assert_int_equal(ask("{\"question\": \"Who?\", \"videos\": [\"999\"]}"), ERR_NOENT);
	assert_int_equal(ask(known), ERR_BUSY); /* its job failed */
	assert_int_equal(board_ask(board, 999, &j, &err), -ERR_NOENT);
	assert_int_equal(board_ask_cancel(board, 999, &j, &err), -ERR_NOENT);
	assert_int_equal(board_ask_remove(board, 999, &err), -ERR_NOENT);
	assert_null(j);
}

/* A question that the last server did not answer: the next start goes on with
 * it, and here fails, since its videos have no result. */
static void a_question_does_not_run_forever(void **state)
{
	(void)state;
	struct err err = {0};
	json_auto_t *j = NULL, *list = NULL, *waited = NULL;
	AUTO(buf_free) struct buf out = BUF(1000);
	AUTO(mem_freep) char *name = NULL;
	const struct store_board_ask row = {
		.request = (char *)"{\"question\": \"Who?\", \"videos\": [\"999\"]}", .who = (char *)"ann"};
	int64_t id;
	uint64_t version = 0;
	assert_ok(store_board_ask_add(store, &row, &id, &err));
	uint64_t after = events_last(events);
	board_free(board);
	open_board();
	wait_for_event(after, EVENT_ASK, id, "failed");
	assert_ok(board_ask_wait(board, id, &version, 0, &waited, &err));
	assert_ok(board_ask(board, id, &j, &err));
	assert_true(json_equal(json_object_get(j, "state"), json_object_get(waited, "state")));
	assert_string_equal(json_string_value(json_object_get(j, "by")), "ann");
	assert_string_equal(json_string_value(json_object_get(j, "question")), "Who?");
	assert_true(json_string_length(json_object_get(j, "error")) > 10);
	assert_true(json_is_null(json_object_get(j, "answer")));
	assert_int_equal(board_ask_answer(board, id, "html", &out, &name, &err), -ERR_NOENT);
	assert_int_equal(board_ask_picture(board, id, 1, 0, &out, &err), -ERR_NOENT);
	assert_ok(board_asks(board, &(struct board_asks_query){.limit = 5}, &list, &err));
	assert_int_equal(json_array_size(json_object_get(list, "asks")), 1);
	json_t *canceled = NULL;
	assert_int_equal(board_ask_cancel(board, id, &canceled, &err), -ERR_BUSY);
	assert_ok(board_ask_remove(board, id, &err));
	assert_int_equal(board_ask_remove(board, id, &err), -ERR_NOENT);
}

static int start(void **state)
{
	extern char **environ;
	struct err err = {0};
	static char name[] = "test";
	char *argv[] = {name, NULL};
	int n = 0;
	(void)state;
	setenv("VDET_EXE", UNIT_HELPER, 1);
	snprintf(dir, sizeof dir, "/tmp/vdet-test-XXXXXX");
	if (!mkdtemp(dir) || opt_parse(&set, &set, NULL, (char *[]){NULL}, argv, &n, &err) < 0)
		return -1;
	videos = file_join(dir, "in");
	AUTO(mem_freep) char *path = file_join(dir, "vdet.db");
	free(queue.folders);
	queue.folders = mem_strdup(videos);
	queue.free_min = 0;
	free(engine_options.url);
	engine_options.url = mem_strdup("http://127.0.0.1:1/v1");
	events = events_new(4096);
	if (file_mkdirs(videos, true, &err) < 0 || store_open(path, &store, &err) < 0 ||
	    engine_new(&engine_options, &(struct engine_places){0}, NULL, &engine, &err) < 0)
		return -1;
	open_board();
	return 0;
}

static int stop(void **state)
{
	struct err err;
	(void)state;
	board_free(board);
	engine_free(engine);
	store_free(store);
	events_free(events);
	opt_free(&set);
	free(videos);
	return file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_requests_are_refused),
		cmocka_unit_test(a_file_that_is_no_video_fails),
		cmocka_unit_test(the_queue_survives),
		cmocka_unit_test(uploads_become_ours),
		cmocka_unit_test(uploads_are_kept_without_a_job),
		cmocka_unit_test(room_has_limits),
		cmocka_unit_test(a_case_without_a_result_is_not_summed_up),
		cmocka_unit_test(a_summary_does_not_run_forever),
		cmocka_unit_test(wrong_questions_are_refused),
		cmocka_unit_test(a_question_does_not_run_forever),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
