/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "detect/background.h"
#include "detect/box.h"

/* A slot is at most this long, and at most a fifteenth of the block. */
static const int64_t slot_most = 10 * CLOCK_SECOND;
enum { SLOTS_LEAST = 15 };
static const float floor_luma = 1.5f, floor_chroma = 0.7f;
/* Colors count only while the gain of the light differs less than this from 1. */
static const float gain_usual = 0.03f;

struct model {
	struct background *planes[PLANES];
	uint8_t reference[GRID_CELLS];
};

static void model_clear(struct model *m)
{
	for (int k = 0; k < PLANES; k++)
		background_free(m->planes[k]);
}

static void learn(struct model *m, const struct grid *g, size_t n, struct light *lights)
{
	int64_t length = g[n - 1].pts - g[0].pts + 1, slot = length / SLOTS_LEAST + 1, now = 0;
	slot = slot < slot_most ? slot : slot_most;
	light_reference(g, n, m->reference);
	for (size_t i = 0; i < n; i++) {
		bool next = (g[i].pts - g[0].pts) / slot != now;
		now = (g[i].pts - g[0].pts) / slot;
		light_fit(m->reference, g[i].luma, &lights[i]);
		for (enum plane k = 0; k < PLANES; k++) {
			uint8_t relative[GRID_CELLS];
			if (next)
				background_end_slot(m->planes[k]);
			background_learn(m->planes[k], plane_levels(&g[i], k, relative), &lights[i]);
		}
	}
	for (enum plane k = 0; k < PLANES; k++) {
		background_end_slot(m->planes[k]);
		background_end_block(m->planes[k]);
	}
}

static struct detection score(const struct model *m, const struct grid *g, const struct light *l)
{
	struct box boxes[PLANES];
	for (enum plane k = 0; k < PLANES; k++) {
		uint8_t relative[GRID_CELLS];
		int16_t residuals[GRID_CELLS];
		background_residual(m->planes[k], plane_levels(g, k, relative), l, m->reference, residuals);
		boxes[k] = box_find(residuals, plane_width(k), plane_height(k),
		                    plane_is_chroma(k) ? floor_chroma : floor_luma);
	}

	/* What light alone changes is not in both. */
	const struct box *luma = &boxes[PLANE_LUMA], *relative = &boxes[PLANE_RELATIVE];
	const struct box *best = relative->score > luma->score ? relative : luma;
	float most = (luma->score + relative->score) / 2;
	int scale = 1;
	for (enum plane k = PLANE_BLUE; k <= PLANE_RED; k++)
		if (boxes[k].score > most && fabsf(l->gain - 1) < gain_usual) {
			most = boxes[k].score;
			best = &boxes[k];
			scale = 2;
		}
	return (struct detection){.pts = g->pts,
	                          .score = most,
	                          .share = luma->share,
	                          .x = (uint8_t)(best->x * scale),
	                          .y = (uint8_t)(best->y * scale),
	                          .w = (uint8_t)(best->w * scale),
	                          .h = (uint8_t)(best->h * scale)};
}

void detect_block(const struct grid *g, size_t n, struct detection *ret)
{
	if (!n)
		return;
	AUTO(mem_freep) struct light *lights = mem_alloc(n, sizeof *lights);
	AUTO(model_clear) struct model m = {0};
	for (enum plane k = 0; k < PLANES; k++)
		m.planes[k] = background_new(k);
	learn(&m, g, n, lights);
	for (size_t i = 0; i < n; i++)
		ret[i] = score(&m, &g[i], &lights[i]);
}
