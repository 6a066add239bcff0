/* SPDX-License-Identifier: Apache-2.0 */
/* Planted events, drawn into pictures of odd sizes. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "media/plant.h"

static AVFrame *picture(int w, int h)
{
	AVFrame *f = av_frame_alloc();
	f->format = AV_PIX_FMT_YUV420P;
	f->width = w;
	f->height = h;
	assert_int_equal(av_frame_get_buffer(f, 0), 0);
	for (int c = 0; c < 3; c++)
		for (int y = 0; y < (c ? (h + 1) / 2 : h); y++)
			for (int x = 0; x < (c ? (w + 1) / 2 : w); x++)
				f->data[c][y * f->linesize[c] + x] = (uint8_t)(c ? 128 : 60 + (x * 7 + y * 3) % 60);
	return f;
}

static int differences(const AVFrame *a, const AVFrame *b)
{
	int n = 0;
	for (int y = 0; y < a->height; y++)
		for (int x = 0; x < a->width; x++)
			n += abs(a->data[0][y * a->linesize[0] + x] - b->data[0][y * b->linesize[0] + x]) > 10;
	return n;
}

static void an_object_is_drawn_in_its_time_only(void **state)
{
	(void)state;
	const struct plant object = {.kind = PLANT_OBJECT,
	                             .start = 1000000,
	                             .end = 2000000,
	                             .width = 0.08,
	                             .height = 0.08,
	                             .x0 = 0.2,
	                             .y0 = 0.5,
	                             .x1 = 0.8,
	                             .y1 = 0.5,
	                             .contrast = 60};
	AUTO(planting_freep) struct planting *p = planting_new(&object, 1);
	for (int w = 131; w <= 320; w += 94) {
		AUTO(av_frame_free) AVFrame *plain = picture(w, w * 9 / 16), *f = picture(w, w * 9 / 16);
		planting_draw(p, 999999, f);
		planting_draw(p, 2000000, f);
		assert_int_equal(differences(plain, f), 0);

		planting_draw(p, 1500000, f);
		double area = 3.1416 / 4 * 0.08 * 0.08 * w * w;
		assert_in_range(differences(plain, f), (int)(area * 0.6), (int)(area * 1.3) + 2);
		assert_true(abs(f->data[0][(w * 9 / 32) * f->linesize[0] + w / 2] -
		                plain->data[0][(w * 9 / 32) * plain->linesize[0] + w / 2]) > 20);
	}
}

static void what_is_outside_of_the_picture_is_clipped(void **state)
{
	(void)state;
	const struct plant object = {.end = 1000,
	                             .width = 0.5,
	                             .height = 3,
	                             .x0 = -0.2,
	                             .y0 = -0.2,
	                             .x1 = 1.2,
	                             .y1 = 1.2,
	                             .contrast = 200,
	                             .blue = -100,
	                             .red = 100};
	AUTO(planting_freep) struct planting *p = planting_new(&object, 1);
	AUTO(av_frame_free) AVFrame *f = picture(33, 17);
	for (int64_t t = 0; t < 1000; t += 10)
		planting_draw(p, t, f);
}

static void another_picture_turned_twice_is_the_first_one(void **state)
{
	(void)state;
	static const struct plant once = {.kind = PLANT_PICTURE, .end = 10};
	const struct plant twice[] = {once, once};
	AUTO(planting_freep)
	struct planting *p = planting_new(&once, 1), *both = planting_new(twice, 2);
	static const int sizes[][2] = {{32, 18}, {33, 18}, {32, 19}, {33, 19}};
	for (size_t i = 0; i < 4; i++) {
		AUTO(av_frame_free)
		AVFrame *plain = picture(sizes[i][0], sizes[i][1]), *f = picture(sizes[i][0], sizes[i][1]);
		planting_draw(both, 5, f);
		assert_int_equal(differences(plain, f), 0);
		planting_draw(p, 5, f);
		assert_true(differences(plain, f) > 100);
		int last = (sizes[i][1] - 1) * plain->linesize[0] + sizes[i][0] - 1;
		assert_int_equal(f->data[0][0], 251 - plain->data[0][last]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_drawn_in_its_time_only),
		cmocka_unit_test(what_is_outside_of_the_picture_is_clipped),
		cmocka_unit_test(another_picture_turned_twice_is_the_first_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
