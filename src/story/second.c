/* SPDX-License-Identifier: Apache-2.0 */
#include "story/second.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "story/check.h"

/* A chunk, or a statement, and how doubtful it is. */
struct ranked {
	size_t index;
	unsigned rank;
};

static int by_rank(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

size_t second_limit(size_t chunks)
{
	return (chunks + SECOND_SHARE - 1) / SECOND_SHARE;
}

size_t second_chunks(const struct check_video *v, const unsigned *ranks, size_t limit, size_t *ret)
{
	AUTO(mem_freep) struct ranked *chunks = mem_alloc(v->n_chunks + 1, sizeof *chunks);
	size_t n = 0;
	for (size_t i = 0; i < v->n_chunks; i++)
		chunks[i] = (struct ranked){.index = i};
	for (size_t i = 0; i < v->n; i++) {
		unsigned *rank = &chunks[v->statements[i].part.chunk].rank;
		*rank = ranks[i] > *rank ? ranks[i] : *rank;
	}

	qsort(chunks, v->n_chunks, sizeof *chunks, by_rank);
	for (; n < v->n_chunks && n < limit && chunks[n].rank; n++)
		ret[n] = chunks[n].index;
	return mem_sort_distinct(ret, n);
}

static bool is_new(int64_t time, const struct second_chunk *c, const int64_t *times, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (times[i] == time)
			return false;
	/* The frame that is shown at a time may be another one. */
	return time >= c->start && time < c->end && !check_is_among(time, c->seen, c->n_seen);
}

/* Adds what is beside the frames that a statement cites. */
static size_t add_beside(const struct check_statement *s, const struct second_chunk *c,
                         int64_t *out, size_t n)
{
	int64_t beside[CHECK_PICTURES];
	size_t k = check_times(s->frames, s->n_frames, c->seen, c->n_seen, c->from, c->to,
	                       CHECK_PICTURES, beside);
	for (size_t i = 0; i < k && n < c->most; i++)
		if (is_new(beside[i], c, out, n))
			out[n++] = beside[i];
	return n;
}

size_t second_times(const struct check_video *v, const unsigned *ranks,
                    const struct second_chunk *c, int64_t *out)
{
	AUTO(mem_freep) struct ranked *doubtful = mem_alloc(v->n + 1, sizeof *doubtful);
	size_t n = c->n_times, k = 0;
	memcpy(out, c->times, n * sizeof *out);
	for (size_t i = 0; i < v->n; i++)
		if (v->statements[i].part.chunk == c->index && ranks[i])
			doubtful[k++] = (struct ranked){.index = i, .rank = ranks[i]};

	qsort(doubtful, k, sizeof *doubtful, by_rank);
	for (size_t i = 0; i < k; i++)
		n = add_beside(&v->statements[doubtful[i].index], c, out, n);
	return mem_sort_times(out, n);
}
