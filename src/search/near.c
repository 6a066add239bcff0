/* SPDX-License-Identifier: Apache-2.0 */
#include "search/near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "vectors/find.h"

struct near {
	struct store *store;
	const struct find_request *request;
	near_fn *fn;
	void *ctx;
};

static int tell_passages(const struct near *x, const struct vectors_hit *hits, size_t n,
                         struct err *err)
{
	AUTO(mem_freep) int64_t *ids = mem_alloc(n + 1, sizeof *ids);
	struct store_passage *found = NULL;
	size_t n_found = 0;
	for (size_t i = 0; i < n; i++)
		ids[i] = hits[i].passage;
	int r = n ? store_passages_get(x->store, ids, n, &found, &n_found, err) : 0;
	for (size_t i = 0; i < n_found; i++)
		x->fn(x->ctx, &found[i], false, i);
	store_passages_free(found, n_found);
	return r;
}

static void tell_pictures(const struct near *x, const struct vectors_hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct store_passage p = {.id = hits[i].sample,
		                          .job = mem_strdup(x->request->jobs[hits[i].job]),
		                          .chunk = hits[i].chunk,
		                          .event = FIND_PICTURE,
		                          .sample = hits[i].sample,
		                          .text = mem_strdup(""),
		                          .start = hits[i].start,
		                          .end = hits[i].end};
		x->fn(x->ctx, &p, true, i);
		free(p.job);
		free(p.text);
	}
}

static int tell(const struct near *x, size_t query, size_t most, bool pictures, size_t *ret_all,
                struct err *err)
{
	const struct find_request *q = x->request;
	struct store_space space = q->vectors->space;
	space.pictures = pictures;
	if (pictures) /* their text is always the same */
		space.lead = "";
	const struct vectors_query near = {.space = &space,
	                                   .vector = q->vectors->of + query * space.dim,
	                                   .jobs = q->jobs,
	                                   .n_jobs = q->n_jobs,
	                                   .from = q->from,
	                                   .to = q->to,
	                                   .most = most};
	AUTO(mem_freep) struct vectors_hit *hits = NULL;
	size_t n = 0;
	int r = vectors_find(x->store, &near, &hits, &n, ret_all, err);
	if (r == 0 && !pictures)
		r = tell_passages(x, hits, n, err);
	else if (r == 0)
		tell_pictures(x, hits, n);
	return r;
}

int near_each(struct store *s, const struct find_request *q, size_t query, size_t most, near_fn *fn,
              void *ctx, struct err *err)
{
	const struct near x = {.store = s, .request = q, .fn = fn, .ctx = ctx};
	size_t texts = 0, pictures = 0;
	int r = tell(&x, query, most, false, &texts, err);
	if (r == 0)
		r = tell(&x, query, most, true, &pictures, err);
	if (r == 0 && !texts && !pictures)
		r = err_set(err, ERR_NOENT,
		            "no video that is searched has vectors of the model %s; vdet embed makes them",
		            q->vectors->space.model);
	return r;
}
