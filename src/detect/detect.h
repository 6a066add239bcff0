/* SPDX-License-Identifier: Apache-2.0 */
/* How unusual each picture of a recording is for its place in the recording: a
 * background model that keeps, for each cell of a grid, the set of levels that
 * the cell has again and again, and a score for the part of the picture that is
 * furthest outside of it. Pure; any thread.
 *
 * The pictures of a block (some minutes) are read twice: the first time the
 * model is learned, the second time each picture is scored.
 *
 * 1. Light (light.h): what exposure and lamps change in the whole picture is
 * undone by a tone curve.
 * 2. Background (background.h): a level belongs to the background of a cell if
 * it occurs in 15 % of the slots of 10 s (shorter ones in a short block), or in
 * three slots in a row. So what
 * repeats (leaves, a fan, noise) and what lasts (rain, a parked car) is
 * background, with each cell's own noise, and no threshold per cell is needed.
 * 3. Score (box.h): the box of cells, of several sizes, whose sum of residuals
 * is the largest in relation to the noise.
 *
 * This is done in four planes: luma; luma relative to the mean of the cells
 * around it, which smooth changes of light do not affect; and two of chroma.
 * The score is the mean of the first two, or that of chroma where it is larger
 * and the light is as usual. Without events it stays below about 10; rain
 * reaches 14, people and vehicles 20 to 100. */
#ifndef VDET_DETECT_DETECT_H
#define VDET_DETECT_DETECT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/index-wire.h"

struct detection {
	int64_t pts;
	float score;
	float share; /* of the luma cells that are outside of their background */
	/* the box, in cells of the grid; of size 0 if nothing is outside */
	uint8_t x, y, w, h;
};

/* Scores n pictures of one block, ascending by pts, into ret[n]. A block of one
 * or two minutes already gives good scores, ten minutes the best. Takes about
 * 70 microseconds for a picture. */
void detect_block(const struct grid *g, size_t n, struct detection *ret);

#endif
