/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors as signed bytes with a scale each, and how alike they are. Pure. */
#ifndef VDET_VECTORS_COMPARE_H
#define VDET_VECTORS_COMPARE_H

#include <stddef.h>
#include <stdint.h>

/* Rows of bytes are this long, or a multiple of it; the rest is zero. */
enum { VECTORS_STRIDE = 32 };
size_t vectors_stride(size_t dim);

/* Of the vector with length 1: each number is one of `out` times the result. 0
 * if it has no direction: it is zero, or a number is not finite. */
double vectors_pack(const float *v, size_t dim, int8_t *out);

/* For n rows of vectors_stride(dim) bytes, the cosine of the angle between each
 * and the query, of the same length. */
void vectors_compare(const int8_t *rows, const float *scales, size_t n, size_t stride,
                     const int16_t *query, float query_scale, float *out);

#endif
