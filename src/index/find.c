/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "index/index.h"

/* Number of the first of n items that is not before t. Each has `size` bytes
 * and begins with its time; they are ascending. */
static size_t first_from(const void *items, size_t n, size_t size, int64_t t)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int64_t pts;
		memcpy(&pts, (const char *)items + mid * size, sizeof pts);
		if (pts >= t)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

_Static_assert(offsetof(struct index_cut, pts) == 0 && offsetof(struct index_key, pts) == 0 &&
                   offsetof(struct index_score, pts) == 0,
               "each begins with its time");

size_t index_cut_after(const struct video_index *x, int64_t t)
{
	return t == INT64_MAX ? x->n_cuts : first_from(x->cuts, x->n_cuts, sizeof *x->cuts, t + 1);
}

size_t index_key_from(const struct video_index *x, int64_t t)
{
	return first_from(x->keys, x->n_keys, sizeof *x->keys, t);
}

size_t index_score_from(const struct video_index *x, int64_t t)
{
	return first_from(x->scores, x->n_scores, sizeof *x->scores, t);
}

static int compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

float index_score_median(const struct video_index *x, size_t first)
{
	size_t n = x->n_scores - first;
	AUTO(mem_freep) float *sorted = mem_alloc(n + 1, sizeof *sorted);
	for (size_t i = 0; i < n; i++)
		sorted[i] = x->scores[first + i].score;
	if (n)
		qsort(sorted, n, sizeof *sorted, compare_floats);
	return n ? sorted[(n - 1) / 2] : 0;
}
