/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of texts and pictures (engine.embed), by an endpoint or a
 * llama-server child of its own, which is started by the first request: if it
 * fails or crashes, nothing else does. Thread-safe; all calls but
 * engine_embed_name() block, and observe the engine's `cancel` and `cancel`
 * (which may be NULL). */
#ifndef VDET_ENGINE_EMBED_H
#define VDET_ENGINE_EMBED_H

#include "engine/engine.h"
#include "openai/embed.h"

/* What makes vectors, and how, as configured; "" = nothing does. Owned by the
 * engine. */
const char *engine_embed_name(const struct engine *e);

/* Valid until engine_free(). */
struct engine_embed_info {
	const char *model, *hash; /* hash of its files, and how it pools; "" = not known */
	const char *lead;         /* what is put before each text that is not a query */
	size_t dim;               /* numbers in a vector */
};
/* Finds out by a request, once. ERR_UNSUPPORTED if nothing makes vectors. */
int engine_embed_info(struct engine *e, struct cancel *cancel, struct engine_embed_info *ret,
                      struct err *err);

/* Of n texts, at most EMBED_ITEMS_MAX; `query`: they are what is searched for.
 * Long ones are cut. Failures that may be temporary are retried. ERR_ENGINE
 * also where the vectors have another length than before: the model was
 * changed. The caller clears `ret`. */
int engine_embed_texts(struct engine *e, const char *const *texts, size_t n, bool query,
                       struct cancel *cancel, struct embed_result *ret, struct err *err);
/* Of n JPEGs. ERR_UNSUPPORTED if it takes none, which the first one shows, or
 * if none are wanted. */
int engine_embed_pictures(struct engine *e, const struct embed_item *pictures, size_t n,
                          struct cancel *cancel, struct embed_result *ret, struct err *err);

#endif
