/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of the plan where pictures were scored. */
#include "plan-help.h"

/* Every picture of [from, to) was decoded; scores of quiet pictures. */
static void add_scores(struct video_index *x, int64_t from, int64_t to)
{
	for (int64_t t = from; t < to; t += S / 5) {
		x->scores[x->n_scores++] = (struct index_score){.pts = t, .score = 6 * noise()};
		x->detail[t / x->bin] = INDEX_DECODED;
	}
}

/* Raises the scores of an event, most in its middle. */
static void add_event(struct video_index *x, int64_t start, int64_t end, float height)
{
	for (size_t i = 0; i < x->n_scores; i++) {
		int64_t t = x->scores[i].pts;
		if (t >= start && t < end)
			x->scores[i].score +=
				height * (1 - 0.3f * (float)llabs(2 * t - start - end) / (float)(end - start));
	}
}

/* A recording with short events at random; parts as the indexer makes them. */
static struct video_index *recording(uint64_t seed, int64_t (*events)[2], size_t n)
{
	struct video_index *x = still(1200 * S, S / 2);
	seed_state = seed;
	add_scores(x, 0, x->duration);
	for (size_t i = 0; i < n; i++) {
		int64_t slot = 1200 * S / (int64_t)n;
		events[i][0] = (int64_t)i * slot + between(1, (slot - 8 * S) / S) * S;
		events[i][1] = events[i][0] + between(6, 50) * S / 10;
		add_event(x, events[i][0], events[i][1], (float)between(20, 90));
	}
	const int64_t parts[] = {300 * S, 900 * S, 1200 * S};
	x->parts = mem_alloc(3, sizeof *x->parts);
	memcpy(x->parts, parts, sizeof parts);
	x->n_parts = 3;
	return x;
}

static void every_event_that_was_scored_gets_a_sample(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		int64_t events[20][2];
		struct video_index *x = recording(seed, events, 20);
		AUTO(plan_freep) struct plan *p = make(&usual, x);
		check(p, &usual, 6, 300 * S);
		assert_true(p->samples <= (size_t)p->budget);
		for (size_t i = 0; i < 20; i++)
			if (!has_sample(p, events[i][0], events[i][1]))
				fail_msg("seed %llu: event %zu has no sample", (unsigned long long)seed, i);
		video_index_free(x);
	}
}

/* A shower scores too low for an event, and its pictures differ from each
 * other; neither takes samples. */
static void rain_takes_no_samples(void **state)
{
	(void)state;
	int64_t events[20][2];
	struct plan_options o = usual;
	o.chunk_frames = 30;
	struct video_index *x = recording(5, events, 5);
	add_event(x, 500 * S, 530 * S, 7);
	add_keys(x, S / 2);
	for (size_t i = 0; i < x->n_keys; i++)
		if (x->keys[i].pts >= 500 * S && x->keys[i].pts < 530 * S)
			x->keys[i].hash ^= draw();
	AUTO(plan_freep) struct plan *p = make(&o, x);
	size_t n = 0;
	for (size_t i = 0; i < p->n_chunks; i++)
		for (size_t k = 0; k < p->chunks[i].n_times; k++)
			n += p->chunks[i].times[k] >= 500 * S && p->chunks[i].times[k] < 530 * S;
	assert_in_range(n, 0, 2); /* at most to limit the distance of frames */
	assert_true(p->samples < (size_t)p->budget / 2);
	video_index_free(x);
}

/* Where only keyframes far apart were decoded, samples are as dense as with
 * even sampling. */
static void what_was_not_looked_at_is_sampled_evenly(void **state)
{
	(void)state;
	struct video_index *x = still(1200 * S, S / 2);
	seed_state = 3;
	add_scores(x, 0, 600 * S);
	for (int64_t t = 600 * S; t < x->duration; t += 10 * S)
		x->scores[x->n_scores++] = (struct index_score){.pts = t};
	for (size_t i = 1200; i < x->n_bins; i++)
		x->detail[i] = INDEX_KEYFRAMES;
	AUTO(plan_freep) struct plan *p = make(&usual, x);
	check(p, &usual, 6, 300 * S);
	for (int64_t t = 600 * S; t < 1200 * S; t += 100 * S)
		assert_true(has_sample(p, t, t + 100 * S));
	assert_in_range(p->samples, 12, 16);
	video_index_free(x);
}

/* A hand-held camera: scores are high all the time, and each shot of at least a
 * second gets a sample, if the budget suffices. */
static void every_shot_of_a_film_gets_a_sample(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct plan_options o = usual;
		o.chunk_frames = 60;
		struct video_index *x = still(600 * S, S / 2);
		seed_state = seed;
		add_scores(x, 0, x->duration);
		for (size_t i = 0; i < x->n_scores; i++)
			x->scores[i].score += 40 + 40 * noise();
		for (int64_t t = 7 * S; t < 590 * S; t += between(10, 120) * S / 10)
			add_cut(x, t, 0);
		AUTO(plan_freep) struct plan *p = make(&o, x);
		assert_true(x->n_cuts < (size_t)p->budget);
		for (size_t i = 0; i + 1 < x->n_cuts; i++)
			if (!has_sample(p, x->cuts[i].pts, x->cuts[i + 1].pts))
				fail_msg("seed %llu: shot %zu has no sample", (unsigned long long)seed, i);
		video_index_free(x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_that_was_scored_gets_a_sample),
		cmocka_unit_test(rain_takes_no_samples),
		cmocka_unit_test(what_was_not_looked_at_is_sampled_evenly),
		cmocka_unit_test(every_shot_of_a_film_gets_a_sample),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
