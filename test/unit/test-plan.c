/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of the plan, over thousands of generated indexes. */
#include "plan-help.h"

/* only chunk.frames and chunk.max take precedence over chunk.min */
static void check_short(const struct plan *p, size_t most, int64_t min, int64_t max)
{
	for (size_t i = 0; i + 1 < p->n_chunks; i++) {
		const struct plan_chunk *a = &p->chunks[i], *b = a + 1;
		bool one_short = a->end - a->start < min || b->end - b->start < min;
		if (one_short && a->n_times + b->n_times <= most && b->end - a->start <= max)
			fail_msg("chunks %zu and %zu could be one", i, i + 1);
	}
}

static struct video_index *anything(struct plan_options *o)
{
	static const int64_t bins[] = {40000, 100000, 100000, 250000, 500000, 1000000, 777777};
	int64_t bin = bins[between(0, 6)];
	struct video_index *x = still(between(1, between(1, 4000)) * S + between(0, 999999), bin);
	*o = (struct plan_options){.chunk_duration = between(2, 400) * S,
	                           .chunk_frames = between(1, 16)};
	o->policy = between(0, 1) ? PLAN_ADAPTIVE : PLAN_SCENE;
	if (between(0, 1))
		add_noise(x, (float)between(0, 3));
	for (int64_t n = between(0, 60); n > 0; n--)
		add_burst(x, between(0, x->duration - 1), between(1, 40) * S / 8, (float)between(1, 40));
	for (int64_t t = between(1, 200 * S); t < x->duration && x->n_cuts < 4000;
	     t += between(S / 10, 200 * S))
		add_cut(x, t, between(0, 3) ? 0 : between(0, S));
	for (size_t i = 0; i < x->n_bins; i++)
		x->flags[i] = between(0, 30) ? 0 : (uint8_t)between(0, 31);
	add_keys(x, between(1, 12) * S / 2 + 1);
	for (size_t i = 0; i < x->n_keys; i++)
		x->keys[i].hash = between(0, 9) && i ? x->keys[i - 1].hash : draw();
	if (!between(0, 2))
		o->from = between(0, x->duration - 1);
	if (!between(0, 2))
		o->to = between(o->from + 1, x->duration);
	if (!between(0, 2))
		o->max_gap = between(1, 500) * S;
	if (!between(0, 2))
		o->chunk_overlap = between(0, o->chunk_duration - 1);
	if (!between(0, 2))
		o->chunk_min = between(0, o->chunk_duration);
	if (!between(0, 2))
		o->chunk_max = between(o->chunk_duration, 5000 * S);
	o->pairs = o->chunk_frames > 1 && !between(0, 3);
	return x;
}

static void every_plan_is_sound(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct plan_options o;
		seed_state = seed;
		struct video_index *x = anything(&o);
		struct plan *p = make(&o, x), *again = make(&o, x);
		int64_t length = p->to - p->from, min = o.chunk_min ? o.chunk_min : o.chunk_duration / 10;
		int64_t gap = o.max_gap ? o.max_gap : o.chunk_duration,
				max = o.chunk_max ? o.chunk_max : 6 * o.chunk_duration;
		size_t most = (size_t)(o.pairs ? o.chunk_frames / 2 * 2 : o.chunk_frames);
		check(p, &o, most, gap + (o.pairs ? PLAN_PAIR_GAP : 0));
		for (size_t i = 0; i < p->n_chunks; i++)
			assert_true(p->chunks[i].end - p->chunks[i].start <= max + o.chunk_overlap);
		if (!o.chunk_overlap && !o.pairs)
			check_short(p, most, min < max ? min : max, max);
		int64_t floor = length / (gap < max / 2 ? gap : max / 2) + 1;
		if ((int64_t)p->samples > (o.pairs ? 2 : 1) * floor)
			assert_true((int64_t)p->samples <= p->budget);
		json_auto_t *j = plan_json(p), *k = plan_json(again);
		AUTO(mem_freep) char *a = json_dumps(j, JSON_COMPACT), *b = json_dumps(k, JSON_COMPACT);
		assert_string_equal(a, b);
		plan_free(p);
		plan_free(again);
		video_index_free(x);
	}
}

static void short_bursts_are_hit(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		seed_state = seed;
		int64_t starts[20], lengths[20];
		struct video_index *x = still(3600 * S, 100000);
		add_noise(x, 1);
		add_keys(x, 4 * S);
		for (int i = 0; i < 20; i++) {
			starts[i] = i * 180 * S + between(1, 170) * S + between(0, 9) * 100000;
			lengths[i] = between(5, 50) * S / 10;
			add_burst(x, starts[i], lengths[i], 3 + (float)between(0, 90));
		}
		AUTO(plan_freep) struct plan *p = make(&usual, x);
		assert_true(p->samples <= 72);
		assert_in_range(p->bursts, 20, 24);
		assert_int_equal(p->seen, p->bursts);
		for (int i = 0; i < 20; i++)
			if (!has_sample(p, starts[i], starts[i] + lengths[i]))
				fail_msg("seed %d: no sample in the burst at %.1f s", (int)seed,
				         (double)starts[i] / 1e6);
		video_index_free(x);
	}
}

/* More bursts than samples: those without one are listed, also in the file. */
static void bursts_without_a_sample_are_listed(void **state)
{
	(void)state;
	struct err err;
	struct video_index *x = still(3600 * S, 100000);
	add_noise(x, 1);
	add_keys(x, 4 * S);
	for (int i = 0; i < 180; i++)
		add_burst(x, i * 20 * S + 3 * S, S, 30);
	AUTO(plan_freep) struct plan *p = make(&usual, x);
	assert_true(p->samples <= 72 && p->n_missed >= 100);
	assert_int_equal(p->n_missed, p->bursts - p->seen);
	for (size_t i = 0; i < p->n_missed; i++) {
		assert_true(p->missed[i].start < p->missed[i].end);
		assert_true(!i || p->missed[i].start >= p->missed[i - 1].end);
		assert_false(has_sample(p, p->missed[i].start, p->missed[i].end));
	}

	json_auto_t *j = plan_json(p);
	AUTO(plan_freep) struct plan *again = NULL;
	assert_ok(plan_from_json(j, 3600 * S, 64, &again, &err));
	assert_int_equal(again->n_missed, p->n_missed);
	assert_memory_equal(again->missed, p->missed, p->n_missed * sizeof *p->missed);
	plan_mark_given(again);
	assert_int_equal(again->n_missed, 0);
	video_index_free(x);
}

/* A sudden change: a sample must show the picture after it, not the one before. */
static void a_sudden_change_is_seen_after_it(void **state)
{
	(void)state;
	struct video_index *x = still(3600 * S, 100000);
	add_noise(x, 1);
	add_burst(x, 1000 * S, 100000, 30);
	AUTO(plan_freep) struct plan *p = make(&usual, x);
	assert_true(has_sample(p, 1000 * S + 100000, 1000 * S + 500000));
	video_index_free(x);
}

static void a_still_video_costs_little_and_the_plan_says_so(void **state)
{
	(void)state;
	for (int noisy = 0; noisy < 2; noisy++) {
		seed_state = 5;
		struct video_index *x = still(36000 * S, 100000);
		if (noisy)
			add_noise(x, 7);
		add_keys(x, 10 * S);
		AUTO(plan_freep) struct plan *p = make(&usual, x);
		assert_in_range(p->samples, 119, 150);
		assert_in_range(p->n_chunks, 15, 30);
		AUTO(mem_freep) char *text = plan_text(p);
		assert_non_null(strstr(
			text, "The picture hardly changes in most of 10:00:00, so few frames are enough."));
		video_index_free(x);
	}
}

static void every_shot_is_seen_and_no_dissolve(void **state)
{
	(void)state;
	struct video_index *x = still(600 * S, 100000);
	struct plan_options o = usual;
	seed_state = 3;
	add_noise(x, 1);
	for (int i = 1; i <= 9; i++)
		add_cut(x, i * 60 * S, i % 2 ? 0 : 2 * S);
	o.policy = PLAN_SCENE;
	AUTO(plan_freep) struct plan *p = make(&o, x);
	check(p, &o, 6, 300 * S);
	assert_true(p->samples <= 12);
	for (int i = 0; i < 10; i++)
		assert_true(has_sample(p, i * 60 * S, (i + 1) * 60 * S));
	for (size_t i = 0; i < x->n_cuts; i++)
		assert_false(has_sample(p, x->cuts[i].pts, x->cuts[i].end));
	for (size_t i = 0; i + 1 < p->n_chunks; i++)
		assert_int_equal(p->chunks[i].end % (60 * S), 0);
	video_index_free(x);
}

static void poor_pictures_are_avoided(void **state)
{
	(void)state;
	struct video_index *x = still(600 * S, 100000);
	seed_state = 4;
	add_noise(x, 1);
	add_burst(x, 100 * S, S, 50);
	for (size_t i = 1000; i < 1020; i++)
		x->flags[i] = INDEX_BLACK;
	AUTO(plan_freep) struct plan *p = make(&usual, x);
	assert_false(has_sample(p, 100 * S, 102 * S));
	assert_true(has_sample(p, 98 * S, 105 * S));
	video_index_free(x);
}

static void chunks_do_not_end_inside_an_event(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		seed_state = seed;
		struct video_index *x = still(7200 * S, 100000);
		add_noise(x, 1);
		int64_t starts[30];
		for (int i = 0; i < 30; i++) {
			starts[i] = i * 240 * S + between(0, 200) * S;
			add_burst(x, starts[i], 8 * S, 40);
		}
		AUTO(plan_freep) struct plan *p = make(&usual, x);
		for (size_t c = 0; c + 1 < p->n_chunks; c++)
			for (int i = 0; i < 30; i++)
				assert_false(p->chunks[c].end > starts[i] + S &&
				             p->chunks[c].end < starts[i] + 7 * S);
		video_index_free(x);
	}
}

static void near_duplicates_give_their_place_away(void **state)
{
	(void)state;
	struct video_index *x = still(1200 * S, 100000);
	seed_state = 8;
	add_noise(x, 1);
	for (int i = 1; i < 40; i++)
		add_cut(x, i * 30 * S, 0);
	add_keys(x, 2 * S);
	/* The first ten minutes alternate between two different views, the other
	 * cuts are within one view that does not change. */
	for (size_t i = 0; i < x->n_keys; i++)
		x->keys[i].hash = x->keys[i].pts < 600 * S && x->keys[i].pts / (30 * S) % 2
		                      ? 0xffff0000ffff0000u
		                      : 0x123u;
	AUTO(plan_freep) struct plan *p = make(&usual, x);
	size_t head = 0;
	for (int i = 0; i < 20; i++)
		head += has_sample(p, i * 30 * S, (i + 1) * 30 * S);
	assert_true(head >= 17 && p->samples <= 24);
	video_index_free(x);
}

static void a_budget_of_other_policies_is_the_same(void **state)
{
	(void)state;
	struct video_index *x = still(3600 * S, 100000);
	struct plan_options o = usual;
	add_keys(x, 7 * S);
	o.policy = PLAN_EVEN;
	AUTO(plan_freep) struct plan *even = make(&o, x);
	assert_int_equal(even->samples, 72);
	o.policy = PLAN_KEYFRAME;
	AUTO(plan_freep) struct plan *keys = make(&o, x);
	AUTO(mem_freep) int64_t *times = mem_alloc(x->n_keys, sizeof *times);
	for (size_t i = 0; i < x->n_keys; i++)
		times[i] = x->keys[i].pts;
	plan_snap(keys, times, x->n_keys);
	assert_int_equal(keys->samples, 72);
	for (size_t i = 0; i < keys->n_chunks; i++)
		for (size_t k = 0; k < keys->chunks[i].n_times; k++) {
			assert_int_equal(keys->chunks[i].times[k] % (7 * S), 0);
			assert_true(llabs(keys->chunks[i].times[k] - even->chunks[i].times[k]) <= 7 * S / 2);
		}
	video_index_free(x);
}

static char *text_of(const struct plan *p)
{
	json_auto_t *j = plan_json(p);
	return json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));
}

/* Parts as in the index of two hours. */
static void add_parts(struct video_index *x)
{
	static const int64_t ends[] = {301, 903, 2104, 4503, 7200};
	x->parts = mem_alloc(ARRAY_LEN(ends), sizeof *x->parts);
	for (; x->n_parts < ARRAY_LEN(ends); x->n_parts++)
		x->parts[x->n_parts] = ends[x->n_parts] * S;
}

/* A plan that is extended with the index equals the plan of the whole index;
 * also after an interruption. */
static void a_plan_may_grow(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct video_index *x = still(7200 * S, 500000);
		struct plan_options o = usual;
		struct err err;
		seed_state = seed;
		o.policy = seed % 3 ? PLAN_ADAPTIVE : PLAN_SCENE;
		o.chunk_overlap = seed % 2 ? 0 : 10 * S;
		o.from = seed % 4 ? 0 : 1000 * S;
		o.to = seed % 5 ? 0 : 3333 * S;
		add_noise(x, 1);
		for (int64_t n = between(0, 80); n > 0; n--)
			add_burst(x, between(0, 7190) * S, between(1, 60) * S / 4, (float)between(5, 40));
		add_keys(x, 4 * S);
		add_parts(x);
		AUTO(plan_freep) struct plan *whole = make(&o, x), *grown = plan_new(&o, x->duration);
		check(whole, &o, 6, 300 * S);
		assert_true((int64_t)whole->spent <= whole->budget + (int64_t)x->n_parts);
		for (size_t n = 1; n <= x->n_parts && grown->until < grown->to; n++) {
			/* As during indexing: it has bins for the whole video, and those of
			 * later parts are empty. */
			struct video_index so_far = *x;
			so_far.n_parts = n;
			plan_add(grown, &o, &so_far);
			assert_true(grown->until == grown->to || !grown->n_chunks ||
			            grown->until <= x->parts[n - 1] - 30 * S);
			if (!grown->n_chunks)
				continue;
			json_auto_t *j = plan_json(grown);
			plan_free(TAKE(grown));
			assert_ok(plan_from_json(j, x->duration, 256, &grown, &err));
			assert_int_equal(grown->until == grown->to, !json_object_get(j, "unfinished"));
		}
		AUTO(mem_freep) char *a = text_of(whole), *b = text_of(grown);
		assert_string_equal(a, b);
		video_index_free(x);
	}
}

/* It goes from what was asked for to what the plan has. */
static void the_number_of_chunks_is_estimated(void **state)
{
	struct plan p = {.to = 1000 * S};
	(void)state;
	assert_int_equal(plan_expected(&p, 10 * S), 100);
	/* So far chunks are five times as long. */
	p.until = 200 * S;
	p.n_chunks = 4;
	assert_in_range(plan_expected(&p, 10 * S), 4 + 16, 4 + 40);
	p.until = 800 * S;
	p.n_chunks = 16;
	assert_in_range(plan_expected(&p, 10 * S), 20, 21);
	p.until = 999 * S;
	assert_int_equal(plan_expected(&p, 10 * S), 17);
	p.until = p.to;
	assert_int_equal(plan_expected(&p, 10 * S), 16);
}

static void wrong_options_are_refused(void **state)
{
	static const struct {
		struct plan_options o;
		const char *fault;
	} cases[] = {
		{{.chunk_duration = 10 * S, .chunk_frames = 6, .chunk_min = 11 * S},
	     "--chunk-min 00:00:11.000 is more than"},
		{{.chunk_duration = 10 * S, .chunk_frames = 6, .chunk_max = 9 * S},
	     "--chunk-max 00:00:09.000 is less than"},
		{{.chunk_duration = 10 * S, .chunk_frames = 6, .chunk_overlap = 10 * S},
	     "--chunk-overlap 00:00:10.000 is not less"},
		{{.chunk_duration = 10 * S, .chunk_frames = 1, .pairs = true},
	     "--sample-pairs needs --chunk-frames 2"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan *p = NULL;
		struct err err;
		assert_int_equal(plan_make(&cases[i].o, 100 * S, NULL, &p, &err), -ERR_ARG);
		assert_int_equal(strncmp(err.msg, cases[i].fault, strlen(cases[i].fault)), 0);
		assert_null(p);
	}
}

static struct plan *read_text(const char *text, int64_t duration, struct err *err)
{
	struct plan *p = NULL;
	json_auto_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(j);
	int r = plan_from_json(j, duration, 256, &p, err);
	assert_int_equal(r < 0, p == NULL);
	assert_true(r == 0 || r == -ERR_FORMAT);
	return p;
}

static void a_plan_comes_back_from_json(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct plan_options o;
		struct err err;
		seed_state = seed;
		struct video_index *x = anything(&o);
		AUTO(plan_freep) struct plan *p = make(&o, x);
		json_auto_t *j = plan_json(p), *k = NULL;
		AUTO(mem_freep) char *a = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15)), *b = NULL;
		AUTO(plan_freep) struct plan *q = read_text(a, x->duration, &err);
		if (!q)
			fail_msg("%s", err.msg);
		k = plan_json(q);
		b = json_dumps(k, JSON_COMPACT | JSON_REAL_PRECISION(15));
		assert_string_equal(a, b);
		video_index_free(x);
	}
}

static void a_wrong_plan_is_refused(void **state)
{
#define HEAD                                                                                       \
	"{\"format\": \"vdet-plan/1\", \"policy\": \"even\", \"duration\": 100, \"from\": 0, \"to\": " \
	"100, "
#define CHUNK "\"chunks\": [{\"start\": 1, \"end\": 9, \"times\": [2.5, 3]}], "
#define SUM(budget) "\"sum\": {\"budget\": " budget "}, "
#define BUDGET "the plan: its \"budget\" is not from 1 to"
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"3", "the plan: it is not a JSON object"},
		{"{}", "the plan: its \"format\" is not \"vdet-plan/1\""},
		{HEAD "\"x\": 1}", "the plan: \"x\" is not a known key"},
		{HEAD "\"chunks\": 1}", "the plan: \"chunks\" is not an array of at least one chunk"},
		{HEAD "\"chunks\": []}", "the plan: \"chunks\" is not an array of at least one chunk"},
		{HEAD "\"chunks\": [1]}", "chunk 1 of the plan: it is not a JSON object"},
		{HEAD "\"chunks\": [{\"start\": 0, \"end\": 101, \"times\": [1]}]}",
	     "chunk 1 of the plan: \"end\", 101.000000 s, is after"},
		{HEAD "\"chunks\": [{\"start\": -1, \"end\": 10, \"times\": [1]}]}",
	     "chunk 1 of the plan: \"start\", -1.000000 s, is before"},
		{HEAD "\"chunks\": [{\"start\": 5, \"end\": 5, \"times\": [5]}]}",
	     "chunk 1 of the plan: \"end\", 5.000000 s, is before"},
		{HEAD "\"chunks\": [{\"start\": 0, \"end\": 10, \"times\": []}]}",
	     "chunk 1 of the plan: \"times\" is not an array"},
		{HEAD "\"chunks\": [{\"start\": 0, \"end\": 10, \"times\": [\"1\"]}]}",
	     "chunk 1 of the plan: time 1 is not a number"},
		{HEAD "\"chunks\": [{\"start\": 0, \"end\": 10, \"times\": [1, 1]}]}",
	     "chunk 1 of the plan: time 2, 1.000000 s, is before"},
		{HEAD "\"chunks\": [{\"start\": 0, \"end\": 10, \"times\": [10]}]}",
	     "chunk 1 of the plan: time 1, 10.000000 s, is after"},
		{HEAD "\"chunks\": [{\"start\": 0, \"end\": 10, \"times\": [1e300]}]}",
	     "chunk 1 of the plan: time 1 is out of range"},
		{HEAD
	     "\"chunks\": [{\"start\": 9, \"end\": 10, \"times\": [9]}, {\"start\": 0, \"end\": 9, "
	     "\"times\": [1]}]}",
	     "chunk 2 of the plan: \"start\", 0.000000 s, is before"},
		{HEAD "\"chunks\": [{\"start\": 0, \"end\": 10, \"time\": [9]}]}",
	     "chunk 1 of the plan: \"time\" is not a known key"},
		{"{\"format\": \"vdet-plan/1\", \"policy\": \"odd\"}",
	     "the plan: \"policy\" must be one of"},
		{"{\"format\": \"vdet-plan/1\", \"policy\": \"even\", \"duration\": 99}",
	     "the plan: it is for a video of 00:01:39.000, and this"},
		{HEAD CHUNK "\"sum\": 1}", "the plan: its \"sum\" is not an object"},
		{HEAD CHUNK "\"sum\": {\"bursts\": -3}}", "the plan: its \"bursts\" is not from 0 to"},
		{HEAD CHUNK "\"sum\": {\"missed\": 3, \"budget\": 1}}",
	     "the plan: its \"missed\" is not a list"},
		{HEAD CHUNK "\"sum\": {\"missed\": [[2, 1]], \"budget\": 1}}",
	     "the plan: the end of a missed burst, 1.000000 s, is before"},
		{HEAD CHUNK "\"sum\": {\"budget\": -5}}", "the plan: its \"budget\" is not from"},
		{HEAD CHUNK "\"unfinished\": {\"until\": 9}}", BUDGET},
		{HEAD CHUNK SUM("0") "\"unfinished\": {\"until\": 9}}", BUDGET},
		{HEAD CHUNK SUM("-1") "\"unfinished\": {\"until\": 9}}", BUDGET},
		{HEAD CHUNK SUM("9e9") "\"unfinished\": {\"until\": 9}}", BUDGET},
		{HEAD CHUNK SUM("9000000000") "\"unfinished\": {\"until\": 9}}", BUDGET},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err;
		assert_null(read_text(cases[i].text, 100 * S, &err));
		if (strncmp(err.msg, cases[i].fault, strlen(cases[i].fault)) != 0)
			fail_msg("case %zu: \"%s\" is not \"%s\"", i, err.msg, cases[i].fault);
	}
	struct err err;
	AUTO(plan_freep)
	struct plan *good = read_text(
		HEAD "\"chunks\": [{\"start\": 1, \"end\": 9, \"times\": [2.5, 3]}]}", 100 * S, &err);
	assert_int_equal(good->samples, 2);
	assert_int_equal(good->chunks[0].times[0], 2500000);
	AUTO(plan_freep)
	struct plan *part =
		read_text(HEAD CHUNK SUM("24") "\"unfinished\": {\"until\": 9}}", 100 * S, &err);
	assert_int_equal(part->until, 9 * S);
	assert_int_equal(part->budget, 24);
	struct plan *none = NULL;
	assert_int_equal(plan_read("/nonexistent/plan.json", 100 * S, 256, &none, &err), -ERR_NOENT);
}

static void a_day_is_planned_in_a_moment(void **state)
{
	(void)state;
	struct video_index *x = still(86400 * S, 100000);
	seed_state = 11;
	add_noise(x, 1);
	for (int i = 0; i < 20000; i++)
		add_burst(x, between(0, 86399) * S, between(1, 40) * 100000, (float)between(1, 30));
	add_keys(x, 4 * S);
	AUTO(plan_freep) struct plan *p = make(&usual, x);
	check(p, &usual, 6, 300 * S);
	assert_in_range(p->samples, 1000, p->budget);
	video_index_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_plan_is_sound),
		cmocka_unit_test(short_bursts_are_hit),
		cmocka_unit_test(bursts_without_a_sample_are_listed),
		cmocka_unit_test(a_sudden_change_is_seen_after_it),
		cmocka_unit_test(a_still_video_costs_little_and_the_plan_says_so),
		cmocka_unit_test(every_shot_is_seen_and_no_dissolve),
		cmocka_unit_test(poor_pictures_are_avoided),
		cmocka_unit_test(chunks_do_not_end_inside_an_event),
		cmocka_unit_test(near_duplicates_give_their_place_away),
		cmocka_unit_test(a_budget_of_other_policies_is_the_same),
		cmocka_unit_test(a_plan_may_grow),
		cmocka_unit_test(the_number_of_chunks_is_estimated),
		cmocka_unit_test(wrong_options_are_refused),
		cmocka_unit_test(a_plan_comes_back_from_json),
		cmocka_unit_test(a_wrong_plan_is_refused),
		cmocka_unit_test(a_day_is_planned_in_a_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
