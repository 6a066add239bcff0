/* SPDX-License-Identifier: Apache-2.0 */
#include "job/embed.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/embed.h"
#include "store/vector.h"
#include "vectors/compare.h"

/* In one request: pictures take longer. */
enum { TEXTS = 16, PICTURES = 4 };

struct embedding {
	struct engine *engine;
	struct store *store;
	const char *job;
	struct cancel *cancel;
	struct store_space space;
	int64_t id; /* of the space */
	void (*said)(void *ctx, const struct embed_done *d);
	void *ctx;
	struct embed_done *done;
};

void embed_done_clear(struct embed_done *d)
{
	free(d->no_pictures);
	*d = (struct embed_done){0};
}

static int ask_texts(const struct embedding *x, const struct store_vectorless *items, size_t n,
                     struct embed_result *ret, struct err *err)
{
	char *made[TEXTS];
	const char *texts[TEXTS];
	for (size_t i = 0; i < n; i++) {
		const struct store_vectorless *v = &items[i];
		texts[i] = made[i] = *v->who ? mem_printf("%s: %s", v->who, v->text) : mem_strdup(v->text);
	}
	int r = engine_embed_texts(x->engine, texts, n, false, x->cancel, ret, err);
	for (size_t i = 0; i < n; i++)
		free(made[i]);
	return r;
}

static int ask_pictures(const struct embedding *x, const struct store_vectorless *items, size_t n,
                        struct embed_result *ret, struct err *err)
{
	struct embed_item pictures[PICTURES];
	for (size_t i = 0; i < n; i++)
		pictures[i] =
			(struct embed_item){.jpeg = items[i].picture, .jpeg_len = items[i].picture_len};
	return engine_embed_pictures(x->engine, pictures, n, x->cancel, ret, err);
}

static int save(const struct embedding *x, const struct store_vectorless *items, size_t n,
                const struct embed_result *got, struct err *err)
{
	AUTO(mem_freep) int8_t *data = mem_alloc(n * got->dim + 1, 1);
	AUTO(mem_freep) struct store_vector *v = mem_alloc(n + 1, sizeof *v);
	for (size_t i = 0; i < n; i++) {
		int8_t *out = data + i * got->dim;
		double scale = vectors_pack(got->vectors + i * got->dim, got->dim, out);
		v[i] = (struct store_vector){.of = &items[i], .data = out, .scale = scale};
	}
	return store_vectors_add(x->store, x->job, x->id, got->dim, v, n, err);
}

/* Of the next ones after *place; *ret_n: how many. */
static int step(struct embedding *x, int64_t *place, size_t *ret_n, struct err *err)
{
	AUTO(embed_result_clear) struct embed_result got = {0};
	struct store_vectorless *items = NULL;
	bool pictures = x->space.pictures;
	size_t n = 0;
	int r = store_vectorless_load(x->store, x->job, x->id, pictures, *place,
	                              pictures ? PICTURES : TEXTS, &items, &n, err);
	if (r == 0 && n)
		r = pictures ? ask_pictures(x, items, n, &got, err) : ask_texts(x, items, n, &got, err);
	if (r == 0 && n)
		r = save(x, items, n, &got, err);
	if (r == 0 && n) {
		*place = items[n - 1].place;
		*(pictures ? &x->done->pictures : &x->done->texts) += n;
		if (x->said)
			x->said(x->ctx, x->done);
	}
	*ret_n = n;
	store_vectorless_free(items, n);
	return r;
}

static int make_all(struct embedding *x, struct err *err)
{
	int64_t place = 0;
	size_t n = 1;
	int r = store_space_find(x->store, &x->space, true, &x->id, err);
	while (r == 0 && n) {
		r = cancel_fired(x->cancel) ? err_set(err, ERR_CANCELED, "interrupted")
		                            : step(x, &place, &n, err);
	}
	return r;
}

int embed_run(struct engine *e, struct store *s, const char *job, struct cancel *cancel,
              void (*said)(void *ctx, const struct embed_done *d), void *ctx,
              struct embed_done *ret, struct err *err)
{
	struct engine_embed_info info;
	int r = engine_embed_info(e, cancel, &info, err);
	if (r < 0)
		return r;
	struct embedding x = {
		.engine = e,
		.store = s,
		.job = job,
		.cancel = cancel,
		.space = {.model = info.model, .hash = info.hash, .lead = info.lead, .dim = info.dim},
		.said = said,
		.ctx = ctx,
		.done = ret};
	r = make_all(&x, err);
	if (r < 0)
		return r;
	x.space.pictures = true;
	x.space.lead = ""; /* their text is always the same */
	r = make_all(&x, err);
	if (r != -ERR_UNSUPPORTED)
		return r;
	ret->no_pictures = mem_strdup(err->msg);
	return 0;
}

int embed_after(const struct run_context *run, const char *job, struct err *err)
{
	AUTO(embed_done_clear) struct embed_done done = {0};
	struct err why = {0};
	if (!*engine_embed_name(run->engine))
		return 0;
	progress_phase(run->progress, PHASE_VECTORS, "");
	int r = embed_run(run->engine, run->store, job, run->cancel, NULL, NULL, &done, &why);
	if (r == -ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "%s", why.msg);
	if (r < 0)
		log_warning("not all vectors were made, so a search may find less; `vdet embed` makes the "
		            "others: %s",
		            why.msg);
	if (done.no_pictures)
		log_info("%s", done.no_pictures);
	return 0;
}
