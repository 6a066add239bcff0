/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a run: what changes it, what does not, and that the keys of
 * existing journals stay the same. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "job/entry.h"
#include "job/facts.h"
#include "job/streams.h"
#include "protocol/media-wire.h"

#define SOURCE "f2f5ebec7bd8466b47ff7138654f8bda97555c6c7bef08b61274c70bff2305f2"

static const struct opt_group *const groups[] = {&analyze_opt_group, &index_opt_group,
                                                 &media_opt_group};
static struct analyze_options options;
static struct video_info video;
static struct engine_info engine;
static struct facts_input input;

static struct opt_set set_of(struct opt_bind binds[static ARRAY_LEN(groups)])
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		binds[i] = (struct opt_bind){groups[i], &options};
	return (struct opt_set){binds, ARRAY_LEN(groups)};
}

static int begin(void **state)
{
	struct opt_bind binds[ARRAY_LEN(groups)];
	const struct opt_set set = set_of(binds);
	(void)state;
	video = (struct video_info){.duration = 600 * CLOCK_SECOND, .timeline = 1};
	engine = (struct engine_info){.model = "a-model", .model_hash = "", .cache_type = ""};
	input = (struct facts_input){
		.options = &options, .sha256 = SOURCE, .video = &video, .engine = &engine, .reference = ""};
	char *argv[] = {"vdet", NULL};
	int n;
	return opt_parse(&set, NULL, NULL, NULL, argv, &n, NULL);
}

static int end(void **state)
{
	struct opt_bind binds[ARRAY_LEN(groups)];
	const struct opt_set set = set_of(binds);
	(void)state;
	opt_free(&set);
	return 0;
}

static void set_option(const char *name, const char *value)
{
	struct opt_bind binds[ARRAY_LEN(groups)];
	const struct opt_set set = set_of(binds);
	struct err err;
	if (opt_set_value(opt_find(&set, name), &options, value, name, &err) < 0)
		fail_msg("%s", err.msg);
}

static void key(char out[static HASH_HEX])
{
	json_decref(facts_key(&input, video.timeline, out));
}

/* Whether the key is another one than `before`. */
static bool changed(const char *before)
{
	char now[HASH_HEX];
	key(now);
	return strcmp(now, before) != 0;
}

/* If this fails, every journal that exists is lost to its users: mend the code,
 * or migrate. The prompts are part of it: changed prompts make other results. */
static void the_key_has_this_form(void **state)
{
	char hex[HASH_HEX];
	(void)state;
	set_option("chunk.duration", "60");
	json_auto_t *parts = facts_key(&input, video.timeline, hex);
	assert_non_null(json_object_get(parts, "prompts"));
	json_object_set_new(parts, "prompts", json_string("P"));
	AUTO(mem_freep) char *text = json_dumps(parts, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text,
	                    "{\"from_us\":0,\"model\":\"a-model\",\"model_hash\":\"\",\"options\":"
	                    "{\"chunk.duration\":\"60\"},\"prompts\":\"P\",\"source\":\"" SOURCE
	                    "\",\"timeline\":1,\"to_us\":0}");
}

/* The row of an option that changes the result, or NULL. */
static const struct opt_row *result_option(const char *name)
{
	for (size_t g = 0; g < ARRAY_LEN(groups); g++)
		for (size_t i = 0; i < groups[g]->n; i++)
			if (strcmp(groups[g]->rows[i].name, name) == 0 && groups[g]->rows[i].flags & OPT_RESULT)
				return &groups[g]->rows[i];
	return NULL;
}

/* What a list of names and values says about a name; NULL = nothing. */
static const char *value_of(const char *const (*list)[2], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i][0], name) == 0)
			return list[i][1];
	return NULL;
}

/* A key does not name options that have their defaults, so it means these
 * defaults. A change of one needs a migration (store/migrate-key.c) that adds
 * the old value to the keys of older runs, and then changes this list; a new
 * option is added with a default that changes no result. The default of
 * index.effort was 0.05 before it was auto, without a migration: it only
 * affects the plan, which is kept with the run, so an older run is continued
 * with its own plan. */
static void defaults_stay(void **state)
{
	static const char *const known[][2] = {
		{"chunk.duration", "300"}, {"chunk.frames", "6"},      {"chunk.min", "0"},
		{"chunk.max", "0"},        {"chunk.overlap", "0"},     {"sample.policy", "adaptive"},
		{"sample.seek", "exact"},  {"sample.max_gap", "0"},    {"sample.pairs", "false"},
		{"frame.size", "1280"},    {"frame.quality", "90"},    {"frame.thumb", "400"},
		{"describe.prompt", ""},   {"describe.texts", "none"}, {"describe.max_tokens", "2048"},
		{"index.effort", "auto"},  {"index.max_gap", "10"},    {"media.hwaccel", "none"},
		{"media.stream", "-1"},    {"media.rate", "0"},        {"media.gaps", "auto"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!result_option(known[i][0]))
			fail_msg("%s is not an option that changes the result", known[i][0]);
	for (size_t g = 0; g < ARRAY_LEN(groups); g++)
		for (size_t i = 0; i < groups[g]->n; i++) {
			const struct opt_row *row = &groups[g]->rows[i];
			if (!(row->flags & OPT_RESULT))
				continue;
			const char *def = value_of(known, ARRAY_LEN(known), row->name);
			if (!def)
				fail_msg("%s is new: add it to the list, with a default that changes no result",
				         row->name);
			if (strcmp(def, row->def) != 0)
				fail_msg("the default of %s was %s: this needs a migration", row->name, def);
		}
}

static void each_result_option_changes_the_key(void **state)
{
	static const char *const values[][2] = {
		{"chunk.duration", "60"},
		{"chunk.frames", "7"},
		{"chunk.min", "5"},
		{"chunk.max", "900"},
		{"chunk.overlap", "1"},
		{"sample.policy", "even"},
		{"sample.seek", "keyframe"},
		{"sample.max_gap", "9"},
		{"sample.pairs", "true"},
		{"frame.size", "640"},
		{"frame.quality", "80"},
		{"frame.thumb", "200"},
		{"describe.prompt", "car"},
		{"describe.texts", "speech"},
		{"describe.max_tokens", "99"},
		{"index.effort", "0.1"},
		{"index.max_gap", "5"},
		{"media.hwaccel", "auto"},
		{"media.stream", "1"},
		{"media.rate", "5"},
		{"media.gaps", "keep"},
		{"range.from", "1"},
		{"range.to", "2"},
	};
	(void)state;
	for (size_t g = 0; g < ARRAY_LEN(groups); g++)
		for (size_t i = 0; i < groups[g]->n; i++) {
			const struct opt_row *row = &groups[g]->rows[i];
			if (row->flags & OPT_RESULT && !value_of(values, ARRAY_LEN(values), row->name))
				fail_msg("%s is new: add it to the list", row->name);
		}
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		char before[HASH_HEX];
		key(before);
		set_option(values[i][0], values[i][1]);
		if (!changed(before))
			fail_msg("%s does not change the key", values[i][0]);
	}
}

static void what_changes_no_result_changes_no_key(void **state)
{
	static const char *const values[][2] = {
		{"chunk.duration", "5min"},   {"chunk.workers", "9"},   {"report.output", "/x"},
		{"report.format", "json"},    {"job.timeout", "1"},     {"media.timeout", "1"},
		{"media.memory", "1G"},       {"media.sandbox", "off"}, {"index.workers", "3"},
		{"report.full_path", "true"}, {"range.to", "600"},
	};
	char before[HASH_HEX];
	(void)state;
	key(before);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		set_option(values[i][0], values[i][1]);
		if (changed(before))
			fail_msg("%s changes the key", values[i][0]);
	}
	engine.url = "http://elsewhere";
	engine.slots = 9;
	engine.cache_type = "f16";
	assert_false(changed(before));
	/* Found out better, or in another way. */
	set_option("range.to", "0");
	video.duration += 40000;
	assert_false(changed(before));
}

static void source_model_and_timeline_change_the_key(void **state)
{
	char before[HASH_HEX];
	(void)state;
	key(before);
	input.sha256 = "0000ebec7bd8466b47ff7138654f8bda97555c6c7bef08b61274c70bff2305f2";
	assert_true(changed(before));
	key(before);
	video.timeline = 2;
	assert_true(changed(before));
	key(before);
	engine.model = "another";
	assert_true(changed(before));
	key(before);
	engine.model_hash = "1234";
	assert_true(changed(before));
	key(before);
	engine.cache_type = "q8_0";
	assert_true(changed(before));
	key(before);
	engine.asked = "";
	assert_false(changed(before));
	engine.asked = " greedy";
	assert_true(changed(before));
}

static void a_plan_counts_by_what_it_looks_at(void **state)
{
	int64_t times[] = {1 * CLOCK_SECOND, 2 * CLOCK_SECOND + 1};
	struct plan_chunk chunk = {.start = 0, .end = 9 * CLOCK_SECOND, .times = times, .n_times = 2};
	struct plan plan = {.duration = 10, .to = 10, .chunks = &chunk, .n_chunks = 1};
	char before[HASH_HEX];
	(void)state;
	key(before);
	input.given = &plan;
	assert_true(changed(before));
	key(before);
	plan.duration = plan.to = 11;
	plan.policy = PLAN_SCENE;
	plan.budget = 7;
	assert_false(changed(before));
	times[1]++;
	assert_true(changed(before));
	key(before);
	chunk.n_times = 1;
	assert_true(changed(before));
	key(before);
	chunk.end--;
	assert_true(changed(before));
}

static void a_reference_counts_by_its_bytes(void **state)
{
	char before[HASH_HEX], first[HASH_HEX], second[HASH_HEX], dir[] = "/tmp/vdet-test-XXXXXX";
	struct err err;
	(void)state;
	assert_non_null(mkdtemp(dir));
	AUTO(mem_freep) char *a = file_join(dir, "a");
	AUTO(mem_freep) char *b = file_join(dir, "b");
	assert_ok(file_write(a, "one", 3, &err));
	assert_ok(file_write(b, "one", 3, &err));
	assert_ok(facts_hash_reference(&options, NULL, first, &err));
	assert_string_equal(first, "");
	key(before);

	set_option("media.reference", a);
	assert_ok(facts_hash_reference(&options, NULL, first, &err));
	input.reference = first;
	assert_true(changed(before));
	set_option("media.reference", b);
	assert_ok(facts_hash_reference(&options, NULL, second, &err));
	assert_string_equal(first, second);
	assert_ok(file_write(b, "two", 3, &err));
	assert_ok(facts_hash_reference(&options, NULL, second, &err));
	assert_string_not_equal(first, second);
	unlink(a);
	unlink(b);
	rmdir(dir);
	assert_int_equal(facts_hash_reference(&options, NULL, second, &err), -ERR_NOENT);
}

static void make_run(struct store *s, int timeline, enum store_job_state state)
{
	char hex[HASH_HEX];
	struct err err;
	json_decref(facts_key(&input, timeline, hex));
	AUTO(mem_freep) char *id = mem_printf("%d%.11s", timeline, hex);
	const struct store_job j = {
		.id = id, .key = hex, .source_name = "", .facts = "{}", .output = "", .state = state};
	const struct store_chunk chunk = {.end = 10};
	assert_ok(store_job_add(s, &j, &chunk, 1, 0, &err));
}

static char warned[1000];

static void keep_warning(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	if (level == LOG_WARNING)
		snprintf(warned, sizeof warned, "%s", line);
}

/* The state of the run that is entered; -1 for a new one. */
static int enter(struct store *s, const char *dir)
{
	AUTO(entry_clear) struct entry e = ENTRY_NONE;
	struct err err;
	warned[0] = '\0';
	assert_ok(entry_find(s, dir, &input, "name.mp4", "/out", &e, &err));
	assert_string_equal(e.job.source_name, "name.mp4");
	assert_true(e.lock >= 0);
	return e.job.facts ? e.job.id[0] - '0' : -1;
}

/* Only a finished run of other rules for times is taken. */
static void an_unfinished_run_of_another_timeline_is_left(void **state)
{
	char dir[] = "/tmp/vdet-test-XXXXXX";
	AUTO(store_freep) struct store *s = NULL;
	struct err err;
	(void)state;
	assert_ok(store_open(":memory:", &s, &err));
	assert_non_null(mkdtemp(dir));
	log_set_sink(keep_warning, NULL);

	video.timeline = TIMELINE_VERSION + 1;
	assert_int_equal(enter(s, dir), -1);
	assert_string_equal(warned, "");
	make_run(s, TIMELINE_VERSION, STORE_JOB_RUNNING);
	assert_int_equal(enter(s, dir), -1);
	assert_non_null(strstr(warned, "a new job is started"));
	set_option("describe.prompt", "cars");
	make_run(s, TIMELINE_VERSION, STORE_JOB_HOLES);
	assert_int_equal(enter(s, dir), -1);
	set_option("describe.prompt", "trees");
	make_run(s, TIMELINE_VERSION, STORE_JOB_COMPLETE);
	assert_int_equal(enter(s, dir), TIMELINE_VERSION);
	assert_non_null(strstr(warned, "--fresh analyzes it again"));
	options.fresh = true;
	assert_int_equal(enter(s, dir), -1);
	options.fresh = false;
	make_run(s, video.timeline, STORE_JOB_RUNNING);
	assert_int_equal(enter(s, dir), video.timeline);
	assert_string_equal(warned, "");
	log_set_sink(NULL, NULL);
	AUTO(mem_freep) char *command = mem_printf("rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* An earlier version put the index of the default stream into the key, where
 * the user named it. */
static void a_run_that_names_the_default_stream_continues(void **state)
{
	char dir[] = "/tmp/vdet-test-XXXXXX";
	AUTO(store_freep) struct store *s = NULL;
	struct err err;
	(void)state;
	assert_ok(store_open(":memory:", &s, &err));
	assert_non_null(mkdtemp(dir));
	video.stream = video.preferred = 3;
	set_option("media.stream", "3");
	make_run(s, 1, STORE_JOB_RUNNING);
	streams_settle(&options, &video);
	assert_int_equal(options.media_stream, -1);
	assert_int_equal(enter(s, dir), 1);

	/* Another stream is another source. */
	set_option("media.stream", "4");
	video.stream = 4;
	streams_settle(&options, &video);
	assert_int_equal(options.media_stream, 4);
	assert_int_equal(enter(s, dir), -1);
	AUTO(mem_freep) char *command = mem_printf("rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* Also after a kill, and while others write the facts that they had before. */
static void chunks_that_two_workers_did_stay_counted(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = NULL;
	AUTO(store_job_clear) struct store_job j = {0};
	struct err err = {0};
	const char *facts = "{\"a\":1.0}";
	assert_ok(store_open(":memory:", &s, &err));
	const struct store_job new = {.id = "aaaa56789012",
	                              .key = SOURCE,
	                              .source_name = "a.mp4",
	                              .facts = (char *)facts,
	                              .output = "/x",
	                              .summary = "",
	                              .summary_fallback = ""};
	assert_ok(store_job_add(s, &new, NULL, 0, 0, &err));
	assert_ok(store_job_count_twice(s, new.id, false, &err));
	assert_ok(store_job_count_twice(s, new.id, true, &err));
	assert_ok(store_job_extend(s, &new, NULL, 0, &err));
	assert_ok(store_job_count_twice(s, new.id, false, &err));
	assert_ok(store_job_update(s, &new, 0, 0, &err));
	assert_ok(store_job_find(s, new.id, &j, &err));
	assert_string_equal(j.facts, "{\"a\":1.0,\"twice\":{\"chunks\":3,\"different\":1}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_key_has_this_form, begin, end),
		cmocka_unit_test(defaults_stay),
		cmocka_unit_test_setup_teardown(each_result_option_changes_the_key, begin, end),
		cmocka_unit_test_setup_teardown(what_changes_no_result_changes_no_key, begin, end),
		cmocka_unit_test_setup_teardown(source_model_and_timeline_change_the_key, begin, end),
		cmocka_unit_test_setup_teardown(a_plan_counts_by_what_it_looks_at, begin, end),
		cmocka_unit_test_setup_teardown(a_reference_counts_by_its_bytes, begin, end),
		cmocka_unit_test_setup_teardown(an_unfinished_run_of_another_timeline_is_left, begin, end),
		cmocka_unit_test_setup_teardown(a_run_that_names_the_default_stream_continues, begin, end),
		cmocka_unit_test(chunks_that_two_workers_did_stay_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
