/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of statements: which are doubtful, which are chosen, what answers
 * mean, and when a model is believed. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "story/change.h"
#include "story/check-plan.h"
#include "story/second.h"

#define S CLOCK_SECOND

/* ---- a video of chunks of ten seconds with a frame every two */

enum { FRAMES = 5, MOST = 6000 };

static int64_t seen[MOST][FRAMES];
static struct check_chunk chunks[MOST];
static struct check_statement statements[MOST];
static struct check_video video = {.key = "k", .chunks = chunks, .statements = statements};

static void begin(size_t n_chunks)
{
	video.n = 0;
	video.n_chunks = n_chunks;
	for (size_t c = 0; c < n_chunks; c++) {
		for (size_t k = 0; k < FRAMES; k++)
			seen[c][k] = (int64_t)(10 * c + 2 * k) * S;
		chunks[c] = (struct check_chunk){.seen = seen[c], .n_seen = FRAMES, .summary = ""};
	}
}

/* In order of chunk. */
static size_t say(size_t chunk, size_t first, size_t last, const char *subject, const char *what)
{
	size_t i = video.n++;
	size_t index = i && statements[i - 1].part.chunk == chunk ? statements[i - 1].index + 1 : 0;
	statements[i] = (struct check_statement){.part = {.start = seen[chunk][first],
	                                                  .end = seen[chunk][last],
	                                                  .step = 2 * S,
	                                                  .chunk = chunk,
	                                                  .frames = FRAMES,
	                                                  .first = first,
	                                                  .last = last,
	                                                  .subject = subject,
	                                                  .what = what},
	                                         .index = index,
	                                         .frames = &seen[chunk][first],
	                                         .n_frames = last - first + 1};
	return i;
}

static bool never(void *ctx, const struct check_item *item)
{
	(void)ctx;
	(void)item;
	return false;
}

/* ---- verdicts and controls */

static void answers_have_verdicts(void **state)
{
	static const struct {
		char letter;
		double p[3];
		enum check_verdict verdict;
	} cases[] = {
		{'A', {0}, VERDICT_SHOWN},
		{'B', {0}, VERDICT_WITHDRAWN},
		{'C', {0}, VERDICT_UNSURE},
		{'-', {0}, VERDICT_UNSURE},
		{'\0', {0}, VERDICT_UNCHECKED},
		{'A', {0.8, 0.1, 0.1}, VERDICT_SHOWN},
		{'A', {0.79, 0.11, 0.1}, VERDICT_UNSURE},
		{'B', {0.1, 0.8, 0.1}, VERDICT_WITHDRAWN},
		{'B', {0.2, 0.79, 0.01}, VERDICT_UNSURE},
		{'A', {0.1, 0.9, 0}, VERDICT_UNSURE},
		{'B', {0.9, 0.1, 0}, VERDICT_UNSURE},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(check_judge(cases[i].letter, cases[i].p), cases[i].verdict);
}

/* Values of Wilson's interval as R's binom.confint() has them. */
static void intervals_are_wilsons(void **state)
{
	static const struct {
		size_t k, n;
		double low, high;
	} cases[] = {
		{0, 0, 0, 1},
		{0, 20, 0, 0.16113},
		{1, 20, 0.00888, 0.23613},
		{5, 10, 0.23659, 0.76341},
		{20, 20, 0.83887, 1},
		{81, 263, 0.25529, 0.36621},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double low, high;
		check_interval(cases[i].k, cases[i].n, &low, &high);
		assert_float_equal(low, cases[i].low, 1e-5);
		assert_float_equal(high, cases[i].high, 1e-5);
	}
}

static void a_model_is_believed_after_enough_controls(void **state)
{
	static const struct {
		struct check_controls controls;
		enum check_ability ability;
	} cases[] = {
		{{0, 0, 0, 0, 0}, CHECK_UNKNOWN},   {{0, 20, 0, 19, 0}, CHECK_UNKNOWN},
		{{0, 20, 0, 20, 0}, CHECK_ABLE},    {{1, 20, 0, 20, 0}, CHECK_UNABLE},
		{{20, 20, 0, 20, 0}, CHECK_UNABLE}, {{0, 20, 20, 20, 0}, CHECK_UNABLE},
		{{1, 25, 0, 20, 0}, CHECK_ABLE},    {{0, 20, 2, 32, 0}, CHECK_UNABLE},
		{{0, 20, 2, 33, 0}, CHECK_ABLE},    {{0, 20, 0, 20, 20}, CHECK_UNABLE},
		{{0, 20, 0, 20, 19}, CHECK_ABLE},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (check_ability(&cases[i].controls) != cases[i].ability)
			fail_msg("case %zu", i);
	assert_int_equal(check_controls_needed(0), 20);
	assert_int_equal(check_controls_needed(1), 25);
	assert_int_equal(check_controls_needed(2), 33);
	assert_int_equal(check_controls_needed(20), 20); /* more of them are in vain */
}

/* ---- pictures */

static void check_chosen(const int64_t *cited, size_t n, size_t most, const char *expected)
{
	static const int64_t all[] = {0, 30, 60, 90, 120, 150};
	int64_t times[CHECK_PICTURES];
	char text[200] = "";
	size_t got = check_times(cited, n, all, ARRAY_LEN(all), 0, 180, most, times), used = 0;
	for (size_t i = 0; i < got; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", i ? " " : "",
		                         (long long)times[i]);
	assert_string_equal(text, expected);
}

static void pictures_are_cited_ones_and_their_neighbours(void **state)
{
	static const int64_t all[] = {0, 30, 60, 90, 120, 150};
	(void)state;
	check_chosen((const int64_t[]){60}, 1, 8, "50 60 70");
	check_chosen((const int64_t[]){0}, 1, 8, "0 10");          /* nothing is before it */
	check_chosen((const int64_t[]){150}, 1, 8, "140 150 160"); /* the end of the video */
	check_chosen((const int64_t[]){30, 90}, 2, 8, "20 30 40 80 90 100");
	check_chosen((const int64_t[]){30, 60, 90}, 3, 8, "20 30 40 50 60 70 90 100");
	check_chosen(all, 6, 8, "0 10 20 30 40 90 150 160");
	check_chosen(all, 6, 3, "0 60 150");
	check_chosen((const int64_t[]){30, 90}, 2, 3, "20 30 90");
	check_chosen(all, 0, 8, "");
	assert_true(check_is_among(90, all, 6));
	assert_false(check_is_among(91, all, 6));
	assert_false(check_is_among(151, all, 6));
}

/* ---- doubts */

static void check_doubt(size_t i, enum check_doubt expected)
{
	enum check_doubt doubts[16];
	check_doubts(&video, doubts);
	if (doubts[i] != expected)
		fail_msg("%s: %s, not %s", statements[i].part.what, check_doubt_name(doubts[i]),
		         check_doubt_name(expected));
}

static void doubtful_are_single_frames(void **state)
{
	(void)state;
	begin(1);
	check_doubt(say(0, 1, 1, "a car", "A car turns."), DOUBT_SINGLE);
	check_doubt(say(0, 1, 2, "a car", "A car turns."), DOUBT_NONE);
	check_doubt(say(0, 1, 1, "a car", "A car stays."), DOUBT_NONE); /* a state */
}

static void doubtful_is_what_the_next_chunk_lacks(void **state)
{
	(void)state;
	begin(2);
	size_t i = say(0, 2, 4, "a car", "A car turns.");
	check_doubt(i, DOUBT_MISSING);
	chunks[1].summary = "The Car is parked.";
	check_doubt(i, DOUBT_NONE);
	chunks[1].summary = "";
	say(1, 3, 4, "The car", "The car stays.");
	check_doubt(i, DOUBT_NONE);

	begin(2);
	check_doubt(say(0, 2, 4, "a car", "A car leaves."), DOUBT_NONE);
	begin(2);
	check_doubt(say(0, 2, 3, "a car", "A car turns."), DOUBT_NONE); /* ends before */
	begin(2);
	check_doubt(say(0, 2, 4, "", "It turns."), DOUBT_NONE);
	begin(2);
	seen[1][0] = 11 * S; /* three seconds later */
	check_doubt(say(0, 2, 4, "a car", "A car turns."), DOUBT_NONE);
	begin(2);
	chunks[1].n_seen = 0; /* a hole */
	check_doubt(say(0, 2, 4, "a car", "A car turns."), DOUBT_NONE);

	begin(2);
	check_doubt(say(1, 0, 2, "a car", "A car turns."), DOUBT_MISSING);
	check_doubt(say(1, 0, 2, "a bus", "A bus enters."), DOUBT_NONE);
}

static void doubtful_are_contradictions(void **state)
{
	(void)state;
	begin(2);
	size_t i = say(0, 2, 4, "a car", "A car leaves."), k = say(1, 0, 1, "a car", "A car turns.");
	check_doubt(i, DOUBT_CONTRADICTION);
	check_doubt(k, DOUBT_CONTRADICTION);
	begin(2);
	i = say(0, 2, 4, "a car", "A car turns.");
	k = say(1, 0, 1, "a car", "A car enters.");
	check_doubt(i, DOUBT_CONTRADICTION);
	begin(2);
	i = say(0, 2, 4, "a car", "A car leaves.");
	k = say(1, 0, 1, "a car", "A car enters.");
	check_doubt(i, DOUBT_NONE);
	check_doubt(k, DOUBT_NONE);
}

/* ---- changed statements */

static void statements_are_changed(void **state)
{
	(void)state;
	AUTO(mem_freep) char *a = change_word("Red car comes in.", 0, UINT64_MAX);
	assert_string_equal(a, "Blue car comes in.");
	AUTO(mem_freep) char *b = change_word("Red car comes in.", 0, ~change_words("a blue bus"));
	assert_string_equal(b, "Green car comes in.");
	AUTO(mem_freep) char *c = change_word("He is credited with leftovers.", 0, UINT64_MAX);
	assert_null(c);
	AUTO(mem_freep) char *d = change_subject("A hat falls.", "a hat", "an old shoe");
	assert_string_equal(d, "An old shoe falls.");
	AUTO(mem_freep) char *e = change_subject("It falls.", "a hat", "an old shoe");
	assert_null(e);
	AUTO(mem_freep) char *f = change_word("A red car.", 0, change_words("an orange"));
	assert_string_equal(f, "An orange car.");
	AUTO(mem_freep) char *g = change_word("An orange car.", 0, change_words("red"));
	assert_string_equal(g, "A red car.");
	AUTO(mem_freep) char *h = change_word("A car.", 0, change_words("red, blue and left"));
	assert_null(h);
	assert_true(change_has_word("Two red cars.", "RED"));
	assert_false(change_has_word("Two red cars.", "car"));
}

/* ---- the plan */

struct planned {
	struct check_item *items;
	size_t n;
};

static struct planned plan(size_t positive, size_t negative, bool all, size_t limit,
                           bool (*done)(void *, const struct check_item *), void *ctx)
{
	struct planned p;
	AUTO(mem_freep) bool *wanted = mem_alloc(video.n + 1, sizeof *wanted);
	AUTO(mem_freep) enum check_doubt *doubts = mem_alloc(video.n + 1, sizeof *doubts);
	check_doubts(&video, doubts);
	for (size_t i = 0; i < video.n; i++)
		wanted[i] = all || doubts[i];
	const struct check_wanted w = {.statements = wanted,
	                               .positive = positive,
	                               .negative = negative,
	                               .limit = limit,
	                               .done = done ? done : never,
	                               .ctx = ctx};
	p.items = check_plan(&video, doubts, &w, &p.n);
	return p;
}

static size_t count(const struct planned *p, enum check_kind kind)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->items[i].kind == kind;
	return n;
}

/* A car over the first two chunks, a bus that turns in the fifth. */
static void two_subjects(void)
{
	begin(5);
	say(0, 0, 4, "a red car", "A red car turns.");
	say(1, 0, 3, "a red car", "A red car leaves.");
	say(4, 2, 2, "a bus", "A bus turns.");
}

static void two_looks_may_say_the_same(void **state)
{
	(void)state;
	begin(3);
	for (size_t c = 0; c < 3; c++)
		say(c, 0, 4, "a red car", c ? "The red car stays." : "A red car turns.");
	struct planned p = plan(20, 0, false, SIZE_MAX, NULL, NULL);
	assert_int_equal(count(&p, CHECK_POSITIVE), 3);
	for (size_t i = 0; i < p.n; i++)
		if (p.items[i].kind == CHECK_POSITIVE)
			assert_string_equal(p.items[i].what, p.items[i].statement
			                                         ? "The red car stays."
			                                         : "The frames show a red car.");
	check_items_free(p.items, p.n);
}

static void controls_come_first_and_are_right(void **state)
{
	(void)state;
	two_subjects();
	struct planned p = plan(20, 20, false, SIZE_MAX, NULL, NULL);
	assert_int_equal(p.items[0].kind, CHECK_POSITIVE);
	assert_int_equal(count(&p, CHECK_POSITIVE), 2); /* the car, which two chunks show */
	assert_int_equal(count(&p, CHECK_NEGATIVE_FRAMES), 3);
	assert_int_equal(count(&p, CHECK_NEGATIVE_CHANGED), 3);
	for (size_t i = 0; i < p.n; i++) {
		const struct check_item *item = &p.items[i];
		const struct check_statement *s = &statements[item->statement];
		size_t chunk = (size_t)(item->frames[0] / (10 * S));
		if (item->kind == CHECK_POSITIVE) {
			assert_string_equal(item->what, "The frames show a red car.");
			assert_int_equal(chunk, s->part.chunk);
		} else if (item->kind == CHECK_NEGATIVE_FRAMES) {
			assert_string_equal(item->what, s->part.what);
			assert_true(s->part.chunk < 4 ? chunk > 1 : chunk < 3); /* and not beside it */
		} else {
			assert_int_equal(chunk, s->part.chunk);
			assert_int_equal(item->kind == CHECK_NEGATIVE_CHANGED,
			                 strcmp(item->what, s->part.what) != 0);
		}
	}
	assert_int_equal(p.items[p.n - 1].kind, CHECK_STATEMENT); /* of one frame */
	check_items_free(p.items, p.n);

	p = plan(1, 1, true, SIZE_MAX, NULL, NULL);
	assert_int_equal(count(&p, CHECK_POSITIVE), 1);
	assert_int_equal(count(&p, CHECK_STATEMENT), 3);
	assert_string_equal(statements[p.items[2].statement].part.what, "A bus turns."); /* doubtful */
	check_items_free(p.items, p.n);

	p = plan(20, 20, true, 3, NULL, NULL);
	assert_int_equal(p.n, 3);
	assert_int_equal(count(&p, CHECK_STATEMENT), 0);
	check_items_free(p.items, p.n);
	p = plan(0, 0, false, SIZE_MAX, NULL, NULL);
	assert_int_equal(count(&p, CHECK_STATEMENT), 1);
	check_items_free(p.items, p.n);
}

/* The items of an earlier plan up to the n-th were done. */
struct earlier {
	struct planned plan;
	size_t n;
};

static bool was_done(void *ctx, const struct check_item *item)
{
	const struct earlier *e = ctx;
	for (size_t i = 0; i < e->n; i++)
		if (e->plan.items[i].kind == item->kind && e->plan.items[i].statement == item->statement &&
		    strcmp(e->plan.items[i].what, item->what) == 0)
			return true;
	return false;
}

/* However far a run came, the next one does the rest, and nothing twice. */
static void a_plan_is_continued(void **state)
{
	(void)state;
	two_subjects();
	struct earlier e = {.plan = plan(20, 20, true, SIZE_MAX, NULL, NULL)};
	for (; e.n <= e.plan.n; e.n++) {
		size_t yes = 20, no = 20;
		for (size_t i = 0; i < e.n; i++) {
			yes -= e.plan.items[i].kind == CHECK_POSITIVE;
			no -= e.plan.items[i].kind > CHECK_POSITIVE;
		}
		struct planned rest = plan(yes, no, true, SIZE_MAX, was_done, &e);
		assert_int_equal(rest.n, e.plan.n - e.n);
		for (size_t i = 0; i < rest.n; i++) {
			const struct check_item *a = &rest.items[i], *b = &e.plan.items[e.n + i];
			assert_int_equal(a->kind, b->kind);
			assert_string_equal(a->what, b->what);
			assert_ptr_equal(a->frames, b->frames);
		}
		check_items_free(rest.items, rest.n);
	}
	check_items_free(e.plan.items, e.plan.n);
}

/* About one in twenty checks has a control with it; another key has others. */
static void many_statements_have_controls_among_them(void **state)
{
	(void)state;
	begin(5000);
	for (size_t c = 0; c < 5000; c++)
		say(c, 0, 4, c / 3 % 2 ? "a red car" : "a blue bus",
		    c / 3 % 2 ? "A car turns." : "A bus turns.");
	struct planned p = plan(0, 0, true, SIZE_MAX, NULL, NULL);
	size_t controls = p.n - count(&p, CHECK_STATEMENT);
	assert_int_equal(count(&p, CHECK_STATEMENT), 5000);
	assert_in_range(controls, 150, 350);
	check_items_free(p.items, p.n);
}

/* ---- the second pass */

static void the_most_doubtful_chunks_are_described_again(void **state)
{
	(void)state;
	size_t chosen[8];
	begin(9);
	const unsigned ranks[] = {1, 0, 3, 2, 0, 2, 1};
	say(0, 0, 0, "a cat", "A cat sits.");
	say(1, 0, 4, "a dog", "A dog runs.");
	say(3, 0, 0, "a dog", "A dog barks.");
	say(3, 2, 3, "a cat", "A cat sits.");
	say(4, 0, 4, "a car", "A car turns.");
	say(6, 1, 1, "a car", "A car burns.");
	say(8, 1, 1, "a bus", "A bus burns.");
	assert_int_equal(second_limit(9), 3);
	assert_int_equal(second_limit(8), 2);
	assert_int_equal(second_limit(0), 0);
	assert_int_equal(second_chunks(&video, ranks, 8, chosen), 4);
	assert_memory_equal(chosen, ((size_t[]){0, 3, 6, 8}), 4 * sizeof *chosen);
	/* of equally doubtful ones the earlier */
	assert_int_equal(second_chunks(&video, ranks, 3, chosen), 3);
	assert_memory_equal(chosen, ((size_t[]){0, 3, 6}), 3 * sizeof *chosen);
	assert_int_equal(second_chunks(&video, ranks, 1, chosen), 1);
	assert_int_equal(chosen[0], 3);
	assert_int_equal(second_chunks(&video, ranks, 0, chosen), 0);
	assert_int_equal(second_chunks(&video, (const unsigned[7]){0}, 8, chosen), 0);
}

/* Frames at 10, 12, 14, 16 and 18 s; a third of the way to the ones beside. */
static void new_frames_are_beside_those_in_doubt(void **state)
{
	(void)state;
	int64_t out[16];
	begin(3);
	const unsigned ranks[] = {1, 2, 0};
	say(1, 0, 0, "a cat", "A cat sits.");
	say(1, 2, 2, "a dog", "A dog barks.");
	say(1, 4, 4, "a car", "A car turns.");
	struct second_chunk c = {.index = 1,
	                         .start = 10 * S,
	                         .end = 20 * S,
	                         .to = 30 * S,
	                         .times = seen[1],
	                         .n_times = FRAMES,
	                         .seen = seen[0],
	                         .n_seen = (size_t)3 * FRAMES,
	                         .most = 8};
	/* The cat's frame is the first: what is before it is of another chunk. */
	assert_int_equal(second_times(&video, ranks, &c, out), 8);
	const int64_t wanted[] = {10 * S, 10 * S + 2 * S / 3, 12 * S, 14 * S - 2 * S / 3,
	                          14 * S, 14 * S + 2 * S / 3, 16 * S, 18 * S};
	assert_memory_equal(out, wanted, sizeof wanted);
	/* The more doubtful one comes first. */
	c.most = 6;
	assert_int_equal(second_times(&video, ranks, &c, out), 6);
	assert_int_equal(out[2], 14 * S - 2 * S / 3);
	c.most = FRAMES;
	assert_int_equal(second_times(&video, ranks, &c, out), FRAMES);
	assert_memory_equal(out, seen[1], FRAMES * sizeof *out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_have_verdicts),
		cmocka_unit_test(intervals_are_wilsons),
		cmocka_unit_test(a_model_is_believed_after_enough_controls),
		cmocka_unit_test(pictures_are_cited_ones_and_their_neighbours),
		cmocka_unit_test(doubtful_are_single_frames),
		cmocka_unit_test(doubtful_is_what_the_next_chunk_lacks),
		cmocka_unit_test(doubtful_are_contradictions),
		cmocka_unit_test(statements_are_changed),
		cmocka_unit_test(two_looks_may_say_the_same),
		cmocka_unit_test(controls_come_first_and_are_right),
		cmocka_unit_test(a_plan_is_continued),
		cmocka_unit_test(many_statements_have_controls_among_them),
		cmocka_unit_test(the_most_doubtful_chunks_are_described_again),
		cmocka_unit_test(new_frames_are_beside_those_in_doubt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
