/* SPDX-License-Identifier: Apache-2.0 */
/* PP-OCR without its networks: sizes, pixels made to numbers, boxes from a map,
 * letters, text from probabilities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ocr/letters.h"
#include "ocr/ppocr-data.h"

static void expect_size(int w, int h, int want_w, int want_h)
{
	ppocr_size(w, h, &w, &h);
	assert_int_equal(w, want_w);
	assert_int_equal(h, want_h);
}

static void test_size(void **state)
{
	(void)state;
	expect_size(1920, 1080, 960, 544);
	expect_size(1080, 1920, 544, 960);
	expect_size(800, 600, 800, 608);
	expect_size(426, 240, 640, 352);
	expect_size(40, 20, 128, 64); /* threefold at most */
	expect_size(3, 3, 32, 32);
	expect_size(20000, 10, 960, 32);
}

/* 0xRRGGBBxx */
static const uint32_t two_by_two[] = {0xff000000, 0x00ff0000, 0x0000ff00, 0xffffff00};

static void test_fill(void **state)
{
	(void)state;
	const struct ppocr_pixels pixels = {two_by_two, 2, 2, 2};
	const struct image_box whole = {0, 0, 2, 2}, right = {1, 0, 1, 2};
	float v[3 * 4 * 4];
	ppocr_fill(&pixels, &whole, PPOCR_RECOGNITION, 2, 2, v);
	const float want[] = {-1, -1, 1, 1, /* blue */ -1, 1, -1, 1, /* green */ 1, -1, -1, 1};
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_true(fabsf(v[i] - want[i]) < 1e-6F);
	/* The part only, and between its points; beyond the middle of the last one
	 * its value. */
	ppocr_fill(&pixels, &right, PPOCR_RECOGNITION, 1, 4, v);
	const float blue[] = {-1, -0.5F, 0.5F, 1};
	for (size_t i = 0; i < ARRAY_LEN(blue); i++)
		assert_true(fabsf(v[i] - blue[i]) < 1e-6F);
	assert_true(fabsf(v[4] - 1) < 1e-6F);
	ppocr_fill(&pixels, &whole, PPOCR_DETECTION, 2, 2, v);
	assert_true(fabsf(v[0] + 0.485F / 0.229F) < 1e-5F);
	assert_true(fabsf(v[2] - (1 - 0.485F) / 0.229F) < 1e-5F);
	assert_true(fabsf(v[8] - (1 - 0.406F) / 0.225F) < 1e-5F);
}

enum { W = 100, H = 50 };

static void paint(float *map, int x, int y, int w, int h, float value)
{
	for (int k = y; k < y + h; k++)
		for (int i = x; i < x + w; i++)
			map[k * W + i] = value;
}

static void expect_box(const struct image_box *b, int x, int y, int w, int h)
{
	assert_int_equal(b->x, x);
	assert_int_equal(b->y, y);
	assert_int_equal(b->w, w);
	assert_int_equal(b->h, h);
}

static void test_boxes(void **state)
{
	(void)state;
	float map[W * H] = {0};
	struct image_box boxes[4];
	size_t n = 9;
	assert_int_equal(ppocr_boxes(map, W, H, 4, boxes, &n, NULL), 0);
	assert_int_equal(n, 0);
	paint(map, 20, 10, 40, 6, 0.9F);  /* 240 by 92: 1.6 * 240 / 92 = 4 more on each side */
	paint(map, 0, 40, 30, 5, 0.8F);   /* at the edge */
	paint(map, 80, 5, 10, 10, 0.35F); /* not sure enough */
	paint(map, 80, 30, 2, 10, 0.9F);  /* too thin */
	map[25 * W + 50] = NAN;
	map[26 * W + 50] = INFINITY;
	assert_int_equal(ppocr_boxes(map, W, H, 4, boxes, &n, NULL), 0);
	assert_int_equal(n, 2);
	expect_box(&boxes[0], 16, 6, 48, 14);
	expect_box(&boxes[1], 0, 37, 33, 11);
	assert_int_equal(ppocr_boxes(map, W, H, 1, boxes, &n, NULL), 0);
	assert_int_equal(n, 1);
	/* All of it, in one piece. */
	paint(map, 0, 0, W, H, 1);
	assert_int_equal(ppocr_boxes(map, W, H, 4, boxes, &n, NULL), 0);
	assert_int_equal(n, 1);
	expect_box(&boxes[0], 0, 0, W, H);
}

static int read_letters(const char *text, struct ppocr_letters *ret)
{
	return ppocr_letters_read(text, strlen(text), ret, NULL);
}

static void test_letters(void **state)
{
	(void)state;
	AUTO(ppocr_letters_clear) struct ppocr_letters l = {0};
	assert_int_equal(read_letters("a\r\n火\n!", &l), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.items[1], "火");
	assert_string_equal(l.items[2], "!");
	ppocr_letters_clear(&l);
	assert_int_equal(read_letters("a\n", &l), 0);
	assert_int_equal(l.n, 1);
	struct ppocr_letters none = {0};
	assert_true(read_letters("", &none) < 0);
	assert_true(read_letters("a\n\nb\n", &none) < 0);
	assert_true(read_letters("a\n\xff\n", &none) < 0);
	assert_true(read_letters("a whole sentence in a line\n", &none) < 0);
	assert_true(ppocr_letters_read("a\0b", 3, &none, NULL) < 0);
	assert_null(none.items);
}

/* Classes: none, 1, B, 8, 火, space. */
enum { CLASSES = 6, STEPS_MAX = 20 };

/* Each step: its class with a probability, and what the others are. */
static void make(float *probs, const char *classes, float conf)
{
	for (size_t i = 0; classes[i]; i++)
		for (size_t k = 0; k < CLASSES; k++)
			probs[i * CLASSES + k] = k == (size_t)(classes[i] - '0') ? conf : 0.001F;
}

static double text_of(const float *probs, size_t steps, const char *only, struct buf *ret)
{
	AUTO(ppocr_letters_clear) struct ppocr_letters l = {0};
	assert_int_equal(read_letters("1\nB\n8\n火\n", &l), 0);
	buf_clear(ret);
	return ppocr_text(probs, steps, &l, only, ret);
}

static void test_text(void **state)
{
	(void)state;
	float p[STEPS_MAX * CLASSES];
	AUTO(buf_free) struct buf text = BUF(100);
	/* A letter is repeated only where none is between. */
	make(p, "0110100440", 0.9F);
	assert_true(fabs(text_of(p, 10, NULL, &text) - 0.9) < 1e-6);
	assert_string_equal(buf_str(&text), "11火");
	/* Spaces: their own class, or some probability between two characters, less
	 * of it beside a letter; none at the ends. */
	make(p, "5150103020155", 0.9F);
	p[5 * CLASSES + 5] = 0.1F;
	p[7 * CLASSES + 5] = 0.05F;
	p[9 * CLASSES + 5] = 0.01F;
	text_of(p, 13, NULL, &text);
	assert_string_equal(buf_str(&text), "1 18 B1");
	p[5 * CLASSES + 5] = 0.2F;
	text_of(p, 13, NULL, &text);
	assert_string_equal(buf_str(&text), "1 1 8 B1");
	/* What is not allowed is not the likeliest. */
	make(p, "0201", 0.9F);
	p[1 * CLASSES + 3] = 0.08F;
	assert_true(fabs(text_of(p, 4, letters_digits, &text) - (0.9 + 0.08) / 2) < 1e-6);
	assert_string_equal(buf_str(&text), "81");
	make(p, "0000", 0.9F);
	assert_true(text_of(p, 4, NULL, &text) == 0 && text.len == 0);
	assert_true(text_of(p, 0, NULL, &text) == 0);
}

static void test_clock_words(void **state)
{
	(void)state;
	assert_true(letters_has_clock_word("17 May 2024") && letters_has_clock_word("8:30 PM"));
	assert_true(letters_has_clock_word("THURSDAY 3"));
	assert_false(letters_has_clock_word("2024-05-17") || letters_has_clock_word("B3:4S") ||
	             letters_has_clock_word("") || letters_has_clock_word("camera"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),  cmocka_unit_test(test_fill),
		cmocka_unit_test(test_boxes), cmocka_unit_test(test_letters),
		cmocka_unit_test(test_text),  cmocka_unit_test(test_clock_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
