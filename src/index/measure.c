/* SPDX-License-Identifier: Apache-2.0 */
#include "index/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { W = SIGNATURE_W, H = SIGNATURE_H, SHIFT_X = 6, SHIFT_Y = 3 };

/* Added to the variances, so that noise on a uniform area is not treated as
 * structure. In squared levels. */
static const float noise = 12;

static float clamp01(float v)
{
	return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* Correlation of a with b shifted by (dx, dy), where they overlap. */
static float correlation(const uint8_t *a, const uint8_t *b, int dx, int dy)
{
	int x0 = dx > 0 ? dx : 0, x1 = dx > 0 ? W : W + dx, y0 = dy > 0 ? dy : 0,
		y1 = dy > 0 ? H : H + dy;
	int sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
	for (int y = y0; y < y1; y++) {
		const uint8_t *pa = a + y * W, *pb = b + (y - dy) * W - dx;
		for (int x = x0; x < x1; x++) {
			int u = pa[x], v = pb[x];
			sa += u;
			sb += v;
			saa += u * u;
			sbb += v * v;
			sab += u * v;
		}
	}
	float n = (float)((x1 - x0) * (y1 - y0)), ma = (float)sa / n, mb = (float)sb / n;
	float va = (float)saa / n - ma * ma, vb = (float)sbb / n - mb * mb,
		  cov = (float)sab / n - ma * mb;
	return cov / sqrtf((va + noise) * (vb + noise));
}

static float structure(const struct signature *a, const struct signature *b)
{
	enum { FLAT = 6 };
	/* black and white have no structure, but differ */
	if (a->deviation < FLAT && b->deviation < FLAT)
		return clamp01((float)abs(a->mean - b->mean) / 96);
	float best = correlation(a->luma, b->luma, 0, 0);
	for (int dy = -SHIFT_Y; dy <= SHIFT_Y && best < 0.9f; dy++)
		for (int dx = -SHIFT_X; dx <= SHIFT_X; dx++) {
			/* A large shift is more likely to fit by chance. */
			float c = correlation(a->luma, b->luma, dx, dy) - 0.01f * (float)(abs(dx) + abs(dy));
			best = c > best ? c : best;
		}
	return clamp01(1 - best);
}

enum { QUANTILES = 16 };

/* Quantiles of luma minus their mean, divided by their width. */
static void quantiles(const struct signature *s, float out[QUANTILES])
{
	uint32_t total = 0, below = 0;
	for (int i = 0; i < SIGNATURE_LEVELS; i++)
		total += s->levels[i];
	int level = 0;
	float mean = 0;
	for (int q = 0; q < QUANTILES; q++) {
		float want = ((float)q + 0.5f) / QUANTILES * (float)total;
		while (level < SIGNATURE_LEVELS - 1 && (float)(below + s->levels[level]) < want)
			below += s->levels[level++];
		float share = s->levels[level] ? (want - (float)below) / (float)s->levels[level] : 0;
		out[q] = 8 * ((float)level + clamp01(share));
		mean += out[q] / QUANTILES;
	}
	for (int q = 0; q < QUANTILES; q++)
		out[q] = (out[q] - mean) / ((float)s->deviation + 8);
}

static float levels(const struct signature *a, const struct signature *b)
{
	float qa[QUANTILES], qb[QUANTILES], sum = 0;
	quantiles(a, qa);
	quantiles(b, qb);
	for (int q = 0; q < QUANTILES; q++)
		sum += fabsf(qa[q] - qb[q]);
	return clamp01(sum / QUANTILES / 0.6f);
}

static float colour(const struct signature *a, const struct signature *b)
{
	int sum = 0;
	for (int c = 0; c < 2; c++)
		for (int i = 0; i < SIGNATURE_CHROMA; i++)
			sum += abs(a->chroma[c][i] - b->chroma[c][i]);
	return clamp01((float)sum / (2 * SIGNATURE_CHROMA) / 16);
}

struct difference signature_difference(const struct signature *a, const struct signature *b)
{
	struct difference d = {
		.structure = structure(a, b), .levels = levels(a, b), .colour = colour(a, b)};
	d.whole = 0.7f * d.structure + 0.1f * d.levels + 0.2f * d.colour;
	return d;
}

float signature_distance(const struct signature *a, const struct signature *b)
{
	int sum = 0;
	for (int i = 0; i < SIGNATURE_CELLS; i++)
		sum += abs(a->luma[i] - b->luma[i]);
	return (float)sum / SIGNATURE_CELLS;
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

/* The exposure change that makes b most similar to a: gain and offset by least
 * squares, with the gain limited to what cameras do. */
static void fit_exposure(const struct signature *a, const struct signature *b, float *gain,
                         float *offset)
{
	float sa = 0, sb = 0, sbb = 0, sab = 0;
	for (int i = 0; i < SIGNATURE_CELLS; i++) {
		float u = a->luma[i], v = b->luma[i];
		sa += u;
		sb += v;
		sbb += v * v;
		sab += u * v;
	}
	const float n = SIGNATURE_CELLS;
	float var = sbb / n - sb / n * (sb / n), cov = sab / n - sa / n * (sb / n);
	float g = var > noise ? cov / var : 1;
	*gain = g < 0.5f || g > 2 ? 1 : g;
	*offset = sa / n - *gain * sb / n;
}

float signature_change(const struct signature *a, const struct signature *b)
{
	enum { TOP = SIGNATURE_CELLS / 30 };
	float gain, offset, diff[SIGNATURE_CELLS], sum = 0;
	fit_exposure(a, b, &gain, &offset);
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			int i = y * W + x, c = y / 2 * (W / 2) + x / 2;
			float luma = fabsf((float)a->luma[i] - gain * (float)b->luma[i] - offset);
			int chroma =
				abs(a->chroma[0][c] - b->chroma[0][c]) + abs(a->chroma[1][c] - b->chroma[1][c]);
			diff[i] = luma + (float)chroma;
		}
	qsort(diff, SIGNATURE_CELLS, sizeof *diff, compare);
	for (int i = 0; i < TOP; i++)
		sum += diff[SIGNATURE_CELLS - 1 - i];
	float top = sum / TOP;
	return top / (top + 16);
}

float signature_share(const struct signature *a, const struct signature *b)
{
	enum { LEVELS = 8 };
	int n = 0;
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			int i = y * W + x, c = y / 2 * (W / 2) + x / 2;
			n += abs(a->luma[i] - b->luma[i]) + abs(a->chroma[0][c] - b->chroma[0][c]) +
			         abs(a->chroma[1][c] - b->chroma[1][c]) >
			     LEVELS;
		}
	return (float)n / SIGNATURE_CELLS;
}

float signature_mixture(const struct signature *a, const struct signature *b,
                        const struct signature *m, float *ret_x)
{
	float dd = 0, dm = 0, mm = 0;
	for (int i = 0; i < SIGNATURE_CELLS; i++) {
		float d = (float)(b->luma[i] - a->luma[i]), e = (float)(m->luma[i] - a->luma[i]);
		dd += d * d;
		dm += d * e;
		mm += e * e;
	}
	for (int c = 0; c < 2; c++)
		for (int i = 0; i < SIGNATURE_CHROMA; i++) {
			float d = (float)(b->chroma[c][i] - a->chroma[c][i]),
				  e = (float)(m->chroma[c][i] - a->chroma[c][i]);
			dd += d * d;
			dm += d * e;
			mm += e * e;
		}
	*ret_x = 0;
	if (dd < 16 * SIGNATURE_CELLS)
		return 1;
	*ret_x = dm / dd;
	float rest = mm - dm * dm / dd;
	return clamp01(sqrtf((rest > 0 ? rest : 0) / dd));
}

int signature_hamming(uint64_t a, uint64_t b)
{
	return __builtin_popcountll(a ^ b);
}
