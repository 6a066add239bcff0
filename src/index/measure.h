/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the difference of two pictures from their signatures. Pure; any
 * thread. */
#ifndef VDET_INDEX_MEASURE_H
#define VDET_INDEX_MEASURE_H

#include <stdint.h>

#include "protocol/index-wire.h"

struct difference {
	/* 1 - correlation of luma, the best over small shifts; not affected by
	 * exposure */
	float structure;
	float levels; /* difference of the luma distributions, normalized to equal mean and width */
	float colour; /* chroma, cell by cell */
	float whole;  /* combined: 0 = the same picture, 1 = a different one; used to detect cuts */
};
/* All members are 0 for equal pictures. */
struct difference signature_difference(const struct signature *a, const struct signature *b);

/* How much has changed, from 0 to below 1, also in a small part of the picture,
 * after correction for exposure. 0.5 means that the most changed thirtieth of
 * the picture differs by 16 levels on average. */
float signature_change(const struct signature *a, const struct signature *b);

/* The share of the picture that has changed by more than noise, without
 * correction. */
float signature_share(const struct signature *a, const struct signature *b);

/* Mean absolute difference of luma cells in levels, without correction. */
float signature_distance(const struct signature *a, const struct signature *b);

/* How well `m` fits a mixture (1 - x) a + x b, by least squares over luma and
 * chroma. Sets *ret_x, which is not limited to 0..1, and returns the share of
 * |b - a| that remains; 1 if a and b hardly differ. */
float signature_mixture(const struct signature *a, const struct signature *b,
                        const struct signature *m, float *ret_x);

/* The number of bits that differ in two hashes, 0 to 64. */
int signature_hamming(uint64_t a, uint64_t b);

#endif
