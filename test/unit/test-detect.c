/* SPDX-License-Identifier: Apache-2.0 */
/* The background model on drawn grids: what it must notice, and what not. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "detect/detect.h"

enum { FRAMES = 1500, EVERY = 200000 };
#define NOTICED 16.0F /* score of what is seen */

static uint64_t seed_state;

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t draw(void)
{
	uint64_t z = seed_state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint8_t level(double v)
{
	return (uint8_t)(v < 16 ? 16 : v > 235 ? 235 : v + 0.5);
}

/* Five minutes of a fixed camera with noise, five pictures a second; the caller
 * frees. */
static struct grid *scene(uint64_t seed, int noise)
{
	struct grid *g = mem_alloc(FRAMES, sizeof *g);
	uint8_t still[GRID_CELLS];
	seed_state = seed;
	for (int i = 0; i < GRID_CELLS; i++)
		still[i] = (uint8_t)(60 + (i % GRID_W) + 20 * (i / GRID_W % 8 < 4) + (int)(draw() % 20));
	for (size_t t = 0; t < FRAMES; t++) {
		g[t].pts = (int64_t)t * EVERY;
		for (int i = 0; i < GRID_CELLS; i++)
			g[t].luma[i] = level(still[i] + (int)(draw() % (unsigned)(2 * noise + 1)) - noise);
		memset(g[t].chroma, 128, sizeof g[t].chroma);
	}
	return g;
}

/* Changes the luma of a box of cells. */
static void add_box(struct grid *g, int x, int y, int w, int h, int change)
{
	for (int v = y; v < y + h; v++)
		for (int u = x; u < x + w; u++)
			g->luma[v * GRID_W + u] = level(g->luma[v * GRID_W + u] + change);
}

static struct detection *detect(const struct grid *g)
{
	struct detection *d = mem_alloc(FRAMES, sizeof *d);
	detect_block(g, FRAMES, d);
	for (size_t t = 0; t < FRAMES; t++)
		assert_int_equal(d[t].pts, g[t].pts);
	return d;
}

static float most(const struct detection *d, size_t a, size_t b)
{
	float top = 0;
	for (size_t t = a; t < b; t++)
		top = d[t].score > top ? d[t].score : top;
	return top;
}

static void a_small_object_is_noticed_where_it_is(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		AUTO(mem_freep) struct grid *g = scene(seed, 3);
		for (size_t t = 700; t < 704; t++) /* 0.8 s */
			add_box(&g[t], 40, 20, 3, 4, -35);
		AUTO(mem_freep) struct detection *d = detect(g);
		assert_true(most(d, 700, 704) > NOTICED);
		assert_true(most(d, 0, 700) < NOTICED / 2 && most(d, 704, FRAMES) < NOTICED / 2);
		assert_in_range(d[701].x, 38, 42);
		assert_in_range(d[701].y, 18, 23);
	}
}

static void a_color_alone_is_noticed(void **state)
{
	(void)state;
	AUTO(mem_freep) struct grid *g = scene(1, 3);
	for (size_t t = 900; t < 905; t++)
		for (int i = 0; i < 4; i++)
			memset(&g[t].chroma[1][(10 + i) * GRID_W / 2 + 30], 160, 4);
	AUTO(mem_freep) struct detection *d = detect(g);
	assert_true(most(d, 900, 905) > NOTICED);
	assert_in_range(d[902].x, 56, 66);
}

static void noise_rain_and_light_are_not(void **state)
{
	(void)state;
	AUTO(mem_freep) struct grid *g = scene(2, 8);
	for (size_t t = 300; t < 425; t++) /* streaks for 25 s */
		for (int k = 0; k < 150; k++)
			add_box(&g[t], (int)(draw() % GRID_W), (int)(draw() % (GRID_H - 3)), 1, 2, 7);
	for (size_t t = 900; t < 1000; t++) /* brighter for 20 s, and clipped */
		for (int i = 0; i < GRID_CELLS; i++)
			g[t].luma[i] = level(16 + 1.25 * (g[t].luma[i] - 16));
	AUTO(mem_freep) struct detection *d = detect(g);
	assert_true(most(d, 0, FRAMES) < NOTICED);
}

static void what_repeats_or_lasts_becomes_background(void **state)
{
	(void)state;
	AUTO(mem_freep) struct grid *g = scene(3, 3);
	for (size_t t = 0; t < FRAMES; t++)
		add_box(&g[t], 10 + (int)(t % 40) / 2, 30, 6, 6, 40); /* every 8 s */
	for (size_t t = 600; t < 1200; t++)
		add_box(&g[t], 70, 10, 8, 8, -40); /* for two minutes */
	for (size_t t = 1300; t < 1305; t++)
		add_box(&g[t], 70, 40, 4, 4, -40); /* for a second */
	AUTO(mem_freep) struct detection *d = detect(g);
	assert_true(most(d, 0, 1300) < NOTICED);
	assert_true(most(d, 1300, 1305) > NOTICED);
}

static void a_foreign_picture_fills_the_frame(void **state)
{
	(void)state;
	AUTO(mem_freep) struct grid *g = scene(4, 3);
	for (size_t t = 500; t < 510; t++)
		for (int i = 0; i < GRID_CELLS; i++)
			g[t].luma[i] = level(40 + (i * 7 / GRID_W) % 160);
	AUTO(mem_freep) struct detection *d = detect(g);
	assert_true(d[505].score > 3 * NOTICED && d[505].share > 0.5f);
	assert_true(d[505].w >= 20 && d[505].x + d[505].w <= GRID_W && d[505].y + d[505].h <= GRID_H);
}

/* Levels at the limits, one picture, and times far apart. */
static void odd_blocks_are_scored(void **state)
{
	(void)state;
	struct grid *g = mem_alloc(3, sizeof *g);
	struct detection d[3];
	detect_block(g, 0, d);
	memset(g[0].luma, 255, sizeof g[0].luma);
	detect_block(g, 1, d);
	assert_true(d[0].score >= 0);
	g[1].pts = CLOCK_SECOND * 3600 * 24;
	memset(g[1].chroma, 255, sizeof g[1].chroma);
	g[2].pts = g[1].pts + 1;
	detect_block(g, 3, d);
	for (int i = 0; i < 3; i++)
		assert_true(d[i].score >= 0 && d[i].score < 1e6f && d[i].share <= 1);
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_object_is_noticed_where_it_is),
		cmocka_unit_test(a_color_alone_is_noticed),
		cmocka_unit_test(noise_rain_and_light_are_not),
		cmocka_unit_test(what_repeats_or_lasts_becomes_background),
		cmocka_unit_test(a_foreign_picture_fills_the_frame),
		cmocka_unit_test(odd_blocks_are_scored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
