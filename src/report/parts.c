/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "report/report.h"

static int by_place(const void *x, const void *y)
{
	const struct report_part *a = *(const struct report_part *const *)x,
							 *b = *(const struct report_part *const *)y;
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static size_t count_parts(const struct report_event *events, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += events[i].n_parts;
	return sum;
}

static void collect_parts(const struct report_event *events, size_t n,
                          const struct report_part **to, size_t *ret_n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < events[i].n_parts; k++)
			to[(*ret_n)++] = &events[i].parts[k];
}

const struct report_part **report_parts(const struct report *r, size_t *ret_n)
{
	size_t most = count_parts(r->events, r->n_events) + count_parts(r->states, r->n_states) +
	              count_parts(r->withdrawn, r->n_withdrawn);
	const struct report_part **all = mem_alloc(most + 1, sizeof(struct report_part *));
	*ret_n = 0;
	collect_parts(r->events, r->n_events, all, ret_n);
	collect_parts(r->states, r->n_states, all, ret_n);
	collect_parts(r->withdrawn, r->n_withdrawn, all, ret_n);
	qsort(all, *ret_n, sizeof(struct report_part *), by_place);
	return all;
}
