/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors/compare.h"

#include <math.h>

size_t vectors_stride(size_t dim)
{
	return (dim + VECTORS_STRIDE - 1) / VECTORS_STRIDE * VECTORS_STRIDE;
}

double vectors_pack(const float *v, size_t dim, int8_t *out)
{
	double square = 0, most = 0;
	for (size_t i = 0; i < dim; i++) {
		double x = fabs((double)v[i]);
		square += x * x;
		most = x > most ? x : most;
	}
	if (!(square > 0) || !isfinite(square))
		return 0;
	for (size_t i = 0; i < dim; i++)
		out[i] = (int8_t)lrint((double)v[i] * 127 / most);
	return most / 127 / sqrt(square);
}

/* In a form that compilers turn into vector instructions, also the oldest of
 * x86-64: wider ones are hardly faster, since memory is the limit. */
void vectors_compare(const int8_t *rows, const float *scales, size_t n, size_t stride,
                     const int16_t *query, float query_scale, float *out)
{
	for (size_t i = 0; i < n; i++) {
		const int8_t *row = rows + i * stride;
		int32_t sum = 0;
		for (size_t k = 0; k < stride; k += VECTORS_STRIDE)
			for (size_t m = 0; m < VECTORS_STRIDE; m++)
				sum += (int32_t)row[k + m] * query[k + m];
		out[i] = (float)sum * scales[i] * query_scale;
	}
}
