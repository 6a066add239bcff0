/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "index/index.h"

size_t index_cut_after(const struct video_index *x, int64_t t)
{
	size_t low = 0, high = x->n_cuts;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x->cuts[mid].pts > t)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

size_t index_key_from(const struct video_index *x, int64_t t)
{
	size_t low = 0, high = x->n_keys;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x->keys[mid].pts >= t)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

size_t index_score_from(const struct video_index *x, int64_t t)
{
	size_t low = 0, high = x->n_scores;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x->scores[mid].pts >= t)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
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
