/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test: which events are planted, and what is counted of a plan. */
#include "plan-help.h"

#include "selftest/selftest.h"

static void events_fit_into_the_range_and_do_not_overlap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		int64_t from = (int64_t)seed * S, length = (8 + (int64_t)(seed * seed)) * S;
		AUTO(selftest_clear) struct selftest t = {0};
		struct err err;
		int64_t before = 0;
		assert_ok(selftest_make(from, from + length, 0, seed, &t, &err));
		assert_true(t.n >= 1 && t.n <= PLANTS_MAX);
		for (size_t i = 0; i < t.n; i++) {
			const struct plant *p = &t.events[i].plant;
			assert_true(p->start >= before && p->end > p->start && p->end <= length);
			assert_in_range(p->end - p->start, 599999, 5 * S);
			before = p->end;
			if (p->kind == PLANT_PICTURE)
				continue;
			assert_true(p->width >= 0.03 && p->width <= 0.08 && p->contrast >= 30);
			assert_true(p->x0 > 0 && p->x0 < 1 && p->x1 > 0 && p->x1 < 1);
			assert_true(p->y0 > 0 && p->y0 < 1 && p->y1 > 0 && p->y1 < 1);
		}
	}
}

static void a_seed_always_gives_the_same_events(void **state)
{
	(void)state;
	AUTO(selftest_clear) struct selftest a = {0};
	AUTO(selftest_clear) struct selftest b = {0};
	AUTO(selftest_clear) struct selftest c = {0};
	struct err err;
	assert_ok(selftest_make(0, 600 * S, 20, 1, &a, &err));
	assert_ok(selftest_make(0, 600 * S, 20, 1, &b, &err));
	assert_ok(selftest_make(0, 600 * S, 20, 2, &c, &err));
	assert_memory_equal(a.events, b.events, 20 * sizeof *a.events);
	assert_memory_not_equal(a.events, c.events, 20 * sizeof *a.events);
	assert_int_equal(a.events[3].plant.kind, PLANT_PICTURE);
	assert_int_equal(a.events[0].plant.kind, PLANT_OBJECT);
}

static void too_little_room_is_an_error(void **state)
{
	(void)state;
	struct selftest t;
	struct err err;
	assert_int_equal(selftest_make(0, 7 * S, 0, 1, &t, &err), -ERR_ARG);
	assert_int_equal(selftest_make(0, 80 * S, 11, 1, &t, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "at most 10"));
}

/* Twenty minutes with a score of 40 inside of every event but those that
 * `hidden` names, and no score at all around those that `skipped` names. */
static struct video_index *index_of(const struct selftest *t, size_t hidden, size_t skipped)
{
	struct video_index *x = still(t->duration, S / 10);
	add_keys(x, 2 * S);
	for (int64_t at = 0; at < t->duration; at += S / 5) {
		float score = 3;
		bool skip = false;
		for (size_t i = 0; i < t->n; i++) {
			const struct plant *p = &t->events[i].plant;
			bool inside = at >= p->start && at < p->end;
			if (inside && i != hidden)
				score = 40;
			skip |= inside && i == skipped;
		}
		x->detail[at / x->bin] = INDEX_DECODED;
		if (!skip)
			x->scores[x->n_scores++] =
				(struct index_score){.pts = at, .score = score, .share = 255, .w = 96, .h = 54};
	}
	return x;
}

static void judge(struct selftest *t, const struct plan_options *o, const struct video_index *x)
{
	AUTO(plan_freep) struct plan *p = NULL;
	struct err err;
	assert_ok(plan_make(o, t->duration, x, &p, &err));
	selftest_judge(t, o, p, x);
	for (size_t i = 0; i < t->n; i++)
		assert_int_equal(t->events[i].seen,
		                 has_sample(p, t->events[i].plant.start, t->events[i].plant.end));
}

static void misses_are_counted_with_their_reason(void **state)
{
	(void)state;
	enum { HIDDEN = 4, SKIPPED = 9, N = 20 };
	AUTO(selftest_clear) struct selftest t = {0};
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	struct err err;
	assert_ok(selftest_make(3600 * S, 4800 * S, N, 7, &t, &err));
	AUTO(video_index_freep) struct video_index *x = index_of(&t, HIDDEN, SKIPPED);
	judge(&t, &usual, x);

	assert_true(t.trials[0].seen < N && t.trials[0].seen >= 12);
	assert_int_equal(t.trials[0].policy, PLAN_ADAPTIVE);
	assert_int_equal(t.trials[1].policy, PLAN_EVEN);
	assert_true(t.trials[1].seen < t.trials[0].seen);
	assert_int_equal(t.trials[2].chunk_frames, 12);
	assert_true(t.trials[2].seen >= t.trials[0].seen);
	assert_false(t.events[SKIPPED].decoded);
	assert_true(t.events[HIDDEN].decoded && t.events[HIDDEN].score == 3);

	json_auto_t *j = selftest_json(&t);
	size_t i, seen = 0;
	const json_t *e;
	json_array_foreach (json_object_get(j, "events"), i, e) {
		bool one = json_is_true(json_object_get(e, "seen"));
		seen += one;
		assert_int_equal(one, json_is_null(json_object_get(e, "missed")));
		assert_true(json_number_value(json_object_get(e, "start")) >= 3600);
		if (!one && i == HIDDEN)
			assert_string_equal(json_string_value(json_object_get(e, "missed")), "not noticed");
		if (!one && i == SKIPPED)
			assert_string_equal(json_string_value(json_object_get(e, "missed")), "not decoded");
	}
	assert_int_equal(seen, t.trials[0].seen);

	selftest_text(&t, "a.mp4", &text);
	assert_non_null(
		strstr(buf_str(&text), "a.mp4  01:00:00.000 to 01:20:00.000, seed 7: 15 objects"));
	assert_non_null(strstr(buf_str(&text), "--chunk-frames=12"));
}

/* Everything unusual is in the corner. */
/* More frames are tried only if these settings miss something, whatever even
 * sampling misses. */
static void nothing_more_is_tried_if_nothing_is_missed(void **state)
{
	(void)state;
	enum { NONE = 99 };
	AUTO(selftest_clear) struct selftest t = {0};
	struct plan_options many = usual;
	struct err err;
	many.chunk_frames = 12;
	assert_ok(selftest_make(0, 1200 * S, 20, 7, &t, &err));
	AUTO(video_index_freep) struct video_index *x = index_of(&t, NONE, NONE);
	judge(&t, &many, x);
	assert_int_equal(t.trials[0].seen, 20);
	assert_true(t.trials[1].seen < 20);
	assert_int_equal(t.n_trials, 2);
}

static void a_score_elsewhere_does_not_tell(void **state)
{
	(void)state;
	AUTO(selftest_clear) struct selftest t = {0};
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	struct err err;
	assert_ok(selftest_make(0, 1200 * S, 60, 7, &t, &err));
	AUTO(video_index_freep) struct video_index *x = index_of(&t, SIZE_MAX, SIZE_MAX);
	for (size_t i = 0; i < x->n_scores; i++)
		x->scores[i].share = x->scores[i].w = x->scores[i].h = 1;
	judge(&t, &usual, x);
	assert_true(t.events[0].score < 14 && t.events[0].elsewhere == 40);
	selftest_text(&t, "a.mp4", &text);
	assert_non_null(strstr(buf_str(&text), "elsewhere in the picture (score 40 there)"));
}

static void without_an_index_only_frames_are_counted(void **state)
{
	(void)state;
	AUTO(selftest_clear) struct selftest t = {0};
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	struct plan_options even = usual;
	struct err err;
	even.policy = PLAN_EVEN;
	assert_ok(selftest_make(0, 1200 * S, 20, 7, &t, &err));
	judge(&t, &even, NULL);
	selftest_text(&t, "a.mp4", &text);
	assert_int_equal(t.trials[0].frames, 24);
	assert_int_equal(t.trials[1].chunk_frames, 12);
	assert_null(strstr(buf_str(&text), "even sampling"));
	assert_non_null(strstr(buf_str(&text), "this policy does not look"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_fit_into_the_range_and_do_not_overlap),
		cmocka_unit_test(a_seed_always_gives_the_same_events),
		cmocka_unit_test(too_little_room_is_an_error),
		cmocka_unit_test(misses_are_counted_with_their_reason),
		cmocka_unit_test(a_score_elsewhere_does_not_tell),
		cmocka_unit_test(nothing_more_is_tried_if_nothing_is_missed),
		cmocka_unit_test(without_an_index_only_frames_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
