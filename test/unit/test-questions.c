/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the demo world: their answers agree with what is in view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "world/world.h"

enum { MS = 1000, SECOND = 1000000, STEP = SECOND / 5, SIGHTS = 8, APART = 10 };

static struct world *make(const char *settings)
{
	struct world_options o;
	char msg[200] = "";
	world_options_default(&o);
	assert_int_equal(world_options_parse(&o, settings, msg, sizeof msg), 0);
	struct world *w = world_new(&o, msg, sizeof msg);
	if (!w)
		fail_msg("%s: %s", settings, msg);
	return w;
}

static json_t *ask(const struct world *w, int n, int *made)
{
	char *text = world_questions_json(w, n, made);
	json_t *o = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(o);
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	assert_non_null(s);
	return s;
}

/* Whether something of this description ("red square", "red", "circle") has its
 * centre in the picture then. */
static bool in_view(const struct world *w, const char *about, int64_t t)
{
	struct world_sight s[SIGHTS];
	size_t n = world_visible(w, t, s, SIGHTS);
	assert_true(n <= SIGHTS);
	for (size_t i = 0; i < n; i++) {
		char name[60];
		const struct world_event *e = s[i].event;
		world_call(0, s[i].color, e->shape, name, sizeof name);
		if (t >= e->start_us && t < e->end_us && strstr(name, about))
			return true;
	}
	return false;
}

static bool is_within(const json_t *spans, int64_t t)
{
	size_t i;
	const json_t *span;
	json_array_foreach (spans, i, span) {
		double at = (double)t / SECOND;
		if (at >= json_number_value(json_array_get(span, 0)) &&
		    at < json_number_value(json_array_get(span, 1)))
			return true;
	}
	return false;
}

/* The evidence is when what is asked about is in view; of "not" when it is not. */
static void check_evidence(const struct world *w, const json_t *q)
{
	const char *kind = text_of(q, "kind");
	const json_t *about = json_object_get(q, "about"), *spans = json_object_get(q, "evidence");
	const char *one = json_string_value(json_array_get(about, 0)),
			   *two = json_string_value(json_array_get(about, 1));
	for (int64_t t = 0; t < w->o.duration_us; t += STEP) {
		bool seen = in_view(w, one, t) || (two && in_view(w, two, t));
		bool shown = is_within(spans, t);
		if (is_within(spans, t - MS) != shown || is_within(spans, t + MS) != shown)
			continue; /* they are rounded to milliseconds */
		if (shown != (seen != (strcmp(kind, "not") == 0)))
			fail_msg("%s: at %.1f s", text_of(q, "question"), (double)t / SECOND);
	}
}

/* How often it comes into view, as someone counts who looks five times a
 * second. */
static int count(const struct world *w, const char *about, int64_t *ret_first)
{
	int n = 0;
	int64_t last = -APART * SECOND;
	*ret_first = -1;
	for (int64_t t = 0; t < w->o.duration_us; t += STEP) {
		if (!in_view(w, about, t))
			continue;
		n += t - last > (APART - 1) * SECOND;
		*ret_first = *ret_first < 0 ? t : *ret_first;
		last = t;
	}
	return n;
}

/* Of two things, which comes first, and how often each comes. */
static void check_two(const struct world *w, const json_t *q, bool order)
{
	int64_t first[2];
	int n[2];
	const json_t *answer = json_object_get(q, "answer"),
				 *things = json_object_get(answer, "things");
	const json_t *numbers = json_object_get(answer, "numbers");
	assert_int_equal(json_array_size(things), 2);
	for (size_t i = 0; i < 2; i++)
		n[i] = count(w, json_string_value(json_array_get(things, i)), &first[i]);
	if (order)
		assert_true(first[0] < first[1]);
	for (size_t i = 0; i < 2 && !order; i++)
		assert_int_equal(json_integer_value(json_array_get(numbers, i)), n[i]);
	assert_true(order || n[0] > n[1]);
}

static void check_which(const struct world *w, const json_t *q)
{
	const json_t *things = json_object_get(json_object_get(q, "answer"), "things");
	const char *group = json_string_value(json_array_get(json_object_get(q, "about"), 0));
	size_t n = 0;
	for (int i = 0; i < WORLD_COLORS * WORLD_SHAPES; i++) {
		char name[60];
		int64_t first;
		enum world_shape shape = (enum world_shape)(i % WORLD_SHAPES);
		world_call(0, (enum world_color)(i / WORLD_SHAPES), shape, name, sizeof name);
		if (!strstr(name, group) || !count(w, name, &first))
			continue;
		bool named = false;
		for (size_t k = 0; k < json_array_size(things); k++)
			named |= strcmp(json_string_value(json_array_get(things, k)), name) == 0;
		assert_true(named);
		n++;
	}
	assert_int_equal(json_array_size(things), n);
}

static void check_answer(const struct world *w, const json_t *q)
{
	int64_t first;
	const char *kind = text_of(q, "kind");
	const json_t *answer = json_object_get(q, "answer"), *spans = json_object_get(q, "evidence");
	const char *about = json_string_value(json_array_get(json_object_get(q, "about"), 0));
	if (strcmp(kind, "absent") == 0) {
		assert_true(json_is_false(json_object_get(answer, "yes")));
		assert_int_equal(json_array_size(spans), 0);
		assert_int_equal(count(w, about, &first), 0);
		return;
	}
	assert_true(json_array_size(spans) > 0);
	if (strcmp(kind, "is") == 0)
		assert_true(json_is_true(json_object_get(answer, "yes")));
	else if (strcmp(kind, "count") == 0)
		assert_int_equal(json_integer_value(json_object_get(answer, "number")),
		                 count(w, about, &first));
	else if (strcmp(kind, "which") == 0)
		check_which(w, q);
	else if (strcmp(kind, "order") == 0 || strcmp(kind, "compare") == 0)
		check_two(w, q, *kind == 'o');
	else
		assert_true(json_equal(json_object_get(answer, "times"), spans));
}

static const char *const kinds[] = {"is",    "when",    "which", "count",
                                    "order", "compare", "not",   "absent"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void check_world(const char *settings, size_t of_kind[static KINDS])
{
	struct world *w = make(settings);
	int made;
	json_t *o = ask(w, 30, &made), *list = json_object_get(o, "questions"), *q;
	size_t i;
	assert_int_equal(json_array_size(list), made);
	assert_true(made <= 30);
	json_array_foreach (list, i, q) {
		assert_int_equal(json_integer_value(json_object_get(q, "id")), i + 1);
		assert_null(strchr(text_of(q, "question"), '{'));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(text_of(q, "question"),
			                        text_of(json_array_get(list, k), "question"));
		for (size_t k = 0; k < KINDS; k++)
			of_kind[k] += strcmp(text_of(q, "kind"), kinds[k]) == 0;
		check_evidence(w, q);
		check_answer(w, q);
	}
	json_decref(o);
	world_free(w);
}

static void test_answers_are_true(void **state)
{
	(void)state;
	static const char *const settings[] = {"duration=1800", "duration=1800 dropouts=60 events=120",
	                                       "duration=1800 events=120 subjects=1 longest=300",
	                                       "duration=600 events=0"};
	size_t of_kind[KINDS] = {0};
	for (int seed = 1; seed <= 10; seed++)
		for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
			char text[200];
			snprintf(text, sizeof text, "seed=%d %s", seed, settings[i]);
			check_world(text, of_kind);
		}
	for (size_t k = 0; k < KINDS; k++)
		if (of_kind[k] < 50)
			fail_msg("only %zu questions are of the kind %s", of_kind[k], kinds[k]);
}

static void test_same_seed_same_questions(void **state)
{
	(void)state;
	int n, fewer;
	struct world *a = make("seed=3 duration=1800"), *b = make("seed=3 duration=1800"),
				 *c = make("seed=4 duration=1800");
	char *qa = world_questions_json(a, 20, &n), *qb = world_questions_json(b, 20, &n);
	char *qc = world_questions_json(c, 20, &n);
	assert_int_equal(n, 20);
	assert_string_equal(qa, qb);
	assert_string_not_equal(qa, qc);
	/* fewer are the first of more */
	json_t *all = json_loads(qa, 0, NULL), *some = ask(a, 5, &fewer);
	assert_int_equal(fewer, 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(json_equal(json_array_get(json_object_get(all, "questions"), i),
		                       json_array_get(json_object_get(some, "questions"), i)));
	json_decref(all);
	json_decref(some);
	free(qa);
	free(qb);
	free(qc);
	world_free(a);
	world_free(b);
	world_free(c);
}

/* A world without anything: only what is absent can be asked for. */
static void test_there_may_be_fewer(void **state)
{
	(void)state;
	int made;
	struct world *w = make("seed=1 duration=60 events=0");
	json_t *none = ask(w, 0, &made);
	assert_int_equal(made, 0);
	json_decref(none);
	json_t *o = ask(w, WORLD_QUESTIONS_MAX, &made), *list = json_object_get(o, "questions");
	assert_true(made > 0 && made < WORLD_QUESTIONS_MAX);
	for (int i = 0; i < made; i++)
		assert_string_equal(text_of(json_array_get(list, (size_t)i), "kind"), "absent");
	json_decref(o);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_true),
		cmocka_unit_test(test_same_seed_same_questions),
		cmocka_unit_test(test_there_may_be_fewer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
