/* SPDX-License-Identifier: Apache-2.0 */
/* A reply of an endpoint with vectors. The first byte says how many were asked
 * for. */
#include <math.h>
#include <stdlib.h>

#include "fuzz.h"
#include "openai/embed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	struct embed_result got = {0};
	size_t n = size ? data[0] % 4 + 1 : 1;
	if (!size || embed_read((const char *)data + 1, size - 1, n, &got, &err) < 0)
		return 0;
	if (got.n != n || got.dim < 1 || got.dim > EMBED_DIM_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		double square = 0;
		for (size_t k = 0; k < got.dim; k++)
			square += (double)got.vectors[i * got.dim + k] * (double)got.vectors[i * got.dim + k];
		if (!(square > 0) || !isfinite(square))
			abort();
	}
	embed_result_clear(&got);
	return 0;
}
