/* SPDX-License-Identifier: Apache-2.0 */
/* A list of letters, and what the networks of PP-OCR give: the input as each of
 * them. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fuzz.h"
#include "base/mem.h"
#include "base/text.h"
#include "ocr/letters.h"
#include "ocr/ppocr-data.h"

enum { WIDTH = 16, NUMBERS = 4096, BOXES = 8 };

static void find(const float *numbers, size_t n)
{
	struct image_box boxes[BOXES];
	size_t found = 0;
	int h = (int)(n / WIDTH);
	if (h < 1 || ppocr_boxes(numbers, WIDTH, h, BOXES, boxes, &found, NULL) < 0)
		return;
	for (size_t i = 0; i < found; i++) {
		const struct image_box *b = &boxes[i];
		assert(b->x >= 0 && b->y >= 0 && b->w > 0 && b->h > 0);
		assert(b->x + b->w <= WIDTH && b->y + b->h <= h);
	}
}

static void read(const float *numbers, size_t n, const struct ppocr_letters *l, const char *only)
{
	AUTO(buf_free) struct buf text = BUF(1000);
	ppocr_text(numbers, n / (l->n + 2), l, only, &text);
	assert(text_is_utf8(buf_str(&text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char ascii[] = "1\nB\n:\n火\n";
	static float numbers[NUMBERS];
	AUTO(ppocr_letters_clear) struct ppocr_letters l = {0}, known = {0};
	size_t n = size / sizeof *numbers < NUMBERS ? size / sizeof *numbers : NUMBERS;
	if (n)
		memcpy(numbers, data, n * sizeof *numbers);
	find(numbers, n);
	for (size_t i = 0; i < size && i < NUMBERS; i++)
		numbers[i] = (float)data[i] / 255;
	n = size < NUMBERS ? size : NUMBERS;
	find(numbers, n);
	if (ppocr_letters_read(ascii, sizeof ascii - 1, &known, NULL) == 0)
		read(numbers, n, &known, letters_clock);
	if (ppocr_letters_read((const char *)data, size, &l, NULL) == 0)
		read(numbers, n, &l, NULL);
	return 0;
}
