/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of events: numbers, what a client missed, gaps, many threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "board/events.h"
#include "unit.h"

static void numbers_go_on(void **state)
{
	(void)state;
	AUTO(events_freep) struct events *e = events_new(8);
	uint64_t first = events_last(e);
	bool gap;
	assert_null(events_next(e, first, &gap));
	assert_false(gap);
	events_post(e, EVENT_JOB, 7, json_pack("{s:s}", "state", "queued"));
	events_post(e, EVENT_LOG, 0, NULL);
	assert_int_equal(events_last(e), first + 2);

	struct event *v = events_next(e, first, &gap);
	assert_non_null(v);
	assert_int_equal(v->seq, first + 1);
	assert_int_equal(v->subject, 7);
	assert_int_equal(strlen(v->json), v->len);
	json_auto_t *j = json_loads(v->json, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(j, "type")), "job");
	assert_string_equal(json_string_value(json_object_get(j, "job")), "7");
	assert_int_equal(json_integer_value(json_object_get(j, "seq")), first + 1);
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "data"), "state")),
	                    "queued");
	event_release(v);

	v = events_next(e, first + 1, &gap);
	json_auto_t *log = json_loads(v->json, 0, NULL);
	assert_null(json_object_get(log, "job"));
	assert_true(json_is_null(json_object_get(log, "data")));
	event_release(v);
}

static void too_old_is_told(void **state)
{
	(void)state;
	AUTO(events_freep) struct events *e = events_new(4);
	uint64_t first = events_last(e);
	bool gap;
	for (int i = 0; i < 6; i++)
		events_post(e, EVENT_LOG, 0, json_integer(i));
	assert_null(events_next(e, first + 1, &gap));
	assert_true(gap);
	for (uint64_t at = first + 2; at < first + 6; at++) {
		struct event *v = events_next(e, at, &gap);
		assert_false(gap);
		assert_int_equal(v->seq, at + 1);
		event_release(v);
	}
	assert_null(events_next(e, first + 6, &gap));
	assert_false(gap);
	/* Numbers that were never given: of the future, and of before the server
	 * began. */
	assert_null(events_next(e, first + 7, &gap));
	assert_true(gap);
	assert_null(events_next(e, 0, &gap));
	assert_true(gap);
}

static void held_events_live_on(void **state)
{
	(void)state;
	AUTO(events_freep) struct events *e = events_new(1);
	uint64_t first = events_last(e);
	bool gap;
	events_post(e, EVENT_LOG, 0, json_string("kept"));
	struct event *v = events_next(e, first, &gap);
	events_post(e, EVENT_LOG, 0, json_string("another"));
	assert_non_null(strstr(v->json, "kept"));
	event_release(v);
}

static void later_runs_have_later_numbers(void **state)
{
	(void)state;
	struct events *e = events_new(4);
	for (int i = 0; i < 100; i++)
		events_post(e, EVENT_LOG, 0, NULL);
	uint64_t last = events_last(e);
	events_free(e);
	while ((uint64_t)clock_wall() <= last)
		;
	AUTO(events_freep) struct events *again = events_new(4);
	assert_true(events_last(again) > last);
	assert_true(events_last(again) < UINT64_C(1) << 53);
}

enum { POSTERS = 4, EACH = 500 };

struct crowd {
	struct events *events;
	atomic_int told;
};

static void post_some(void *ctx)
{
	struct crowd *c = ctx;
	for (int i = 0; i < EACH; i++)
		events_post(c->events, EVENT_LOG, 0, json_integer(i));
}

static void on_event(void *ctx)
{
	struct crowd *c = ctx;
	atomic_fetch_add(&c->told, 1);
}

static void many_threads_post(void **state)
{
	(void)state;
	AUTO(events_freep) struct events *e = events_new(POSTERS * EACH);
	struct crowd c = {.events = e};
	uint64_t at = events_last(e);
	bool gap;
	events_listen(e, on_event, &c);
	struct pool *pool = pool_new(POSTERS);
	for (int i = 0; i < POSTERS; i++)
		pool_run(pool, post_some, &c);
	pool_free(pool); /* waits for them all */
	assert_int_equal(atomic_load(&c.told), POSTERS * EACH);
	for (int i = 0; i < POSTERS * EACH; i++, at++) {
		struct event *v = events_next(e, at, &gap);
		assert_int_equal(v->seq, at + 1);
		event_release(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_go_on),       cmocka_unit_test(too_old_is_told),
		cmocka_unit_test(held_events_live_on), cmocka_unit_test(later_runs_have_later_numbers),
		cmocka_unit_test(many_threads_post),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
