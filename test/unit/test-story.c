/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements become one event. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "story/pairs.h"
#include "story/story.h"

#define S CLOCK_SECOND

enum { FRAMES = 6, APART = 3 }; /* of each chunk; seconds between two frames */

static struct story_part parts[32];
static size_t n_parts;
/* What a model called one event. */
static struct story_link said[4];
static size_t n_said;

/* About frames `first` to `last` of a chunk. */
static void say(size_t chunk, size_t first, size_t last, const char *subject, const char *what)
{
	int64_t begin = (int64_t)(chunk * FRAMES) * APART * S;
	parts[n_parts++] = (struct story_part){.start = begin + (int64_t)first * APART * S,
	                                       .end = begin + (int64_t)last * APART * S,
	                                       .step = last > first ? APART * S : 0,
	                                       .chunk = chunk,
	                                       .frames = FRAMES,
	                                       .first = first,
	                                       .last = last,
	                                       .subject = subject,
	                                       .what = what};
}

/* The events as "0+2 1: sentence|…", one after another: their parts, then what
 * they say, "~" before a state. Forgets the parts. */
static void assert_story(const char *want)
{
	size_t n;
	struct story_event *events = story_join(parts, n_parts, said, n_said, &n);
	AUTO(buf_free) struct buf b = BUF(4096);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < events[i].n_parts; k++)
			buf_addf(&b, "%s%zu", k ? "+" : i ? "|" : "", events[i].parts[k]);
		buf_addf(&b, " %s%s", events[i].state ? "~" : "", events[i].what);
	}
	assert_string_equal(buf_str(&b), want);
	story_free(events, n);
	n_parts = n_said = 0;
}

/* The pairs as "0-1? 2-3= 4-5!", open, the same, and different. */
static struct story_pair *assert_pairs(const char *want)
{
	size_t n;
	struct story_pair *pairs = story_pairs(parts, n_parts, STORY_BORDER_PAIRS, &n);
	AUTO(buf_free) struct buf b = BUF(4096);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%zu-%zu%c", i ? " " : "", pairs[i].first, pairs[i].second,
		         "?=!"[pairs[i].known]);
	assert_string_equal(buf_str(&b), want);
	n_parts = 0;
	return pairs;
}

static void what_goes_on_is_one_event(void **state)
{
	(void)state;
	say(0, 3, 5, "blue circle", "A blue circle enters from the right.");
	say(1, 0, 5, "The blue circle", "A blue circle moves to the left.");
	say(1, 1, 2, "red square", "A red square passes.");
	say(2, 0, 1, "Blue circle", "A blue circle leaves to the left.");
	assert_story("0+1+3 A blue circle enters from the right; moves to the left; leaves to the left."
	             "|2 A red square passes.");

	/* One frame that the model did not cite, at either side of the border. */
	say(0, 3, 4, "dog", "A dog runs.");
	say(1, 1, 2, "dog", "A dog runs.");
	assert_story("0+1 A dog runs.");

	/* Without subjects, the same sentence. */
	say(0, 5, 5, "", "Ein Hund läuft.");
	say(1, 0, 1, "", "Ein Hund läuft.");
	say(1, 0, 1, "", "Ein Hund bellt.");
	assert_story("0+1 Ein Hund läuft.|2 Ein Hund bellt.");
	say(0, 5, 5, "the", "A dog runs.");
	say(1, 0, 1, "The!", "A cat sits.");
	assert_story("0 A dog runs.|1 A cat sits.");
	assert_story("");
}

static void what_happens_again_is_another_event(void **state)
{
	(void)state;
	/* Frames between them do not show it. */
	say(0, 1, 3, "dog", "A dog runs.");
	say(1, 0, 1, "dog", "A dog runs.");
	assert_story("0 A dog runs.|1 A dog runs.");

	/* The chunk between them is a hole, or says nothing of it. */
	say(0, 5, 5, "dog", "A dog runs.");
	say(2, 0, 1, "dog", "A dog runs.");
	assert_story("0 A dog runs.|1 A dog runs.");

	/* It left, and comes. */
	say(0, 4, 5, "car", "A car leaves to the left.");
	say(1, 0, 1, "car", "A car enters from the right.");
	assert_story("0 A car leaves to the left.|1 A car enters from the right.");

	/* Another subject. */
	say(0, 4, 5, "red car", "A red car waits.");
	say(1, 0, 1, "blue car", "A blue car waits.");
	assert_story("0 A red car waits.|1 A blue car waits.");

	/* Too long ago for something that moves. */
	say(0, 5, 5, "car", "A car passes.");
	say(1, 0, 0, "car", "A car passes.");
	parts[1].start = parts[1].end = parts[0].end + 30 * S;
	assert_story("0 A car passes.|1 A car passes.");
	say(0, 3, 5, "ship", "A ship passes.");
	say(1, 0, 0, "ship", "A ship passes.");
	parts[0].step = 20 * S;
	parts[1].start = parts[1].end = parts[0].end + 30 * S;
	assert_story("0+1 A ship passes.");
}

static void two_of_one_look_are_not_joined(void **state)
{
	(void)state;
	say(0, 3, 5, "person", "A person walks to the left.");
	say(0, 4, 5, "person", "A person walks to the right.");
	say(1, 0, 1, "person", "A person walks to the right.");
	assert_story("0 A person walks to the left.|1 A person walks to the right."
	             "|2 A person walks to the right.");
}

static void states_extend_events(void **state)
{
	(void)state;
	say(0, 1, 2, "circle", "A circle enters.");
	say(0, 2, 5, "circle", "A circle stays.");
	say(1, 0, 5, "circle", "A circle stays.");
	say(2, 0, 5, "circle", "A circle is still there.");
	say(3, 0, 1, "circle", "A circle leaves.");
	say(3, 0, 5, "", "Nothing happens.");
	parts[4].start += 3600 * S; /* nothing moved meanwhile */
	parts[4].end += 3600 * S;
	assert_story("0+1+2+3+4 A circle enters; leaves.|5 ~Nothing happens.");

	say(0, 0, 5, "car", "A car is parked.");
	say(1, 0, 5, "car", "A car is parked.");
	assert_story("0+1 ~A car is parked.");
}

/* Two of one look in one chunk. */
static void what_is_there_at_once_is_not_joined(void **state)
{
	(void)state;
	say(0, 0, 5, "red car", "A red car stays.");
	say(0, 2, 5, "red car", "A red car enters.");
	assert_story("0 ~A red car stays.|1 A red car enters.");
	say(0, 0, 0, "red car", "A red car leaves.");
	say(0, 0, 5, "red car", "A red car stays.");
	assert_story("0 A red car leaves.|1 ~A red car stays.");
	say(0, 0, 5, "red car", "A red car stays.");
	say(0, 5, 5, "red car", "A red car appears.");
	assert_story("0 ~A red car stays.|1 A red car appears.");
	/* one that begins with the last frame of the other may go on with it */
	say(0, 0, 3, "red car", "A red car stays.");
	say(0, 3, 5, "red car", "A red car turns.");
	assert_story("0+1 A red car turns.");
}

static void only_what_reports_nothing_else_is_a_state(void **state)
{
	(void)state;
	static const char *const states[] = {"A purple circle stays.",
	                                     "Nothing happens.",
	                                     "A red car remains parked at the left.",
	                                     "The two men are still there",
	                                     "No movement.",
	                                     "There is no activity on the street.",
	                                     "Two cars stay on the left.",
	                                     "A woman in a red coat stands still.",
	                                     "A bus does not move.",
	                                     "The picture is unchanged."};
	static const char *const events[] = {"A man stays and takes a bag.",
	                                     "A man remains, then leaves.",
	                                     "A man is still running.",
	                                     "A dog enters and stays.",
	                                     "A car stays until it leaves.",
	                                     "A man waits at the door.",
	                                     "Un homme reste.",
	                                     "",
	                                     "A stayer runs.",
	                                     "A man stabs a motionless woman.",
	                                     "A man smashes the window of a car that is parked.",
	                                     "A robber shoots at a stationary bus.",
	                                     "A thief climbs over a gate that remains open.",
	                                     "A masked man drags a motionless child away.",
	                                     "A man remains hitting the door.",
	                                     "A man kicks a dog stays.",
	                                     "A woman stays with a knife.",
	                                     "A man stays to hit a dog.",
	                                     "He stays (he hits the dog).",
	                                     "Nothing happens as a man steals a car.",
	                                     "No change of clothes hides him."};
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		assert_true(story_is_state(states[i]));
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		assert_false(story_is_state(events[i]));
}

static void sentences_are_combined(void **state)
{
	(void)state;
	say(0, 5, 5, "man", "A man comes.");
	say(1, 0, 5, "man", "He sits down");
	assert_story("0+1 A man comes; He sits down.");

	const char *const what[] = {"A man comes.",   "A man sits down.", "A man comes.",
	                            "The man turns.", "A man runs.",      "A man stops."};
	for (size_t i = 0; i < ARRAY_LEN(what); i++)
		say(i, 0, 5, "A man", what[i]);
	assert_story("0+1+2+3+4+5 A man comes; sits down; turns; …; stops.");

	say(0, 5, 5, "x", "A man");
	say(1, 0, 5, "x", "A man goes.");
	assert_story("0+1 A man; A man goes.");
	say(0, 5, 5, "", ".");
	say(1, 0, 5, "", ".");
	assert_story("0+1 .");
	say(0, 5, 5, "man", ".");
	say(1, 0, 5, "man", "ein Mann.");
	assert_story("0+1 ein Mann.");

	/* Nothing but the subject is left out, and only before a verb. */
	say(0, 5, 5, "guard", "The guard does not lock the door.");
	say(1, 0, 5, "guard", "The guard does lock the window.");
	assert_story("0+1 The guard does not lock the door; does lock the window.");
	say(0, 5, 5, "man in red", "A man in red hits a woman.");
	say(1, 0, 5, "man in red", "A man in red jeans drives off.");
	assert_story("0+1 A man in red hits a woman; A man in red jeans drives off.");
	say(0, 5, 5, "man", "A man waits.");
	say(1, 0, 5, "man", "He leaves.");
	assert_story("0+1 A man waits; He leaves.");
}

/* Chunks that overlap: the later one may show the earlier part. */
static void parts_are_in_order_of_time(void **state)
{
	(void)state;
	say(0, 5, 5, "man", "A man stops.");
	say(1, 0, 2, "man", "A man walks.");
	parts[1].start = parts[0].start - 6 * S;
	parts[1].end = parts[0].end;
	assert_story("1+0 A man walks; stops.");
}

static void what_a_model_calls_one_event_is_joined(void **state)
{
	(void)state;
	say(0, 3, 5, "man in red", "A man in red enters.");
	say(1, 0, 5, "person", "A person walks.");
	said[n_said++] = (struct story_link){0, 1};
	assert_story("0+1 A man in red enters; A person walks.");

	/* Not where a rule joined one of them, they are no neighbours, or it left. */
	say(0, 5, 5, "dog", "A dog runs.");
	say(0, 5, 5, "animal", "An animal runs.");
	say(1, 0, 5, "dog", "A dog runs.");
	said[n_said++] = (struct story_link){1, 2};
	assert_story("0+2 A dog runs.|1 An animal runs.");
	say(0, 3, 5, "man", "A man runs.");
	say(2, 0, 5, "person", "A person walks.");
	said[n_said++] = (struct story_link){0, 1};
	said[n_said++] = (struct story_link){0, 7};
	assert_story("0 A man runs.|1 A person walks.");
	say(0, 3, 5, "man", "A man leaves.");
	say(1, 0, 5, "person", "A person enters.");
	said[n_said++] = (struct story_link){0, 1};
	assert_story("0 A man leaves.|1 A person enters.");
}

static void pairs_are_what_the_rules_leave_open(void **state)
{
	(void)state;
	say(0, 3, 5, "man in red", "A man in red enters.");
	say(0, 0, 5, "dog", "A dog runs.");
	say(1, 0, 5, "person", "A person walks.");
	say(1, 0, 1, "dog", "A dog leaves.");
	say(1, 0, 1, "blue man", "A blue man passes."); /* not the one in red */
	say(1, 3, 4, "somebody", "Somebody comes.");    /* later */
	free(assert_pairs("0-2? 0-4! 1-3="));

	/* Nothing is open, so nothing is asked. */
	say(0, 3, 5, "dog", "A dog runs.");
	say(1, 0, 5, "dog", "A dog runs.");
	say(2, 0, 5, "red car", "A red car passes.");
	say(4, 0, 5, "cat", "A cat sits.");
	say(5, 0, 5, "", "Something falls.");
	free(assert_pairs(""));
	free(assert_pairs(""));
}

static void answers_about_pairs_are_judged(void **state)
{
	(void)state;
	struct err err;
	const struct story_pair pairs[] = {{0, 5, STORY_OPEN},
	                                   {0, 6, STORY_OPEN},
	                                   {1, 7, STORY_OPEN},
	                                   {2, 8, STORY_SAME},
	                                   {3, 9, STORY_DIFFERENT}};
	bool said_one[] = {true, false, true, true, false};
	assert_int_equal(story_pairs_judge(pairs, 5, said_one, &err), 0);
	assert_true(said_one[0] && said_one[2]);
	assert_false(said_one[1] || said_one[3]);

	bool said_both[] = {true, true, true, true, false}; /* 0 cannot go on as both */
	assert_int_equal(story_pairs_judge(pairs, 5, said_both, &err), 0);
	assert_true(said_both[2]);
	assert_false(said_both[0] || said_both[1]);

	bool said_all[] = {true, true, true, true, true};
	assert_int_equal(story_pairs_judge(pairs, 5, said_all, &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "1 of 1 pairs one event that are two"));
	bool said_all_open[] = {true, true, true};
	assert_int_equal(story_pairs_judge(pairs, 3, said_all_open, &err), -ERR_FORMAT);
}

static void many_take_linear_time(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	size_t n;
	struct story_part *many = mem_alloc(MANY, sizeof *many);
	for (size_t i = 0; i < MANY; i++) {
		many[i] = (struct story_part){.start = (int64_t)(i / 50) * S,
		                              .end = (int64_t)(i / 50) * S,
		                              .chunk = i / 50,
		                              .frames = 1,
		                              .subject = i % 2 ? "dog" : "",
		                              .what = "A dog runs."};
	}
	struct story_event *events = story_join(many, MANY, NULL, 0, &n);
	assert_int_equal(n, MANY);
	story_free(events, n);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_on_is_one_event),
		cmocka_unit_test(what_happens_again_is_another_event),
		cmocka_unit_test(two_of_one_look_are_not_joined),
		cmocka_unit_test(states_extend_events),
		cmocka_unit_test(what_is_there_at_once_is_not_joined),
		cmocka_unit_test(only_what_reports_nothing_else_is_a_state),
		cmocka_unit_test(sentences_are_combined),
		cmocka_unit_test(parts_are_in_order_of_time),
		cmocka_unit_test(what_a_model_calls_one_event_is_joined),
		cmocka_unit_test(pairs_are_what_the_rules_leave_open),
		cmocka_unit_test(answers_about_pairs_are_judged),
		cmocka_unit_test(many_take_linear_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
