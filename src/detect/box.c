/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/box.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "protocol/index-wire.h"

enum { OUTSIDE = 4, TWICE_MOST = 4 * 20 + 1 };

/* Sizes in cells, and the distance of the rows that are tried. */
static const struct size {
	int w, h, step;
} sizes[] = {{2, 2, 1},  {3, 3, 1},   {3, 6, 1},   {6, 3, 1},   {5, 5, 2},
             {5, 10, 2}, {10, 10, 3}, {20, 20, 5}, {40, 40, 10}};

/* Half of the mean difference of each cell from the next ones on the right and
 * below, without the largest tenth. */
static float noise_of(const int16_t *r, int w, int h)
{
	int counts[TWICE_MOST] = {0}, n = 0, sum = 0, used = 0;
	for (int y = 0; y + 2 < h; y += 2)
		for (int x = 0; x + 2 < w; x += 2) {
			const int16_t *c = r + y * w + x;
			int d = abs(2 * c[0] - c[2] - c[2 * w]);
			counts[d < TWICE_MOST ? d : TWICE_MOST - 1]++;
			n++;
		}

	int most = n * 9 / 10;
	for (int d = 0; d < TWICE_MOST && used < most; d++) {
		int take = counts[d] < most - used ? counts[d] : most - used;
		sum += d * take;
		used += take;
	}
	return used ? (float)sum / 2 / (float)used : 0;
}

/* sums: (h + 1) rows of w + 1. Returns how many cells are outside. */
static int integrate(const int16_t *r, int w, int h, int *sums)
{
	int outside = 0;
	memset(sums, 0, (size_t)(w + 1) * sizeof *sums);
	for (int y = 0; y < h; y++) {
		int row = 0, *out = sums + (y + 1) * (w + 1);
		out[0] = 0;
		for (int x = 0; x < w; x++) {
			int v = r[y * w + x];
			row += v;
			outside += abs(v) > OUTSIDE;
			out[x + 1] = out[x - w] + row;
		}
	}
	return outside;
}

/* The largest |sum| of the boxes of one size in the row of boxes at y. */
static int most_in_row(const int *sums, int w, const struct size *s, int y)
{
	const int *a = sums + y * (w + 1), *b = a + s->h * (w + 1);
	int most = 0;
	for (int x = 0; x + s->w <= w; x++) {
		int v = abs(b[x + s->w] - b[x] - a[x + s->w] + a[x]);
		most = v > most ? v : most;
	}
	return most;
}

static int column_of(const int *sums, int w, const struct size *s, int y, int sum)
{
	const int *a = sums + y * (w + 1), *b = a + s->h * (w + 1);
	int x = 0;
	while (x + s->w < w && abs(b[x + s->w] - b[x] - a[x + s->w] + a[x]) != sum)
		x++;
	return x;
}

struct box box_find(const int16_t *r, int w, int h, float floor)
{
	int sums[(GRID_H + 1) * (GRID_W + 1)], any = 0;
	struct box best = {0};
	for (int i = 0; i < w * h; i++)
		any |= r[i];
	if (!any)
		return best;

	int outside = integrate(r, w, h, sums);
	float noise = floor + noise_of(r, w, h);
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		const struct size *s = &sizes[k];
		int most = 0, at = 0;
		for (int y = 0; y + s->h <= h && s->w <= w; y += s->step) {
			int sum = most_in_row(sums, w, s, y);
			at = sum > most ? y : at;
			most = sum > most ? sum : most;
		}
		float score = (float)most / (noise * sqrtf((float)(s->w * s->h)));
		if (score > best.score)
			best = (struct box){.score = score,
			                    .x = column_of(sums, w, s, at, most),
			                    .y = at,
			                    .w = s->w,
			                    .h = s->h};
	}
	best.share = (float)outside / (float)(w * h);
	return best;
}
