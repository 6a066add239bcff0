/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the job: plan, answer, summary tree, estimate. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/description.h"
#include "job/progress-json.h"
#include "job/summary.h"
#include "plan/plan.h"

#define S CLOCK_SECOND

static int make_even(int64_t duration, int64_t from, int64_t to, int64_t chunk, int64_t frames,
                     struct plan **ret, struct err *err)
{
	const struct plan_options o = {
		.from = from, .to = to, .chunk_duration = chunk, .chunk_frames = frames};
	return plan_make(&o, duration, NULL, ret, err);
}

static void check_plan(int64_t duration, int64_t from, int64_t to, int64_t chunk, int64_t frames,
                       size_t want_chunks)
{
	AUTO(plan_freep) struct plan *p = NULL;
	struct err err;
	assert_ok(make_even(duration, from, to, chunk, frames, &p, &err));
	assert_int_equal(p->n_chunks, want_chunks);
	int64_t end = to && to < duration ? to : duration, at = from;
	for (size_t i = 0; i < p->n_chunks; i++) {
		const struct plan_chunk *c = &p->chunks[i];
		assert_int_equal(c->start, at); /* no gap, no overlap */
		assert_true(c->end > c->start && c->n_times >= 1 && c->n_times <= (size_t)frames);
		int64_t share = (c->end - c->start) / (int64_t)c->n_times, last = c->start - share / 2;
		for (size_t k = 0; k < c->n_times; k++) {
			assert_in_range(c->times[k], c->start, c->end - 1);
			assert_in_range(c->times[k] - last, share - 1, share + 1);
			last = c->times[k];
		}
		at = c->end;
	}
	assert_int_equal(at, end);
}

static void a_plan_covers_the_video_evenly(void **state)
{
	(void)state;
	check_plan(7213 * S, 0, 0, 300 * S, 6, 24); /* 13 s left over join the last chunk */
	check_plan(7290 * S, 0, 0, 300 * S, 6, 25); /* 90 s do not */
	check_plan(10 * S, 0, 0, 300 * S, 6, 1);
	check_plan(300 * S, 0, 0, 300 * S, 1, 1);
	check_plan(3600 * S, 100 * S, 1000 * S, 300 * S, 256, 3);
	check_plan(3600 * S, 3599 * S, 9999 * S, 300 * S, 6, 1);
	check_plan(1, 0, 0, 300 * S, 6, 1); /* one microsecond holds one sample */
	check_plan(INT64_C(10) * 86400 * S, 0, 0, 10 * S, 20, 86400);
}

static void a_plan_refuses_what_is_not_there(void **state)
{
	struct plan *p = NULL;
	struct err err;
	(void)state;
	assert_int_equal(make_even(10 * S, 10 * S, 0, 300 * S, 6, &p, &err), -ERR_ARG);
	assert_string_equal(err.msg,
	                    "--from 00:00:10.000 is after the end of the video (00:00:10.000)");
	assert_int_equal(make_even(10 * S, 5 * S, 5 * S, 300 * S, 6, &p, &err), -ERR_ARG);
	assert_int_equal(make_even(INT64_C(300000) * S, 0, 0, 1 * S, 6, &p, &err), -ERR_LIMIT);
	assert_null(p);
}

static int read_text(const char *text, size_t n_frames, struct description *ret, struct err *err)
{
	const struct chat_result r = {.text = (char *)text, .finish_reason = (char *)"stop"};
	return description_read(&r, n_frames, ret, err);
}

static void a_good_answer_is_kept(void **state)
{
	AUTO(description_clear) struct description a = {0};
	struct err err;
	(void)state;
	assert_ok(
		read_text("```json\n{\"summary\": \"A\\ncar.\", \"events\": [{\"subject\": \"a\\nvan\", "
	              "\"frames\": [3, 1, 3], \"what\": \"It comes\"}]}\n```\n",
	              3, &a, &err));
	assert_string_equal(a.summary, "A car.");
	assert_int_equal(a.n_events, 1);
	assert_string_equal(a.events[0].subject, "a van");
	assert_int_equal(a.events[0].n_frames, 2);
	assert_int_equal(a.events[0].frames[0], 0);
	assert_int_equal(a.events[0].frames[1], 2);
	/* Models that do not keep to the schema often leave the subject out: what
	 * they say is still right. */
	AUTO(description_clear) struct description plain = {0};
	assert_ok(read_text(
		"{\"summary\": \"A car.\", \"events\": [{\"what\": \"It comes\", \"frames\": [1]}]}", 1,
		&plain, &err));
	assert_string_equal(plain.events[0].subject, "");
	AUTO(description_clear) struct description quiet = {0};
	assert_ok(read_text("{\"summary\": \"Nothing happens.\", \"events\": []}", 1, &quiet, &err));
	assert_int_equal(quiet.n_events, 0);
}

static void a_bad_answer_is_refused_with_its_fault(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"", "it is empty"},
		{" \n ", "it is empty"},
		{"Sure! Here it is:", "it is not valid JSON"},
		{"{\"summary\": \"cut o", "it is not valid JSON"},
		{"[]", "it is not an object with"},
		{"{\"summary\": 3, \"events\": []}", "it is not an object with"},
		{"{\"summary\": \"x\", \"events\": 1}", "it is not an object with"},
		{"{\"events\": []}", "it is not an object with"},
		{"{\"summary\": \" \", \"events\": []}", "it has neither a summary nor events"},
		{"{\"summary\": \"x\", \"events\": [{\"what\": \"y\", \"frames\": [4]}]}",
	     "event 1 names a frame that is not one of 1 to 3"},
		{"{\"summary\": \"x\", \"events\": [{\"what\": \"y\", \"frames\": [0]}]}",
	     "event 1 names a frame that is not one of"},
		{"{\"summary\": \"x\", \"events\": [{\"what\": \"y\", \"frames\": [1.5]}]}",
	     "event 1 names a frame that is not one of"},
		{"{\"summary\": \"x\", \"events\": [{\"what\": \"y\", \"frames\": []}]}",
	     "event 1 names no frames"},
		{"{\"summary\": \"x\", \"events\": [{\"what\": \"y\", \"frames\": [1]}, {\"frames\": "
	     "[1]}]}",
	     "event 2 has no \"what\""},
		{"{\"summary\": \"x\", \"events\": [\"y\"]}", "event 1 has no \"what\""},
		{"{\"summary\": \"x\", \"events\": [{\"what\": \"\\u2066\\u200e\", "
	     "\"frames\": [1]}]}",
	     "event 1 has no \"what\""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct description a = {0};
		struct err err;
		assert_int_equal(read_text(cases[i].text, 3, &a, &err), -ERR_FORMAT);
		if (strncmp(err.msg, cases[i].fault, strlen(cases[i].fault)) != 0)
			fail_msg("case %zu: \"%s\" is not \"%s\"", i, err.msg, cases[i].fault);
		assert_null(a.summary);
	}
}

static void what_is_too_long_is_marked_or_refused(void **state)
{
	(void)state;
	enum { LONG = 9000 };
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	AUTO(description_clear) struct description a = {0};
	struct err err;
	buf_adds(&text, "{\"summary\": \"x\", \"events\": [{\"frames\": [1], \"what\": \"");
	for (int i = 0; i < LONG; i++)
		buf_adds(&text, "y");
	buf_adds(&text, "\"}]}");
	assert_ok(read_text(buf_str(&text), 3, &a, &err));
	assert_non_null(strstr(a.events[0].what, "y […]"));

	struct description none = {0};
	buf_clear(&text);
	buf_adds(&text, "{\"summary\": \"x\", \"events\": [{\"what\": \"y\", \"frames\": [1");
	for (int i = 0; i < LONG; i++)
		buf_adds(&text, ",2");
	buf_adds(&text, ",99]}]}");
	assert_int_equal(read_text(buf_str(&text), 3, &none, &err), -ERR_FORMAT);
}

struct asker {
	int calls;
	size_t longest;
	int fail_at;
};

static int ask(void *ctx, const char *notes, char **ret, struct err *err)
{
	struct asker *a = ctx;
	size_t lines = 0;
	if (++a->calls == a->fail_at)
		return err_set(err, ERR_ENGINE, "no");
	for (const char *p = notes; *p; p++)
		lines += *p == '\n';
	assert_true(lines >= 2); /* asking about one note would be a waste */
	if (strlen(notes) > a->longest)
		a->longest = strlen(notes);
	*ret = mem_printf("answer %d about %zu notes", a->calls, lines);
	return 0;
}

static void a_long_summary_is_a_tree(void **state)
{
	AUTO(notes_clear) struct notes t = {0};
	struct asker a = {0};
	struct err err;
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char text[100];
		snprintf(text, sizeof text, "note number %d, of about fifty letters, no more", i);
		notes_add(&t, i * 300 * S, (i + 1) * 300 * S, text);
	}
	AUTO(mem_freep) char *summary = NULL;
	assert_ok(summary_make(&t, 4000, ask, &a, &summary, &err));
	assert_true(a.longest <= 4000 && a.calls >= 19 && a.calls < 40);
	assert_int_equal(t.n, 1000); /* the caller's notes are untouched */
	a = (struct asker){.fail_at = 3};
	char *none = NULL;
	assert_int_equal(summary_make(&t, 4000, ask, &a, &none, &err), -ERR_ENGINE);
	assert_null(none);
}

static void quiet_stretches_are_one_note(void **state)
{
	AUTO(notes_clear) struct notes t = {0};
	AUTO(buf_free) struct buf text = BUF(1000);
	struct asker a = {0};
	struct err err;
	(void)state;
	notes_add(&t, 0, 300 * S, "Nothing happens.");
	notes_add(&t, 300 * S, 600 * S, "Nothing happens.");
	notes_print(&t, 0, t.n, &text);
	assert_string_equal(buf_str(&text), "[00:00:00 - 00:10:00] Nothing happens.\n");
	AUTO(mem_freep) char *summary = NULL;
	assert_ok(summary_make(&t, 4000, ask, &a, &summary, &err));
	assert_string_equal(summary, "Nothing happens.");
	assert_int_equal(a.calls, 0);
	notes_add(&t, 700 * S, 800 * S, "A cat.");
	AUTO(mem_freep) char *timeline = summary_timeline(&t, 1, true);
	assert_string_equal(timeline, "00:00:00 Nothing happens.\nand 1 more");
	const struct notes none = {0};
	AUTO(mem_freep) char *quiet = summary_timeline(&none, 1, true);
	assert_string_equal(quiet, "Nothing was seen to happen.");
	AUTO(mem_freep) char *unknown = summary_timeline(&none, 1, false);
	assert_string_equal(unknown, "No chunk was described: it is not known what happened.");
}

static void time_left_follows_the_measured_rate(void **state)
{
	int64_t mean;
	const double half[] = {0.5, 0.5};
	const int64_t ten[] = {10 * S, 10 * S};
	(void)state;
	assert_int_equal(progress_estimate(0, 0, NULL, NULL, 0, 10, 1, &mean), -1);
	assert_int_equal(progress_estimate(0, 0, NULL, NULL, 0, 0, 1, &mean), 0);
	/* Ten chunks took 20 s each; ten wait; two lanes. */
	assert_int_equal(progress_estimate(10, 200 * S, NULL, NULL, 0, 10, 2, &mean), 100 * S);
	/* None is done, but two are half done after ten seconds. */
	assert_int_equal(progress_estimate(0, 0, half, ten, 2, 9, 2, &mean), 100 * S);
	assert_int_equal(mean, 20 * S);
	/* Fewer chunks than lanes. */
	assert_int_equal(progress_estimate(4, 80 * S, half, ten, 1, 0, 8, &mean), 10 * S);
}

static void the_pace_is_that_of_the_last_chunks(void **state)
{
	const int64_t ends[] = {100 * S, 110 * S, 110 * S, 130 * S, 140 * S, 140 * S, 150 * S};
	(void)state;
	assert_int_equal(progress_pace(ends, 0, 1, 0), -1);
	assert_int_equal(progress_pace(ends, 4, 1, 130 * S), -1);
	assert_int_equal(progress_pace(ends, 7, 7, 150 * S), -1); /* not yet one round of all */
	assert_int_equal(progress_pace(ends, 5, 2, 140 * S), 10 * S);
	/* Nothing ended since: it is slower than it was. */
	assert_int_equal(progress_pace(ends, 7, 2, 160 * S), 10 * S);
	assert_int_equal(progress_pace(ends, 7, 2, 220 * S), 20 * S);
}

static size_t n_events[PROGRESS_EVENT_TYPES];
static struct progress_view last_view;

/* Each event comes with the state after it, and becomes a message that has the
 * members of the table and no others. */
static void on_event(void *ctx, const struct progress_event *e)
{
	const struct message_type *t = &progress_messages[e->type];
	size_t n = 3;

	(void)ctx;
	n_events[e->type]++;
	last_view = *e->view;
	json_auto_t *j = progress_json(e, 7);
	assert_int_equal(json_integer_value(json_object_get(j, "seq")), 7);
	assert_true(json_is_number(json_object_get(j, "time")));
	assert_string_equal(json_string_value(json_object_get(j, "type")), t->name);
	for (const struct message_field *f = t->fields; f->name; f++) {
		bool there = json_object_get(j, f->name) != NULL;
		if (!there && !strchr(f->type, '?'))
			fail_msg("%s has no %s", t->name, f->name);
		n += there;
	}
	assert_int_equal(json_object_size(j), n);
}

static void every_change_is_an_event(void **state)
{
	const enum chunk_state states[] = {CHUNK_DONE, CHUNK_ANSWER};
	const struct store_chunk hole = {.index = 6, .end = S, .state = CHUNK_HOLE, .reason = "why"};
	(void)state;
	AUTO(progress_freep) struct progress *p = progress_new(on_event, NULL);

	progress_phase(p, PHASE_HASHING, "");
	progress_phase(p, PHASE_HASHING, ""); /* no change, no event */
	assert_int_equal(n_events[PROGRESS_PHASE], 1);
	assert_int_equal(last_view.phase, PHASE_HASHING);

	assert_true(last_view.planned);
	progress_planned(p, false);
	progress_begin(p, 25, 6, 2);
	assert_int_equal(n_events[PROGRESS_UPDATE], 1);
	assert_int_equal(last_view.chunks, 25);
	assert_false(last_view.planned);

	progress_chunk(p, 6, 0, S, CHUNK_DECODING, 0, 6);
	assert_int_equal(n_events[PROGRESS_CHUNK], 1);
	progress_chunk(p, 6, 0, S, CHUNK_DECODING, 3, 6);
	progress_chunk(p, 6, 0, S, CHUNK_DECODING, 3, 6); /* no change */
	assert_int_equal(n_events[PROGRESS_CHUNK], 1);
	assert_int_equal(n_events[PROGRESS_UPDATE], 2);
	assert_int_equal(last_view.active[0].done, 3);

	progress_result(p, &hole);
	assert_int_equal(n_events[PROGRESS_RESULT], 1);
	assert_int_equal(n_events[PROGRESS_CHUNK], 2);
	progress_chunk(p, 7, S, 2 * S, CHUNK_PREFILL, 50, 100);
	assert_int_equal(last_view.done, 7);
	assert_int_equal(last_view.holes, 1);
	assert_int_equal(last_view.n_active, 1);
	assert_true(last_view.fraction > 7.0 / 25 && last_view.fraction < 8.0 / 25);

	progress_video(p, 3, 20, "a");
	assert_int_equal(last_view.video, 3);
	assert_int_equal(last_view.videos, 20);

	const struct progress_event others[] = {
		{.type = PROGRESS_SOURCE, .source = {.name = "a", .codec = "h264", .warning = ""}},
		{.type = PROGRESS_CASE, .cases = {.id = "1", .dir = "/tmp", .videos = 2}},
		{.type = PROGRESS_HASH, .sha256 = "00"},
		{.type = PROGRESS_BEGIN, .begin = {.job = "1", .states = states, .n = 2}},
		{.type = PROGRESS_REPORT, .report = {.job = "1", .dir = "/tmp"}},
		{.type = PROGRESS_ERROR, .error = {.file = "a", .code = "format", .message = "bad"}},
		{.type = PROGRESS_ERROR, .error = {.code = "format", .message = "bad"}},
		{.type = PROGRESS_END, .exit_code = 3},
	};
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		progress_emit(p, &others[i]);
	for (size_t i = 0; i < PROGRESS_EVENT_TYPES; i++)
		assert_true(n_events[i] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_covers_the_video_evenly),
		cmocka_unit_test(a_plan_refuses_what_is_not_there),
		cmocka_unit_test(a_good_answer_is_kept),
		cmocka_unit_test(a_bad_answer_is_refused_with_its_fault),
		cmocka_unit_test(what_is_too_long_is_marked_or_refused),
		cmocka_unit_test(a_long_summary_is_a_tree),
		cmocka_unit_test(quiet_stretches_are_one_note),
		cmocka_unit_test(time_left_follows_the_measured_rate),
		cmocka_unit_test(the_pace_is_that_of_the_last_chunks),
		cmocka_unit_test(every_change_is_an_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
