/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/light.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	W = GRID_W,
	H = GRID_H,
	PICTURES = 41, /* for the reference */
	DARK = 18,     /* levels up to this and from BRIGHT on may be saturated */
	BRIGHT = 233,
	CELLS_FEW = 50, /* too few to fit a line */
	ROUNDS = 4,
	STEPS = 32,    /* of the tone curve, of 8 levels each */
	STEP_FEW = 30, /* too few cells for a step of its own */
	QUARTERS = 1024,
};
static const float spread_least = 2, gain_least = 0.4f, gain_most = 2.5f;
static const float gain_noticed = 0.03f, offset_noticed = 4;

static int compare(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

void light_reference(const struct grid *g, size_t n, uint8_t ret[GRID_CELLS])
{
	for (int i = 0; i < GRID_CELLS; i++) {
		uint8_t v[PICTURES];
		for (size_t k = 0; k < PICTURES; k++)
			v[k] = g[(n - 1) * k / (PICTURES - 1)].luma[i];
		qsort(v, PICTURES, 1, compare);
		ret[i] = v[PICTURES / 2];
	}
}

/* The cells that a fit reads: every 8th, unless it may be saturated. */
struct cells {
	const uint8_t *reference, *luma;
	int at[W * H / 8 + W];
	int n;
};

static void choose_cells(struct cells *c)
{
	for (int y = 1; y < H; y += 2)
		for (int x = 1 + (y & 2); x < W; x += 4) {
			int i = y * W + x;
			if (c->luma[i] > DARK && c->luma[i] < BRIGHT)
				c->at[c->n++] = i;
		}
}

/* The distance of a cell from the line, in levels. */
static float distance(const struct cells *c, int k, float gain, float offset)
{
	return fabsf((float)c->luma[c->at[k]] - gain * (float)c->reference[c->at[k]] - offset);
}

/* The median distance from the line. */
static float spread(const struct cells *c, float gain, float offset)
{
	int counts[QUARTERS] = {0}, sum = 0, q = 0;
	for (int k = 0; k < c->n; k++) {
		int d = (int)(4 * distance(c, k, gain, offset));
		counts[d < QUARTERS ? d : QUARTERS - 1]++;
	}
	while (q < QUARTERS - 1 && (sum += counts[q]) * 2 < c->n)
		q++;
	return (float)q / 4;
}

/* Least squares over the cells within `limit` of the line so far. */
static void fit_line(const struct cells *c, float limit, float *gain, float *offset)
{
	double sx = 0, sy = 0, sxx = 0, sxy = 0, m = 0;
	for (int k = 0; k < c->n; k++) {
		double u = c->reference[c->at[k]], v = c->luma[c->at[k]];
		if (distance(c, k, *gain, *offset) > limit)
			continue;
		sx += u;
		sy += v;
		sxx += u * u;
		sxy += u * v;
		m++;
	}
	if (m < 1)
		return;
	double variance = sxx / m - sx / m * (sx / m), common = sxy / m - sx / m * (sy / m);
	*gain = variance > 4 ? (float)(common / variance) : 1;
	*offset = (float)(sy / m) - *gain * (float)(sx / m);
}

/* The level that each step of the reference became: rising. */
static void tone_steps(const struct cells *c, const struct light *l, float ret[STEPS])
{
	static const float black = 16, white = 235;
	uint16_t counts[STEPS][256] = {{0}};
	int cells[STEPS] = {0};
	for (int y = 0; y < H; y++)
		for (int x = y & 1; x < W; x += 2) {
			int i = y * W + x, step = c->reference[i] / 8;
			counts[step][c->luma[i]]++;
			cells[step]++;
		}

	for (int s = 0; s < STEPS; s++) {
		float level = l->gain * ((float)s * 8 + 3.5f) + l->offset;
		level = fminf(fmaxf(level, black), white);
		if (cells[s] >= STEP_FEW) {
			int sum = 0, v = 0;
			while (v < 255 && (sum += counts[s][v]) * 2 < cells[s])
				v++;
			level = (float)v;
		}
		ret[s] = s ? fmaxf(level, ret[s - 1]) : level;
	}
}

static uint8_t level_of(float v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5f);
}

/* The tone curve, its inverse and its slope, from the steps. */
static void draw_curve(const float steps[STEPS], struct light *l)
{
	for (int u = 0; u < 256; u++) {
		int s = u < 4 ? 0 : (u - 4) / 8;
		s = s < STEPS - 1 ? s : STEPS - 2;
		float along = ((float)u - (float)s * 8 - 3.5f) / 8;
		l->tone[u] = level_of(steps[s] + (steps[s + 1] - steps[s]) * along);
	}

	for (int v = 0, u = 0; v < 256; v++) {
		while (u < 255 && l->tone[u] < v)
			u++;
		int last = u;
		while (last < 255 && l->tone[last + 1] == l->tone[u])
			last++;
		l->inverse[v] = (uint8_t)((u + last) / 2);
		int a = u > 8 ? u - 8 : 0, b = last < 247 ? last + 8 : 255;
		l->slope[v] = fminf((float)(l->tone[b] - l->tone[a]) / (float)(b - a), 1);
	}
}

void light_fit(const uint8_t reference[GRID_CELLS], const uint8_t luma[GRID_CELLS],
               struct light *ret)
{
	struct cells c = {.reference = reference, .luma = luma};
	ret->gain = 1;
	ret->offset = 0;
	ret->changed = false;
	choose_cells(&c);
	if (c.n < CELLS_FEW)
		return;
	float before = spread(&c, 1, 0), after = before, limit = INFINITY, gain = 1, offset = 0;
	if (before < spread_least)
		return;

	for (int i = 0; i < ROUNDS; i++) {
		fit_line(&c, limit, &gain, &offset);
		if (gain < gain_least || gain > gain_most)
			return;
		after = spread(&c, gain, offset);
		limit = 2.5f * after + 1;
	}
	if (after >= 0.5f * before)
		return;

	ret->gain = gain;
	ret->offset = offset;
	if (fabsf(gain - 1) < gain_noticed && fabsf(offset) < offset_noticed)
		return;
	float steps[STEPS];
	ret->changed = true;
	tone_steps(&c, ret, steps);
	draw_curve(steps, ret);
}

uint8_t light_usual(const struct light *l, uint8_t level)
{
	return l->changed ? l->inverse[level] : level_of(((float)level - l->offset) / l->gain);
}
