/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the box of cells that is furthest outside of the background. Pure.
 *
 * score = |sum of residuals| / ((floor + noise) sqrt(cells)), where the noise
 * is the mean difference of neighboring residuals without the largest tenth:
 * rain is rough, objects and foreign pictures are not. Boxes of nine sizes are
 * searched with an integral image. */
#ifndef VDET_DETECT_BOX_H
#define VDET_DETECT_BOX_H

#include <stdint.h>

struct box {
	float score;
	float share; /* of the cells that are outside by more than 4 levels */
	int x, y, w, h;
};

/* In residuals of w x h cells, at most GRID_W x GRID_H. */
struct box box_find(const int16_t *residuals, int w, int h, float floor);

#endif
