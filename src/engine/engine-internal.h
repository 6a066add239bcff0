/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by engine.c (what to use) and the other engine*.c (using it). */
#ifndef VDET_ENGINE_ENGINE_INTERNAL_H
#define VDET_ENGINE_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/wakeup.h"
#include "engine/backend.h"
#include "engine/dispatch.h"
#include "engine/engine.h"

#define ENGINE_SLOTS FIT_SLOTS
#define ENGINE_SLOTS_MAX 64 /* of what an endpoint claims */

/* What is known of the engine. Published whole and never changed afterwards, so
 * that threads read it without a lock; older ones live as long as the
 * engine. */
struct engine_known {
	struct engine_info info;
	char *news; /* info.news, or NULL */
	struct engine_known *older;
};

struct engine {
	struct engine_known *_Atomic known;
	struct endpoint_limits limits;
	int64_t start_timeout;
	int retries;
	struct cancel *cancel; /* borrowed, may be NULL */
	struct dispatch dispatch;
	struct backend *backends[ENDPOINTS_MAX];
	size_t n;

	/* Of the children; several may run one model. */
	struct model models[ENDPOINTS_MAX];
	char *model_names[ENDPOINTS_MAX]; /* as configured */
	size_t n_models;
	int64_t picture_side; /* of the smallest plan; 0 = any */
	char *program, *log_path, *cache_type, *asked;
	struct catalogue *catalogue;
	struct asking asking;

	struct embedder *embedder; /* makes vectors; NULL = nothing does */
	engine_spend_fn *spend;
	void *spend_ctx;
	char *warning;        /* of engine_new() alone */
	pthread_mutex_t lock; /* guards starting */
	char *news_text;      /* with the lock held */
	atomic_bool started;
	/* guards `closing`, and the backends against being freed during
	 * engine_child_changed() */
	pthread_mutex_t enter_lock;
	bool closing;
	struct wakeup *news; /* a child changed its state */
	atomic_llong refusals;
};

/* A child changed its state: for struct server_options. */
void engine_child_changed(void *ctx);
/* Copies what is known of each backend into `dispatch`. */
void engine_enter(struct engine *e);
/* Publishes a copy of `info` with this news (NULL = none), of which it becomes
 * the owner. With the lock held, or before the engine is shared. */
void engine_publish(struct engine *e, const struct engine_info *info, char *news);
/* engine-embed.c: as engine_new() and engine_free(). */
struct embedder;
int embedder_new(struct engine *e, const struct engine_options *o, const struct engine_places *p,
                 struct err *err);
void embedder_free(struct embedder *x);                 /* NULL is fine */
const char *embedder_warning(const struct embedder *x); /* or NULL */
/* Pauses until `until`; ERR_CANCELED at once when either fires. */
int engine_pause(int64_t until, struct cancel *cancel, struct cancel *cancel2, struct err *err);
void engine_add_warning(struct engine *e, const char *warning);

#endif
