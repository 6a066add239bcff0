/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of a plan, and plans that meet a budget. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "job/budget.h"
#include "story/check.h"

static const struct fit_model qwen = {.patch = 14, .merge = 2, .parameters = 1};
static const struct video_info two_hours = {
	.width = 1920, .height = 1080, .duration = 7200 * CLOCK_SECOND};
static const struct estimate_model model = {.name = "qwen", .shape = &qwen},
								   demo = {.name = "demo", .demo = true};
static const struct estimate_rates none = {0};
static const struct estimate_rates measured = {.jobs = 1,
                                               .chunks = 24,
                                               .prefill = 1000,
                                               .decode = 50,
                                               .parallel = 2,
                                               .output = 250,
                                               .text = 300,
                                               .statements = 2,
                                               .events = 1};

static struct analyze_options options(const char *budget)
{
	return (struct analyze_options){.chunk_duration = 300 * CLOCK_SECOND,
	                                .chunk_frames = 6,
	                                .frame_size = 1280,
	                                .max_tokens = 2048,
	                                .sample_policy = (char *)"even",
	                                .budget = (char *)budget};
}

static void tokens_and_time_add_up(void **state)
{
	const struct analyze_options usual = options(""),
								 brief = {.frame_size = 1280, .max_tokens = 100};
	(void)state;
	struct estimate e = estimate_make(24, 144, &two_hours, &usual, &model, &none);
	const struct estimate_cost *describe = &e.steps[COST_DESCRIBE];
	assert_int_equal(e.width, 1280);
	assert_int_equal(e.height, 720);
	assert_int_equal(e.picture_tokens, 46 * 26);
	assert_int_equal(describe->requests, 24);
	assert_true(describe->prompt > 144 * 46 * 26 && describe->prompt < 144 * 46 * 26 + 24 * 1000);
	assert_int_equal(e.total, e.prompt + e.output);
	assert_int_equal(e.time, -1);
	e = estimate_make(24, 144, &two_hours, &usual, &model, &measured);
	assert_int_equal(describe->prompt, 144 * 46 * 26 + 24 * 300);
	assert_int_equal(describe->output, 24 * 250);
	double seconds = ((double)e.prompt / 1000 + (double)e.output / 50.0) / 2;
	assert_true((double)e.time > seconds * 0.999e6 && (double)e.time < seconds * 1.001e6);
	/* One chunk cannot be shared between two slots. */
	e = estimate_make(1, 6, &two_hours, &usual, &model, &measured);
	assert_true((double)e.time >= (double)e.prompt / 1000 * 1e6);
	/* Small pictures are not enlarged; an upright one keeps its shape; answers
	 * end at their limit. */
	const struct video_info small = {.width = 360, .height = 640, .duration = CLOCK_SECOND};
	e = estimate_make(1, 1, &small, &brief, &(struct estimate_model){0}, &measured);
	assert_true(e.width == 360 && e.height == 640 && describe->output == 100);
}

/* The limits of joining and of checks, and the tree of the summary. */
static void all_steps_cost(void **state)
{
	struct analyze_options o = options("");
	int64_t requests = 0, prompt = 0, output = 0;
	(void)state;
	o.verify = (char *)"doubtful";
	struct estimate e = estimate_make(100, 600, &two_hours, &o, &model, &measured);
	assert_int_equal(e.steps[COST_JOIN].requests, 10);
	assert_int_equal(e.steps[COST_CHECK].requests, 20);
	assert_int_equal(e.steps[COST_SUMMARY].requests, 3 + 1); /* 100 events, 40 a request */
	assert_int_equal(e.steps[COST_SECOND].requests, 0);
	/* A second pass describes a quarter again, then joins and checks again. */
	o.passes = 2;
	e = estimate_make(100, 600, &two_hours, &o, &model, &measured);
	assert_int_equal(e.steps[COST_SECOND].requests, 25);
	assert_true(e.steps[COST_SECOND].prompt > 25 * (300 + 8 * 46 * 26));
	assert_int_equal(e.steps[COST_JOIN].requests, 20);
	assert_int_equal(e.steps[COST_CHECK].requests, 40);
	for (size_t i = 0; i < COST_STEPS; i++) {
		assert_true(e.steps[i].prompt > e.steps[i].requests * 300 && e.steps[i].output > 0);
		requests += e.steps[i].requests;
		prompt += e.steps[i].prompt;
		output += e.steps[i].output;
	}
	assert_true(e.requests == requests && e.prompt == prompt && e.output == output);
	o.passes = 1;
	/* The demo model sums up ten at a time. */
	e = estimate_make(100, 600, &two_hours, &o, &demo, &measured);
	assert_true(e.steps[COST_SUMMARY].requests > 10 + 5);
	/* One chunk is joined with nothing, and is its own summary. */
	e = estimate_make(1, 6, &two_hours, &o, &model, &measured);
	assert_int_equal(e.steps[COST_JOIN].requests + e.steps[COST_SUMMARY].requests, 0);
	json_auto_t *json = estimate_json(&e, &measured), *steps = json_object_get(json, "steps");
	json_incref(steps);
	assert_int_equal(json_object_size(steps), COST_STEPS);
	assert_int_equal(json_integer_value(json_object_get(json, "requests")), 1 + 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(steps, "describing"), "prompt_tokens")),
		e.steps[COST_DESCRIBE].prompt);
}

static void checks_cost(void **state)
{
	struct analyze_options o = options("");
	(void)state;
	o.verify = (char *)"none";
	struct estimate before = estimate_make(24, 144, &two_hours, &o, &model, &measured);
	assert_int_equal(before.steps[COST_CHECK].requests, 0);
	o.verify = (char *)"doubtful";
	struct estimate e = estimate_make(24, 144, &two_hours, &o, &model, &measured);
	assert_int_equal(e.steps[COST_CHECK].requests, 4); /* a fifth, rounded down */
	assert_int_equal(e.output, before.output + 4);
	assert_true(e.prompt > before.prompt + 4 * CHECK_PICTURES * 46 * 26 && e.time > before.time);
	/* Controls of the model are made once. */
	struct estimate_rates controlled = measured;
	o.verify = (char *)"all";
	e = estimate_make(24, 144, &two_hours, &o, &model, &measured);
	assert_int_equal(e.steps[COST_CHECK].requests, 24 * 2 + 3 + 40);
	controlled.controls = 37;
	e = estimate_make(24, 144, &two_hours, &o, &model, &controlled);
	assert_int_equal(e.steps[COST_CHECK].requests, 24 * 2 + 3 + 3);
	/* They count in a budget. */
	AUTO(mem_freep) char *note = NULL;
	struct err err = {0};
	o.budget = (char *)"500ktok";
	assert_ok(budget_fit(&o, &two_hours, &model, &none, &note, &err));
	assert_true(o.frame_size < 1280);
}

static void budgets_are_read(void **state)
{
	(void)state;
	const struct {
		const char *text;
		int64_t time, tokens;
	} good[] = {{"20min", 1200 * CLOCK_SECOND, 0}, {"1:30:00", 5400 * CLOCK_SECOND, 0},
	            {"2h", 7200 * CLOCK_SECOND, 0},    {"500ktok", 0, 500000},
	            {"1.5Mtok", 0, 1500000},           {"800tok", 0, 800}};
	const char *const bad[] = {"", "0", "20x", "-5ktok", "ktok", "0tok", "nantok"};
	int64_t time, tokens;
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_ok(budget_parse(good[i].text, &time, &tokens, &err));
		assert_int_equal(time, good[i].time);
		assert_int_equal(tokens, good[i].tokens);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (budget_parse(bad[i], &time, &tokens, &err) != -ERR_ARG)
			fail_msg("\"%s\" was taken for a budget", bad[i]);
}

static int64_t cost(const struct analyze_options *o, const struct estimate_rates *r,
                    int64_t *ret_time)
{
	int64_t chunks = (two_hours.duration + o->chunk_duration - 1) / o->chunk_duration;
	struct estimate e = estimate_make(chunks, chunks * o->chunk_frames, &two_hours, o, &model, r);
	*ret_time = e.time;
	return e.total;
}

/* Every accepted budget is met, and a larger one never reduces what the model
 * sees. */
static void budgets_are_kept(void **state)
{
	(void)state;
	int64_t size = 0, time;
	struct err err = {0};
	bool fits = false;
	for (int k = 1; k < 400; k += 3) {
		char text[32];
		AUTO(mem_freep) char *note = NULL;
		snprintf(text, sizeof text, "%dktok", k);
		struct analyze_options o = options(text);
		int r = budget_fit(&o, &two_hours, &model, &none, &note, &err);
		if (r < 0) {
			assert_int_equal(r, -ERR_LIMIT);
			assert_false(fits);
			continue;
		}
		fits = true;
		assert_true(cost(&o, &none, &time) <= k * 1000);
		int64_t shown = o.frame_size * o.chunk_frames * (7200 * CLOCK_SECOND / o.chunk_duration);
		assert_true(shown >= size);
		size = shown;
		assert_true(o.frame_size >= 448 && o.frame_size <= 1280 && o.chunk_frames >= 2);
	}
	assert_true(fits);
	AUTO(mem_freep) char *note = NULL;
	struct analyze_options o = options("500ktok");
	assert_ok(budget_fit(&o, &two_hours, &model, &none, &note, &err));
	assert_int_equal(o.frame_size, 1280);
	assert_null(note);
}

static void a_budget_of_time_needs_a_measure(void **state)
{
	(void)state;
	AUTO(mem_freep) char *note = NULL;
	struct err err = {0};
	int64_t time;
	struct analyze_options o = options("60s");
	assert_int_equal(budget_fit(&o, &two_hours, &model, &none, &note, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "speed of this model is unknown"));
	assert_ok(budget_fit(&o, &two_hours, &model, &measured, &note, &err));
	cost(&o, &measured, &time);
	assert_true(time <= 60 * CLOCK_SECOND);
	assert_true(o.frame_size < 1280);
	assert_non_null(strstr(note, "60s"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_and_time_add_up),
		cmocka_unit_test(all_steps_cost),
		cmocka_unit_test(checks_cost),
		cmocka_unit_test(budgets_are_read),
		cmocka_unit_test(budgets_are_kept),
		cmocka_unit_test(a_budget_of_time_needs_a_measure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
