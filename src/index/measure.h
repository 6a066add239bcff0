/* SPDX-License-Identifier: Apache-2.0 */
/* How two pictures differ, from their signatures. Pure; any thread. */
#ifndef VDET_INDEX_MEASURE_H
#define VDET_INDEX_MEASURE_H

#include <stdint.h>

#include "protocol/index-wire.h"

struct difference {
	/* 1 - correlation of luma, the best over small shifts of the camera; blind
	 * to exposure */
	float structure;
	float levels; /* distributions of luma, each brought to the same mean and width */
	float colour; /* chroma, cell by cell */
	float whole;  /* all of it: 0 = the same picture, 1 = another one. What a cut is judged by */
};
struct difference signature_difference(const struct signature *a, const struct signature *b);

/* How much has changed, 0 to below 1, also in a small part of the picture; what
 * exposure alone explains is taken off. Half is reached where the most changed
 * thirtieth of the picture differs by 16 levels in the mean. */
float signature_change(const struct signature *a, const struct signature *b);

/* Mean absolute difference of luma cells in levels, with nothing taken off. */
float signature_distance(const struct signature *a, const struct signature *b);

/* How well `m` is a mixture (1 - x) a + x b, by least squares over luma and
 * chroma: *ret_x, not limited to 0..1, and the returned share of |b - a| that
 * remains. 1 where a and b hardly differ. */
float signature_mixture(const struct signature *a, const struct signature *b,
                        const struct signature *m, float *ret_x);

int signature_hamming(uint64_t a, uint64_t b);

#endif
