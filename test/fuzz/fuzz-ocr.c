/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that are read for writing: the input as a JPEG, up to what the
 * engine would get; and as the pixels of a small one. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"
#include "base/mem.h"
#include "ocr/image.h"

enum { LINES = 16, SIDE = 64 };

static void examine(PIX *gray)
{
	struct image_box found[LINES];
	size_t n = image_find_lines(gray, LINES, found);
	for (size_t i = 0; i < n; i++) {
		const struct image_box *b = &found[i];
		assert(b->x >= 0 && b->y >= 0 && b->w > 0 && b->h > 0);
		for (int turn = 0; turn < 360; turn += 90) {
			AUTO(image_freep) PIX *part = image_cut(gray, b, turn);
			AUTO(image_freep) PIX *line = part ? image_line(part, 40, turn) : NULL;
			(void)line;
			const struct image_box inside = {0, 0, 1, 1};
			const struct image_box back = image_uncut(b, turn, &inside);
			assert(image_overlap(b, &back) > 0.99);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	PIX *decoded = NULL;
	setMsgSeverity(L_SEVERITY_NONE);
	if (size && image_decode(data, size, false, &decoded, &err) == 0) {
		AUTO(image_freep) PIX *owned = decoded;
		if ((int64_t)pixGetWidth(owned) * pixGetHeight(owned) < 1 << 20)
			examine(owned);
	}
	AUTO(image_freep) PIX *drawn = pixCreate(SIDE, SIDE, 8);
	for (size_t i = 0; i < size && i < (size_t)SIDE * SIDE; i++)
		pixSetPixel(drawn, (l_int32)(i % SIDE), (l_int32)(i / SIDE), data[i]);
	examine(drawn);
	return 0;
}
