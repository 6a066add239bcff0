/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/background.h"

#include <stdlib.h>

enum {
	BINS = 64,
	CAP = 20,       /* of a residual */
	TONE_NEAR = 4,  /* a level this near to the tone curve is background */
	OFTEN = 15,     /* per cent of the slots */
	OFTEN_LEAST = 3 /* slots */
};

struct background {
	enum plane plane;
	int n;            /* cells */
	int shift, first; /* the bin of a level is (level - first) >> shift */
	int slots;
	bool any;          /* a picture was learned in this slot */
	uint64_t *current; /* bins of this slot; a bit each */
	uint64_t *before[2];
	uint64_t *known; /* bins of three slots in a row; at last, the background */
	uint8_t (*counts)[BINS];
};

struct background *background_new(enum plane k)
{
	struct background *b = mem_alloc(1, sizeof *b);
	b->plane = k;
	b->n = plane_width(k) * plane_height(k);
	b->shift = plane_is_chroma(k) ? 1 : 2;
	b->first = plane_is_chroma(k) ? 64 : 0;
	size_t n = (size_t)b->n;
	b->current = mem_alloc(n, sizeof *b->current);
	b->before[0] = mem_alloc(n, sizeof *b->before[0]);
	b->before[1] = mem_alloc(n, sizeof *b->before[1]);
	b->known = mem_alloc(n, sizeof *b->known);
	b->counts = mem_alloc(n, sizeof *b->counts);
	return b;
}

void background_free(struct background *b)
{
	if (!b)
		return;
	free(b->current);
	free(b->before[0]);
	free(b->before[1]);
	free(b->known);
	free(b->counts);
	free(b);
}

/* The bin of each level that a cell of a picture in this light can have. */
static void bins_of(const struct background *b, const struct light *l, uint8_t ret[256])
{
	for (int v = 0; v < 256; v++) {
		int level = v;
		if (b->plane == PLANE_LUMA)
			level = light_usual(l, (uint8_t)v);
		else if (plane_is_chroma(b->plane))
			level = 128 + (int)((float)(v - 128) / l->gain);
		int bin = level < b->first ? 0 : (level - b->first) >> b->shift;
		ret[v] = (uint8_t)(bin < BINS ? bin : BINS - 1);
	}
}

void background_learn(struct background *b, const uint8_t *levels, const struct light *l)
{
	uint8_t bins[256];
	uint64_t bits[256];
	bins_of(b, l, bins);
	for (int v = 0; v < 256; v++)
		bits[v] = UINT64_C(1) << bins[v];
	for (int i = 0; i < b->n; i++)
		b->current[i] |= bits[levels[i]];
	b->any = true;
}

void background_end_slot(struct background *b)
{
	if (!b->any)
		return;
	for (int i = 0; i < b->n; i++) {
		uint64_t now = b->current[i];
		b->known[i] |= now & b->before[0][i] & b->before[1][i];
		b->before[1][i] = b->before[0][i];
		b->before[0][i] = now;
		b->current[i] = 0;
		for (; now; now &= now - 1) {
			uint8_t *count = &b->counts[i][__builtin_ctzll(now)];
			*count = (uint8_t)(*count + (*count < UINT8_MAX));
		}
	}
	b->slots++;
	b->any = false;
}

void background_end_block(struct background *b)
{
	int need = (b->slots * OFTEN + 99) / 100;
	need = need < OFTEN_LEAST ? OFTEN_LEAST : need;
	for (int i = 0; i < b->n; i++) {
		uint64_t set = b->known[i];
		for (int bin = 0; bin < BINS; bin++)
			set |= (uint64_t)(b->counts[i][bin] >= need) << bin;
		b->known[i] = set | set << 1 | set >> 1;
	}
}

/* Distance in bins, with a sign, to the nearest bin of a set that is not empty
 * and does not have this bin. */
static int nearest(uint64_t set, int bin)
{
	uint64_t low = set << (BINS - 1 - bin), high = set >> bin;
	int down = low ? __builtin_clzll(low) : BINS, up = high ? __builtin_ctzll(high) : BINS;
	return down <= up ? down : -up;
}

void background_residual(const struct background *b, const uint8_t *levels, const struct light *l,
                         const uint8_t *reference, int16_t *ret)
{
	uint8_t bins[256];
	bool toned = b->plane == PLANE_LUMA && l->changed;
	bins_of(b, l, bins);
	for (int i = 0; i < b->n; i++) {
		int bin = bins[levels[i]];
		uint64_t set = b->known[i];
		ret[i] = 0;
		if (!set || set >> bin & 1)
			continue;
		int d = nearest(set, bin) * (1 << b->shift);
		d = d > CAP ? CAP : d < -CAP ? -CAP : d;
		/* Where the tone curve is flat, a small error of a level is large. */
		if (toned)
			d = abs(levels[i] - l->tone[reference[i]]) <= TONE_NEAR
			        ? 0
			        : (int)((float)d * l->slope[levels[i]]);
		ret[i] = (int16_t)d;
	}
}
