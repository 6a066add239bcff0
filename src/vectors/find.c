/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors/find.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vectors/compare.h"

/* With so many vectors, those count that are this many standard deviations
 * nearer than the mean. */
enum { MANY = 30 };
#define NEARER 1.0

struct row {
	int64_t chunk, passage, sample, start, end;
	uint32_t job; /* index into jobs of the space */
};

/* The vectors of one space, as read from the journal. */
struct space {
	int64_t id;
	size_t dim, stride;
	struct store_vectors_seen seen;
	struct row *rows;
	float *scales;
	int8_t *data;
	size_t n, cap_rows, cap_scales, cap_data;
	char **jobs;
	size_t n_jobs, cap_jobs;
};

/* Attached to the store. */
struct known {
	pthread_mutex_t lock;
	struct space **spaces;
	size_t n;
};

static void forget(void *ctx)
{
	struct space *s = ctx;
	for (size_t i = 0; i < s->n_jobs; i++)
		free(s->jobs[i]);
	s->n = s->n_jobs = 0;
}

static void *known_new(void)
{
	struct known *k = mem_alloc(1, sizeof *k);
	pthread_mutex_init(&k->lock, NULL);
	return k;
}

static void known_free(void *attached)
{
	struct known *k = attached;
	for (size_t i = 0; i < k->n; i++) {
		struct space *s = k->spaces[i];
		forget(s);
		free(s->rows);
		free(s->scales);
		free(s->data);
		free(s->jobs);
		free(s);
	}
	free(k->spaces);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* ---- reading */

/* Rows of one job follow each other. */
static uint32_t job_of(struct space *s, const char *job)
{
	for (size_t i = s->n_jobs; i > 0; i--)
		if (strcmp(s->jobs[i - 1], job) == 0)
			return (uint32_t)(i - 1);
	s->jobs = mem_room(s->jobs, s->n_jobs, &s->cap_jobs, sizeof *s->jobs);
	s->jobs[s->n_jobs] = mem_strdup(job);
	return (uint32_t)s->n_jobs++;
}

static int add_row(void *ctx, const struct store_vector_row *row, struct err *err)
{
	struct space *s = ctx;
	if ((s->n + 1) * s->stride > VECTORS_BYTES_MAX)
		return err_set(err, ERR_LIMIT,
		               "there are more vectors than fit into %zu MB of memory: remove jobs, or "
		               "use a model with smaller vectors",
		               VECTORS_BYTES_MAX >> 20);
	s->rows = mem_room(s->rows, s->n, &s->cap_rows, sizeof *s->rows);
	s->scales = mem_room(s->scales, s->n, &s->cap_scales, sizeof *s->scales);
	s->data = mem_room(s->data, s->n, &s->cap_data, s->stride);
	s->rows[s->n] = (struct row){.chunk = row->chunk,
	                             .passage = row->passage,
	                             .sample = row->sample,
	                             .start = row->start,
	                             .end = row->end,
	                             .job = job_of(s, row->job)};
	s->scales[s->n] = (float)row->scale;
	memcpy(s->data + s->n * s->stride, row->data, s->dim);
	memset(s->data + s->n * s->stride + s->dim, 0, s->stride - s->dim);
	s->n++;
	return 0;
}

static struct space *space_of(struct known *k, int64_t id, size_t dim)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->spaces[i]->id == id)
			return k->spaces[i];
	k->spaces = mem_grow(k->spaces, k->n + 1, sizeof(struct space *));
	struct space *s = k->spaces[k->n++] = mem_alloc(1, sizeof *s);
	s->id = id;
	s->dim = dim;
	s->stride = vectors_stride(dim);
	return s;
}

/* ---- the nearest */

/* A heap of hits of which the first is the farthest. */
struct nearest {
	struct vectors_hit *hits;
	size_t n, most;
};

static void swap(struct vectors_hit *a, struct vectors_hit *b)
{
	struct vectors_hit other = *a;
	*a = *b;
	*b = other;
}

static void sink(struct nearest *x)
{
	for (size_t i = 0, k; (k = 2 * i + 1) < x->n; i = k) {
		if (k + 1 < x->n && x->hits[k + 1].cosine < x->hits[k].cosine)
			k++;
		if (x->hits[i].cosine <= x->hits[k].cosine)
			return;
		swap(&x->hits[i], &x->hits[k]);
	}
}

static void keep(struct nearest *x, const struct vectors_hit *hit)
{
	if (x->n == x->most) {
		if (hit->cosine <= x->hits[0].cosine)
			return;
		x->hits[0] = *hit;
		sink(x);
		return;
	}
	x->hits[x->n] = *hit;
	for (size_t i = x->n++; i && x->hits[i].cosine < x->hits[(i - 1) / 2].cosine; i = (i - 1) / 2)
		swap(&x->hits[i], &x->hits[(i - 1) / 2]);
}

static int nearest_first(const void *a, const void *b)
{
	const struct vectors_hit *x = a, *y = b;
	if (x->cosine != y->cosine)
		return x->cosine < y->cosine ? 1 : -1;
	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

struct job_place {
	const char *id;
	size_t index;
};

static int by_id(const void *a, const void *b)
{
	const struct job_place *x = a, *y = b;
	return strcmp(x->id, y->id);
}

/* For each job of the space its index in the query, or SIZE_MAX; the caller
 * frees. */
static size_t *places_of(const struct space *s, const struct vectors_query *q)
{
	AUTO(mem_freep) struct job_place *asked = mem_alloc(q->n_jobs + 1, sizeof *asked);
	size_t *places = mem_alloc(s->n_jobs + 1, sizeof *places);
	for (size_t i = 0; i < q->n_jobs; i++)
		asked[i] = (struct job_place){q->jobs[i], i};
	if (q->n_jobs)
		qsort(asked, q->n_jobs, sizeof *asked, by_id);
	for (size_t i = 0; i < s->n_jobs; i++) {
		const struct job_place key = {.id = s->jobs[i]};
		const struct job_place *at =
			q->n_jobs ? bsearch(&key, asked, q->n_jobs, sizeof *asked, by_id) : NULL;
		places[i] = at ? at->index : SIZE_MAX;
	}
	return places;
}

static bool is_asked(const struct row *row, const size_t *places, const struct vectors_query *q)
{
	return places[row->job] != SIZE_MAX && row->end >= q->from && (!q->to || row->start <= q->to);
}

/* From which cosine on a vector counts. *ret_all: how many are asked about. */
static float threshold(const struct space *s, const size_t *places, const struct vectors_query *q,
                       const float *cosines, size_t *ret_all)
{
	double sum = 0, squares = 0;
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (!is_asked(&s->rows[i], places, q))
			continue;
		sum += (double)cosines[i];
		squares += (double)cosines[i] * (double)cosines[i];
		n++;
	}
	*ret_all = n;
	if (n < MANY)
		return 0;
	double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
	double from = mean + NEARER * sqrt(variance > 0 ? variance : 0);
	return from > 0 ? (float)from : 0;
}

/* With the lock of `known`. */
static void search(const struct space *s, const struct vectors_query *q, const int16_t *query,
                   double scale, struct nearest *ret, size_t *ret_all)
{
	AUTO(mem_freep) float *cosines = mem_alloc(s->n + 1, sizeof *cosines);
	AUTO(mem_freep) size_t *places = places_of(s, q);
	if (s->n)
		vectors_compare(s->data, s->scales, s->n, s->stride, query, (float)scale, cosines);
	float from = threshold(s, places, q, cosines, ret_all);
	for (size_t i = 0; i < s->n && ret->most; i++) {
		const struct row *row = &s->rows[i];
		if (cosines[i] <= from || !is_asked(row, places, q))
			continue;
		keep(ret, &(struct vectors_hit){.job = places[row->job],
		                                .chunk = row->chunk,
		                                .passage = row->passage,
		                                .sample = row->sample,
		                                .start = row->start,
		                                .end = row->end,
		                                .cosine = cosines[i]});
	}
	if (ret->n)
		qsort(ret->hits, ret->n, sizeof *ret->hits, nearest_first);
}

int vectors_find(struct store *store, const struct vectors_query *q, struct vectors_hit **ret,
                 size_t *ret_n, size_t *ret_all, struct err *err)
{
	struct known *k = store_attached(store, known_new, known_free);
	size_t dim = q->space->dim, stride = vectors_stride(dim);
	AUTO(mem_freep) int8_t *packed = mem_alloc(stride + 1, 1);
	AUTO(mem_freep) int16_t *query = mem_alloc(stride + 1, sizeof *query);
	int64_t id = 0;
	*ret = NULL;
	*ret_n = *ret_all = 0;
	double scale = vectors_pack(q->vector, dim, packed);
	int r = store_space_find(store, q->space, false, &id, err);
	if (r < 0 || !id || scale <= 0)
		return r;
	for (size_t i = 0; i < dim; i++)
		query[i] = (int16_t)packed[i];

	struct nearest nearest = {.hits = mem_alloc(q->most + 1, sizeof *nearest.hits),
	                          .most = q->most};
	pthread_mutex_lock(&k->lock);
	struct space *s = space_of(k, id, dim);
	r = store_vectors_load(store, id, q->space->pictures, dim, &s->seen, forget, add_row, s, err);
	if (r == 0)
		search(s, q, query, scale, &nearest, ret_all);
	pthread_mutex_unlock(&k->lock);
	*ret = nearest.hits;
	*ret_n = nearest.n;
	return r;
}
