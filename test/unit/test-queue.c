/* SPDX-License-Identifier: Apache-2.0 */
/* Which job runs: order, priority, equal shares, and that no job starves. */
#include <string.h>

#include "board/queue.h"
#include "unit.h"

enum { JOBS = 8 };
static const int64_t turn = 120, chunk = 10;

/* A board in small: time goes on by chunks, a job leaves at the end of one. */
struct game {
	struct queue_job jobs[JOBS];
	int64_t work[JOBS], ended[JOBS]; /* what is left to do; when it was done */
	size_t n;
	int64_t places, now;
};

static size_t add(struct game *g, int64_t priority, int64_t work)
{
	struct queue_job *j = &g->jobs[g->n];
	*j = (struct queue_job){.state = QUEUE_WAITING, .priority = priority, .place = (double)g->n};
	j->state = QUEUE_IDLE;
	j->served = queue_level(g->jobs, g->n, priority, 0, g->now);
	j->state = QUEUE_WAITING;
	g->work[g->n] = work;
	return g->n++;
}

static void leave(struct game *g, size_t i, enum queue_state state)
{
	g->jobs[i].served += g->now - g->jobs[i].began;
	g->jobs[i].state = state;
}

static void settle(struct game *g)
{
	enum queue_move move;
	size_t i;
	while ((move = queue_next(g->jobs, g->n, g->places, turn, g->now, &i)) != QUEUE_NOTHING) {
		g->jobs[i].state = move == QUEUE_START ? QUEUE_RUNNING : QUEUE_LEAVING;
		if (move == QUEUE_START)
			g->jobs[i].began = g->now;
	}
}

static void step(struct game *g)
{
	settle(g);
	g->now += chunk;
	for (size_t i = 0; i < g->n; i++) {
		if (g->jobs[i].state != QUEUE_RUNNING && g->jobs[i].state != QUEUE_LEAVING)
			continue;
		if ((g->work[i] -= chunk) <= 0) {
			g->ended[i] = g->now;
			leave(g, i, QUEUE_IDLE);
		} else if (g->jobs[i].state == QUEUE_LEAVING) {
			leave(g, i, QUEUE_WAITING);
		}
	}
}

static void play(struct game *g, int64_t until)
{
	while (g->now < until)
		step(g);
}

static void first_come_first_served(void **state)
{
	(void)state;
	struct game g = {.places = 1};
	for (int i = 0; i < 3; i++)
		add(&g, 0, 50);
	play(&g, 200);
	assert_int_equal(g.ended[0], 50);
	assert_int_equal(g.ended[1], 100);
	assert_int_equal(g.ended[2], 150);
}

static void no_more_than_the_places(void **state)
{
	(void)state;
	struct game g = {.places = 2};
	for (int i = 0; i < 5; i++)
		add(&g, 0, 1000);
	for (int i = 0; i < 300; i++) {
		size_t running = 0;
		step(&g);
		for (size_t k = 0; k < g.n; k++)
			running += g.jobs[k].state == QUEUE_RUNNING || g.jobs[k].state == QUEUE_LEAVING;
		assert_true(running <= 2);
	}
}

static void a_short_one_is_not_stuck_behind_a_long_one(void **state)
{
	(void)state;
	struct game g = {.places = 1};
	add(&g, 0, 12 * 3600);
	play(&g, 5000);
	size_t brief = add(&g, 0, 60);
	play(&g, 6000);
	assert_true(g.ended[brief]);
	/* Its turn came at the end of the chunk, as the long one had had far more
	 * than a turn. */
	assert_true(g.ended[brief] <= 5000 + chunk + 60);
}

static void all_get_the_same_share(void **state)
{
	(void)state;
	struct game g = {.places = 2};
	for (int i = 0; i < 5; i++)
		add(&g, 0, 100000);
	play(&g, 10000);
	for (int i = 0; i < 5; i++) {
		int64_t done = 100000 - g.work[i];
		assert_true(done > 4000 - 2 * turn && done < 4000 + 2 * turn);
	}
}

static void a_stream_of_new_ones_starves_nobody(void **state)
{
	(void)state;
	struct game g = {.places = 1};
	add(&g, 0, 3000);
	for (int i = 1; i < JOBS; i++) {
		add(&g, 0, 500);
		play(&g, g.now + 500);
	}
	play(&g, 8000);
	for (int i = 0; i < JOBS; i++)
		assert_true(g.ended[i] > 0);
	/* The long one had a share all along: it is done soon after as much time as
	 * all of the work takes. */
	assert_true(g.ended[0] <= 6600);
}

static void priority_takes_the_place(void **state)
{
	(void)state;
	struct game g = {.places = 1};
	add(&g, 0, 1000);
	play(&g, 30);
	size_t urgent = add(&g, 5, 100);
	play(&g, 160);
	assert_int_equal(g.ended[urgent], 140); /* after the running chunk */
	size_t lazy = add(&g, -5, 10);
	play(&g, 900);
	assert_int_equal(g.ended[lazy], 0);
	play(&g, 1200);
	assert_true(g.ended[0] && g.ended[lazy] > g.ended[0]);
}

static void one_leaves_at_a_time(void **state)
{
	(void)state;
	struct queue_job jobs[] = {
		{.state = QUEUE_RUNNING, .began = 0},
		{.state = QUEUE_RUNNING, .began = 1},
		{.state = QUEUE_WAITING, .place = 3},
	};
	size_t i;
	assert_int_equal(queue_next(jobs, 3, 2, turn, turn - 1, &i), QUEUE_NOTHING);
	assert_int_equal(queue_when(jobs, 3, 2, turn, turn - 1), turn);
	assert_int_equal(queue_next(jobs, 3, 2, turn, turn + 1, &i), QUEUE_YIELD);
	assert_int_equal(i, 0);
	jobs[0].state = QUEUE_LEAVING;
	assert_int_equal(queue_next(jobs, 3, 2, turn, turn + 1, &i), QUEUE_NOTHING);
	assert_int_equal(queue_when(jobs, 3, 2, turn, turn + 1), INT64_MAX);
	/* Without turns, no job of the same priority makes way. */
	jobs[0].state = QUEUE_RUNNING;
	assert_int_equal(queue_next(jobs, 3, 2, 0, 1000000, &i), QUEUE_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_come_first_served),
		cmocka_unit_test(no_more_than_the_places),
		cmocka_unit_test(a_short_one_is_not_stuck_behind_a_long_one),
		cmocka_unit_test(all_get_the_same_share),
		cmocka_unit_test(a_stream_of_new_ones_starves_nobody),
		cmocka_unit_test(priority_takes_the_place),
		cmocka_unit_test(one_leaves_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
