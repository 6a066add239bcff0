/* SPDX-License-Identifier: Apache-2.0 */
/* Anomalies of a recording, from made-up indexes. */
#include "unit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "index/anomaly.h"

#define S CLOCK_SECOND

enum { SECONDS = 600 };

/* Ten minutes in which nothing happens: scores five times a second, bins of
 * half a second, a picture each second. */
static struct video_index *quiet(float score)
{
	struct video_index *x = mem_alloc(1, sizeof *x);
	*x = (struct video_index){.duration = SECONDS * S, .bin = S / 2, .n_bins = 2 * SECONDS};
	x->flags = mem_alloc(x->n_bins, 1);
	x->scores = mem_alloc(5 * SECONDS, sizeof *x->scores);
	x->keys = mem_alloc(SECONDS, sizeof *x->keys);
	x->cuts = mem_alloc(10, sizeof *x->cuts);
	for (; x->n_scores < 5 * SECONDS; x->n_scores++)
		x->scores[x->n_scores] =
			(struct index_score){.pts = (int64_t)x->n_scores * S / 5, .score = score};
	for (; x->n_keys < SECONDS; x->n_keys++)
		x->keys[x->n_keys] = (struct index_key){.pts = (int64_t)x->n_keys * S, .hash = 1};
	return x;
}

static void add_foreign(struct video_index *x, int64_t start, int64_t end)
{
	for (size_t i = 0; i < x->n_scores; i++)
		if (x->scores[i].pts >= start && x->scores[i].pts < end) {
			x->scores[i].score = 90;
			x->scores[i].share = 180;
		}
	for (size_t i = 0; i < x->n_keys; i++)
		if (x->keys[i].pts >= start && x->keys[i].pts < end)
			x->keys[i].hash = 0xffff0000ffff0000u;
	x->cuts[x->n_cuts++] = (struct index_cut){.pts = start, .end = start};
	x->cuts[x->n_cuts++] = (struct index_cut){.pts = end, .end = end};
}

static void add_flag(struct video_index *x, uint8_t flag, int64_t start, int64_t end)
{
	for (int64_t t = start; t < end; t += x->bin)
		x->flags[t / x->bin] |= flag;
}

/* Compares and frees. */
static void expect(struct video_index *x, const struct index_anomaly *wanted, size_t n)
{
	size_t found;
	AUTO(mem_freep) struct index_anomaly *all = index_anomalies(x, &found);
	assert_int_equal(found, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(all[i].kind, wanted[i].kind);
		assert_int_equal(all[i].start, wanted[i].start);
		assert_int_equal(all[i].end, wanted[i].end);
	}
	video_index_free(x);
}

static void nothing_is_wrong_with_a_quiet_recording(void **state)
{
	(void)state;
	expect(quiet(3), NULL, 0);
}

static void a_foreign_picture_is_listed_and_no_change_of_view(void **state)
{
	(void)state;
	struct video_index *x = quiet(3);
	add_foreign(x, 100 * S, 104 * S);
	const struct index_anomaly wanted[] = {{ANOMALY_FOREIGN, 100 * S, 104 * S}};
	expect(x, wanted, 1);
}

static void a_view_that_stays_is_listed_once(void **state)
{
	(void)state;
	struct video_index *x = quiet(3);
	for (size_t i = 300; i < x->n_keys; i++)
		x->keys[i].hash = 0x0fff0fff00ff00ffu;
	x->cuts[x->n_cuts++] = (struct index_cut){.pts = 300 * S, .end = 300 * S};
	x->cuts[x->n_cuts++] = (struct index_cut){.pts = 301 * S, .end = 301 * S};
	const struct index_anomaly wanted[] = {{ANOMALY_VIEW, 300 * S, 300 * S}};
	expect(x, wanted, 1);
}

static void black_and_frozen_pictures_are_listed(void **state)
{
	(void)state;
	struct video_index *x = quiet(3);
	add_flag(x, INDEX_BLACK, 50 * S, 53 * S);
	add_flag(x, INDEX_BLACK, 70 * S, 70 * S + S / 2); /* too short */
	add_flag(x, INDEX_FROZEN, 400 * S, 420 * S);
	add_flag(x, INDEX_FROZEN, 500 * S, 505 * S);
	const struct index_anomaly wanted[] = {{ANOMALY_BLACK, 50 * S, 53 * S},
	                                       {ANOMALY_FROZEN, 400 * S, 420 * S}};
	expect(x, wanted, 2);
}

/* Bins and scores are coarser than cuts: the bounds are those of the cuts. */
static void bounds_are_cuts_and_black_is_listed_once(void **state)
{
	(void)state;
	struct video_index *x = quiet(3);
	add_foreign(x, 200 * S - S / 15, 201 * S + 7 * S / 15);
	add_foreign(x, 400 * S + S / 15, 402 * S + 4 * S / 15);
	add_flag(x, INDEX_BLACK, 400 * S + S / 2, 402 * S);
	for (size_t i = 401; i <= 402; i++)
		x->keys[i].flags = INDEX_BLACK;
	const struct index_anomaly wanted[] = {
		{ANOMALY_FOREIGN, 200 * S - S / 15, 201 * S + 7 * S / 15},
		{ANOMALY_BLACK, 400 * S + S / 15, 402 * S + 4 * S / 15}};
	expect(x, wanted, 2);

	/* Without cuts: to the pictures. */
	x = quiet(30);
	add_flag(x, INDEX_BLACK, 400 * S + S / 2, 402 * S);
	for (size_t i = 401; i <= 402; i++)
		x->keys[i].flags = INDEX_BLACK;
	const struct index_anomaly pictures[] = {{ANOMALY_BLACK, 401 * S, 403 * S}};
	expect(x, pictures, 1);
}

/* Slides do not change, and a film consists of other pictures. */
static void what_is_usual_is_no_anomaly(void **state)
{
	(void)state;
	struct video_index *x = quiet(3);
	add_flag(x, INDEX_FROZEN, 0, 550 * S);
	expect(x, NULL, 0);

	struct video_index *film = quiet(30);
	add_foreign(film, 100 * S, 104 * S);
	add_flag(film, INDEX_BLACK, 590 * S, 600 * S);
	const struct index_anomaly wanted[] = {{ANOMALY_BLACK, 590 * S, 600 * S}};
	expect(film, wanted, 1);
}

static void an_index_without_pictures_has_none(void **state)
{
	(void)state;
	struct video_index *x = quiet(0);
	x->n_scores = x->n_keys = 0;
	add_foreign(x, 10 * S, 12 * S);
	expect(x, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_wrong_with_a_quiet_recording),
		cmocka_unit_test(a_foreign_picture_is_listed_and_no_change_of_view),
		cmocka_unit_test(a_view_that_stays_is_listed_once),
		cmocka_unit_test(black_and_frozen_pictures_are_listed),
		cmocka_unit_test(bounds_are_cuts_and_black_is_listed_once),
		cmocka_unit_test(what_is_usual_is_no_anomaly),
		cmocka_unit_test(an_index_without_pictures_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
