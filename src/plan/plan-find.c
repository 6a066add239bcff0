/* SPDX-License-Identifier: Apache-2.0 */
/* Looks things up in the index and in the view. */
#include "plan/plan-internal.h"

size_t plan_bin(const struct plan_view *v, int64_t t)
{
	size_t b = (size_t)(t / v->x->bin);
	return b < v->n_bins ? b : v->n_bins - 1;
}

size_t plan_burst_from(const struct plan_view *v, int64_t t)
{
	size_t low = 0, high = v->n_bursts;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if ((int64_t)(v->bursts[mid].last + 1) * v->x->bin > t)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

bool plan_is_poor(const struct plan_view *v, int64_t t)
{
	size_t next = index_cut_after(v->x, t);
	if (next && v->x->cuts[next - 1].end > t)
		return true;
	return v->x->flags && (v->x->flags[plan_bin(v, t)] &
	                       (INDEX_BLACK | INDEX_BLURRED | INDEX_FADING | INDEX_TORN));
}

int64_t plan_even_time(int64_t start, int64_t end, int64_t n, int64_t k)
{
	return start + (int64_t)((__int128)(end - start) * (2 * k + 1) / (2 * n));
}
