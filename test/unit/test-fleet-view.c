/* SPDX-License-Identifier: Apache-2.0 */
/* What workers report of themselves, what is made of it, and what is advised. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "advise/fleet.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "fleet/history.h"
#include "fleet/wire.h"
#include "net/api/fleet.h"

#define MINUTE (60 * CLOCK_SECOND)

/* ---- figures */

static void figures_are_read_as_written(void **state)
{
	(void)state;
	struct fleet_figures in = {.uptime = 5, .busy = 4, .done = 3, .cache_miss_bytes = 1LL << 53},
						 out, nothing = {0};
	json_auto_t *o = fleet_figures_write(&in);
	assert_true(fleet_figures_read(o, &out));
	assert_memory_equal(&in, &out, sizeof in);
	/* a worker that sends none, or not all */
	assert_true(fleet_figures_read(NULL, &out));
	assert_memory_equal(&nothing, &out, sizeof out);
	json_object_del(o, "done");
	assert_true(fleet_figures_read(o, &out));
	assert_int_equal(out.done, 0);
	assert_int_equal(out.busy, 4);
}

static void wrong_figures_are_refused(void **state)
{
	static const char *const wrong[] = {"[]",
	                                    "7",
	                                    "{\"busy\": -1}",
	                                    "{\"busy\": 9007199254740993}",
	                                    "{\"busy\": 1.5}",
	                                    "{\"busy\": \"1\"}",
	                                    "{\"cache_hits\": null}"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct fleet_figures f;
		AUTO(wire_beat_clear) struct wire_beat b = {0};
		AUTO(mem_freep)
		char *beat = mem_printf("{\"instance\":\"0123456789abcdef0123456789abcdef\",\"slots\":1,"
		                        "\"report\":{},\"figures\":%s}",
		                        wrong[i]);
		json_auto_t *o = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
		assert_false(fleet_figures_read(o, &f));
		assert_int_equal(wire_beat_read(beat, strlen(beat), &b, NULL), -ERR_FORMAT);
	}
}

static void history_is_of_the_last_minutes(void **state)
{
	struct history h = {0};
	struct fleet_figures f = {0}, recent;
	(void)state;
	assert_false(history_recent(&h, &recent));
	history_add(&h, 0, &f);
	assert_false(history_recent(&h, &recent));
	/* a beat every five seconds, for an hour; a unit every ten */
	for (int64_t at = 5 * CLOCK_SECOND; at <= 60 * MINUTE; at += 5 * CLOCK_SECOND) {
		f.uptime = at;
		f.done = at / (10 * CLOCK_SECOND);
		history_add(&h, at, &f);
		assert_true(history_recent(&h, &recent));
		assert_true(recent.uptime <= 5 * MINUTE);
		assert_true(at < 5 * MINUTE ? recent.uptime == at : recent.uptime > 4 * MINUTE);
	}
	assert_in_range(recent.done, 24, 30);
	/* work begins: what was before does not count */
	history_restart(&h);
	assert_false(history_recent(&h, &recent));
	f.uptime += 5 * CLOCK_SECOND;
	f.done++;
	history_add(&h, 60 * MINUTE + 5 * CLOCK_SECOND, &f);
	assert_true(history_recent(&h, &recent));
	assert_int_equal(recent.uptime, 5 * CLOCK_SECOND);
	assert_int_equal(recent.done, 1);
	/* started again */
	f = (struct fleet_figures){.uptime = CLOCK_SECOND};
	history_add(&h, 61 * MINUTE, &f);
	assert_false(history_recent(&h, &recent));
}

/* ---- advice */

/* Two workers with three slots each, for which engines are the limit. */
static struct fleet_facts good(void)
{
	return (struct fleet_facts){.version = "1.0",
	                            .waiting = 4,
	                            .works = true,
	                            .waited = 1,
	                            .given = 100,
	                            .live = 2,
	                            .slots = 6,
	                            .done = 50,
	                            .seconds = 300,
	                            .slot_time = 1800,
	                            .busy = 1750,
	                            .frames = 200,
	                            .engine = 1500,
	                            .bytes = 50,
	                            .send = 20};
}

static void expect(const struct fleet_facts *f, const char *rule, const char *action,
                   const char *limit)
{
	struct advice a[ADVICE_MANY];
	const struct advice *by, *found = NULL;
	size_t n = fleet_advice_give(f, a);
	for (size_t i = 0; i < n; i++)
		found = strcmp(a[i].rule, rule) ? found : &a[i];
	if (!found)
		fail_msg("%s does not apply", rule);
	if (!strstr(found->action, action) || !*found->text)
		fail_msg("%s: %s %s", rule, found->text, found->action);
	const char *what = fleet_bottleneck(a, n, &by);
	assert_string_equal(what ? what : "", limit);
	assert_int_equal(by != NULL, what != NULL);
}

static void each_bottleneck_is_named(void **state)
{
	struct fleet_facts f = good();
	(void)state;
	expect(&f, "fleet-engines", "add workers", "engines");
	f.frames = 1200;
	f.engine = 500;
	expect(&f, "fleet-decoders", "--media-hwaccel", "decoders");
	f.bytes = 1100;
	expect(&f, "fleet-network", "--path-map", "network");
	f = good();
	f.send = 1000;
	expect(&f, "fleet-head", "faster disks", "head");
	f = good();
	f.busy = 900;
	f.results = 5;
	expect(&f, "fleet-head", "faster disks", "head");
	f.results = 0;
	expect(&f, "fleet-head", "models of workers", "head");
	f.waited = 0.3; /* also if some wait just now */
	expect(&f, "fleet-work", "queue.jobs", "work");
	f = (struct fleet_facts){.version = "1.0", .waiting = 3};
	expect(&f, "fleet-no-worker", "vdet worker", "workers");
}

static void other_advice_is_given(void **state)
{
	struct fleet_facts f = good();
	(void)state;
	f.waiting = 6;
	expect(&f, "fleet-more-workers", "further machines", "engines");
	f = good();
	f.worst.name = "gpu7";
	f.worst.ended = 20;
	f.worst.bad = 4;
	expect(&f, "fleet-worker-fails", "drain gpu7", "engines");
	f = good();
	f.redelivered = 10;
	expect(&f, "fleet-redelivered", "fleet.ack_wait", "engines");
	f = good();
	f.other.name = "gpu7";
	f.other.version = "0.9\033[2J";
	f.other.n = 1;
	expect(&f, "fleet-versions", "version of the head", "engines");
}

static void little_is_said_of_what_is_short(void **state)
{
	struct advice a[ADVICE_MANY];
	struct fleet_facts f = good();
	(void)state;
	assert_int_equal(fleet_advice_give(&f, a), 1); /* the engines */
	assert_non_null(strstr(a[0].text, "In the last 5 minutes slots waited "));
	f.seconds = 40;
	assert_int_equal(fleet_advice_give(&f, a), 1);
	assert_non_null(strstr(a[0].text, "In the last 40 seconds slots waited "));
	f = good();
	f.works = false;
	assert_int_equal(fleet_advice_give(&f, a), 0);
	f = good();
	f.done = 2;
	assert_int_equal(fleet_advice_give(&f, a), 0);
	f = good();
	f.seconds = 9;
	assert_int_equal(fleet_advice_give(&f, a), 0);
	f = (struct fleet_facts){.version = ""};
	assert_int_equal(fleet_advice_give(&f, a), 0);
	/* Each text has room. */
	f = good();
	f.worst.name = f.other.name =
		"a-name-of-64-characters-a-name-of-64-characters-a-name-of-64-chara";
	f.worst.ended = f.worst.bad = f.redelivered = f.given = f.waiting = INT64_MAX / 100;
	f.other.version = "1";
	f.other.n = INT64_MAX / 100;
	size_t n = fleet_advice_give(&f, a);
	assert_true(n >= 4);
	for (size_t i = 0; i < n; i++) {
		assert_true(strlen(a[i].text) < sizeof a[i].text - 1);
		assert_true(strlen(a[i].action) < sizeof a[i].action - 1);
	}
}

/* ---- the view */

static json_t *a_worker(const char *name, const char *life, double engine)
{
	return json_pack(
		"{s:s, s:s, s:f, s:i, s:[s], s:[s,s], s:i, s:i, s:i, s:i, s:{s:s, s:s, s:i}, s:{s:i}, "
		"s:{s:f, s:f, s:i, s:f, s:f, s:f, s:f}}",
		"name", name, "state", life, "age", 1.5, "slots", 2, "models", "m", "units", "u1", "u2",
		"done", 9, "failed", 1, "refused", 0, "silent", 0, "report", "version", "1.1\033]0;x",
		"model", "qwen\nvl", "memory", -5, "figures", "done", 12, "recent", "uptime", 120.0, "busy",
		230.0, "done", 10, "frames", 20.0, "bytes", 5.0, "engine", engine, "send", 1.0);
}

static json_t *a_state(size_t n)
{
	json_t *workers = json_array();
	for (size_t i = 0; i < n; i++) {
		AUTO(mem_freep) char *name = mem_printf("w%03zu", i);
		json_array_append_new(workers, a_worker(name, i == 1 ? "silent" : "working", 180));
	}
	return json_pack(
		"{s:s, s:s, s:b, s:{s:i, s:i, s:i, s:i}, s:{s:b, s:f, s:f, s:f}, s:{s:i, s:i}, "
		"s:o}",
		"head", "0123456789abcdef", "version", "1.0", "connected", 1, "units", "waiting", 3,
		"begun", 4, "results", 0, "unsettled", 0, "load", "works", 1, "waited", 0.9, "waiting", 3.5,
		"results", 0.1, "counts", "given", 30, "redelivered", 1, "workers", workers);
}

static void view_is_made_of_the_state(void **state)
{
	(void)state;
	json_auto_t *s = a_state(2), *v = fleet_view(s);
	const json_t *workers = json_object_get(v, "workers"), *w = json_array_get(workers, 0);
	assert_int_equal(json_array_size(workers), 2);
	assert_string_equal(json_text(w, "waits_for"), "engine");
	assert_int_equal((int)json_number_value(json_object_get(w, "rate")), 5);
	assert_int_equal(json_integer_value(json_object_get(w, "in_progress")), 2);
	/* Only of those that live. */
	assert_int_equal((int)json_number_value(json_object_get(v, "rate")), 5);
	/* Texts of a worker are cleaned, and a size that cannot be is left out. */
	assert_null(strchr(json_text(w, "version"), '\033'));
	assert_string_equal(json_text(w, "model"), "qwen vl");
	assert_true(json_is_null(json_object_get(w, "memory")));
	/* Ids of units and models are texts of a worker, too. */
	assert_null(json_object_get(w, "units"));
	assert_null(json_object_get(w, "models"));
	assert_null(json_object_get(w, "report"));
	assert_string_equal(json_text(json_object_get(v, "bottleneck"), "what"), "engines");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "units"), "begun")), 4);
	/* Of work that is over nothing is said but how fast it was. */
	json_object_set_new(json_object_get(s, "load"), "works", json_false());
	json_auto_t *over = fleet_view(s);
	w = json_array_get(json_object_get(over, "workers"), 0);
	assert_true(json_is_null(json_object_get(over, "bottleneck")));
	assert_true(json_is_null(json_object_get(w, "waits_for")));
	assert_int_equal((int)json_number_value(json_object_get(w, "rate")), 5);
}

static void without_a_fleet_there_is_nothing(void **state)
{
	(void)state;
	json_auto_t *v = fleet_view(NULL);
	assert_true(json_is_null(json_object_get(v, "head")));
	assert_true(json_is_null(json_object_get(v, "bottleneck")));
	assert_int_equal(json_array_size(json_object_get(v, "workers")), 0);
	assert_int_equal(json_array_size(json_object_get(v, "recommendations")), 0);
}

/* ---- metrics */

static size_t occurrences(const char *text, const char *of)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, of)); p++)
		n++;
	return n;
}

static void metrics_are_bounded(void **state)
{
	(void)state;
	json_auto_t *s = a_state(1000), *v = fleet_view(s);
	AUTO(buf_free) struct buf b = BUF(16 << 20);
	fleet_metrics(v, &b);
	const char *text = buf_str(&b);
	assert_non_null(strstr(text, "\nvdet_fleet_workers{state=\"working\"} 999\n"));
	assert_non_null(strstr(text, "\nvdet_fleet_workers{state=\"silent\"} 1\n"));
	assert_non_null(strstr(text, "\nvdet_fleet_slots 1998\n"));
	assert_non_null(strstr(text, "\nvdet_fleet_units_waiting 3\n"));
	assert_non_null(strstr(text, "\nvdet_fleet_redeliveries_total 1\n"));
	assert_non_null(strstr(text, "\nvdet_fleet_worker_units_done_total{worker=\"w000\"} 12\n"));
	assert_int_equal(occurrences(text, "vdet_fleet_cache_hits_total{"), 200);
	/* Each metric has its two lines before it, once. */
	assert_int_equal(occurrences(text, "# HELP "), occurrences(text, "# TYPE "));
	assert_int_equal(occurrences(text, "# TYPE vdet_fleet_cache_hits_total counter\n"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_read_as_written),
		cmocka_unit_test(wrong_figures_are_refused),
		cmocka_unit_test(history_is_of_the_last_minutes),
		cmocka_unit_test(each_bottleneck_is_named),
		cmocka_unit_test(other_advice_is_given),
		cmocka_unit_test(little_is_said_of_what_is_short),
		cmocka_unit_test(view_is_made_of_the_state),
		cmocka_unit_test(without_a_fleet_there_is_nothing),
		cmocka_unit_test(metrics_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
