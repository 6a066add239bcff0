/* SPDX-License-Identifier: Apache-2.0 */
/* For vectors.py: JOURNAL DIM QUERIES. Prints, as JSON, the processor time of
 * the first search for what is nearest to a drawn vector, which reads all
 * vectors, and of each other, in milliseconds, and how many were compared. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "store/passage.h"
#include "vectors/find.h"

enum { MOST = 36 };

struct runs {
	char **ids;
	size_t n, cap;
};

static void add_run(void *ctx, const struct store_run *run)
{
	struct runs *r = ctx;
	r->ids = mem_room(r->ids, r->n, &r->cap, sizeof *r->ids);
	r->ids[r->n++] = mem_strdup(run->id);
}

static int search(struct store *s, const struct runs *runs, size_t dim, uint32_t *seed, json_t *out,
                  struct err *err)
{
	AUTO(mem_freep) float *v = mem_alloc(dim, sizeof *v);
	AUTO(mem_freep) struct vectors_hit *hits = NULL;
	size_t n = 0, all = 0;
	for (size_t i = 0; i < dim; i++) {
		*seed = *seed * 1664525 + 1013904223;
		v[i] = (float)(*seed >> 8) - (1 << 23);
	}
	const struct store_space space = {.model = "bench", .hash = "", .lead = "", .dim = dim};
	const struct vectors_query q = {.space = &space,
	                                .vector = v,
	                                .jobs = (const char *const *)runs->ids,
	                                .n_jobs = runs->n,
	                                .most = MOST};
	clock_t start = clock();
	int r = vectors_find(s, &q, &hits, &n, &all, err);
	double ms = (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC;
	json_array_append_new(
		out, json_pack("{s:f, s:I, s:I}", "ms", ms, "hits", (json_int_t)n, "all", (json_int_t)all));
	return r;
}

static int measure(const char *journal, size_t dim, size_t queries, struct err *err)
{
	AUTO(store_freep) struct store *s = NULL;
	struct runs runs = {0};
	json_auto_t *out = json_array();
	uint32_t seed = 1;
	int r = store_open(journal, &s, err);
	if (r == 0)
		r = store_runs_each(s, add_run, &runs, err);
	for (size_t i = 0; i < queries && r == 0; i++)
		r = search(s, &runs, dim, &seed, out, err);
	json_dumpf(out, stdout, JSON_COMPACT);
	for (size_t i = 0; i < runs.n; i++)
		free(runs.ids[i]);
	free(runs.ids);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	if (argc == 4 &&
	    measure(argv[1], strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", argc == 4 ? err.msg : "usage: bench-vectors JOURNAL DIM QUERIES");
	return 1;
}
