/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/plane.h"

#include <string.h>

enum { W = GRID_W, H = GRID_H, REACH = 4, BLACK = 16 };

/* sums[y][x]: of all cells above and to the left. */
static void integrate(const uint8_t *x, int sums[H + 1][W + 1])
{
	memset(sums[0], 0, sizeof sums[0]);
	for (int y = 0; y < H; y++) {
		int row = 0;
		sums[y + 1][0] = 0;
		for (int c = 0; c < W; c++) {
			row += x[y * W + c];
			sums[y + 1][c + 1] = sums[y][c + 1] + row;
		}
	}
}

static void relate(const uint8_t *x, uint8_t *out)
{
	int sums[H + 1][W + 1];
	integrate(x, sums);
	for (int y = 0; y < H; y++) {
		int y0 = y > REACH ? y - REACH : 0, y1 = y + REACH + 1 < H ? y + REACH + 1 : H;
		for (int c = 0; c < W; c++) {
			int x0 = c > REACH ? c - REACH : 0, x1 = c + REACH + 1 < W ? c + REACH + 1 : W;
			int sum = sums[y1][x1] - sums[y1][x0] - sums[y0][x1] + sums[y0][x0];
			float mean = (float)sum / (float)((y1 - y0) * (x1 - x0)) - BLACK;
			mean = mean > 1 ? mean : 1;
			float v = 128 + 110 * ((float)x[y * W + c] - BLACK - mean) / (mean + BLACK);
			out[y * W + c] = v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5f);
		}
	}
}

const uint8_t *plane_levels(const struct grid *g, enum plane k, uint8_t relative[GRID_CELLS])
{
	switch (k) {
	case PLANE_LUMA: return g->luma;
	case PLANE_BLUE: return g->chroma[0];
	case PLANE_RED: return g->chroma[1];
	default: relate(g->luma, relative); return relative;
	}
}
