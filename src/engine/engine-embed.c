/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/engine-internal.h"
#include "engine/program.h"

/* A text must not have more tokens than llama-server takes at once; a token has
 * at least a byte. */
enum { TEXT_MAX = 1600, SLOTS = 4, SLOT_TOKENS = 2048, TRIES = 3 };
#define PAUSE (CLOCK_SECOND / 2)
/* Even if an endpoint asks for more. */
#define PAUSE_MAX (30 * CLOCK_SECOND)

struct embedder {
	struct backend *backend;
	struct model model; /* of a child */
	char *program, *log_path, *name, *lead, *query, *pooling;
	char *hash;    /* of a child: of its model, with the pooling if it is chosen */
	char *warning; /* NULL = none */
	bool wants_pictures;
	pthread_mutex_t lock; /* guards what follows */
	bool started;
	size_t dim;   /* 0 = not known yet */
	char *served; /* name of the model, as the first reply said; NULL = not known */
	enum { PICTURES_UNKNOWN, PICTURES_TAKEN, PICTURES_REFUSED } pictures;
	char why[300]; /* why it takes no pictures */
};

/* ---- what makes them */

static char *copy(const char *text)
{
	return mem_strdup(text ? text : "");
}

static struct endpoint_config config_of(const struct engine_options *o, const char *url)
{
	return (struct endpoint_config){.name = "embed",
	                                .url = copy(url),
	                                .model = copy(o->embed_model),
	                                .key_file = copy(o->embed_key_file),
	                                .key_env = copy(""),
	                                .ca_file = copy(o->ca_file),
	                                .device = copy(""),
	                                .slots = SLOTS,
	                                .context = SLOT_TOKENS,
	                                .weight = 1};
}

static char *log_of(const struct engine_places *p)
{
	if (!p->log_path)
		return NULL;
	AUTO(mem_freep) char *stem = file_stem(p->log_path);
	return mem_printf("%.*s%s-embed.log", (int)(file_base(p->log_path) - p->log_path), p->log_path,
	                  stem);
}

static int new_child(struct engine *e, struct embedder *x, const struct engine_options *o,
                     const struct engine_places *p, struct endpoint_config *s, struct err *err)
{
	AUTO(mem_freep) char *cache = p->models_dir ? file_join(p->models_dir, ".hashes.json") : NULL;
	int r = model_choose_any(o->embed, p->models_dir, &x->model, err);
	if (r == 0)
		r = program_find(o->server, p, &x->program, err);
	if (r == 0)
		r = model_hash(&x->model, cache, e->cancel, p->note, p->note_ctx, err);
	if (r < 0)
		return r;
	x->log_path = log_of(p);
	const struct server_options so = {.program = x->program,
	                                  .slots = SLOTS,
	                                  .context = SLOT_TOKENS,
	                                  .log_path = x->log_path,
	                                  .start_timeout = o->start_timeout,
	                                  .hang_timeout = o->hang_timeout,
	                                  .unload_after = o->unload_after,
	                                  .gpu_layers = -1,
	                                  .pooling = x->pooling,
	                                  .limits = e->limits};
	x->backend = backend_child(s, &x->model, &so);
	return 0;
}

static int new_url(struct engine *e, struct embedder *x, struct endpoint_config *s, struct err *err)
{
	AUTO(mem_freep) char *key = NULL, *warning = NULL;
	int r = backend_key(s, &key, &warning, err);
	x->warning = TAKE(warning);
	if (r == 0)
		r = backend_url(s, key, &e->limits, &x->backend, err);
	if (key)
		explicit_bzero(key, strlen(key));
	return r;
}

static bool is_url(const char *s)
{
	return strstr(s, "://") || strncmp(s, "unix:", 5) == 0;
}

int embedder_new(struct engine *e, const struct engine_options *o, const struct engine_places *p,
                 struct err *err)
{
	if (!o->embed || !*o->embed)
		return 0;
	struct embedder *x = e->embedder = mem_alloc(1, sizeof *x);
	pthread_mutex_init(&x->lock, NULL);
	x->lead = copy(o->embed_text);
	x->query = copy(o->embed_query);
	x->pooling = mem_strdup(o->embed_pooling && *o->embed_pooling ? o->embed_pooling : "auto");
	x->wants_pictures = o->embed_pictures;
	struct endpoint_config s = config_of(o, o->embed);
	x->name = mem_printf("%s %s %s [%s] [%s]", o->embed, s.model, x->pooling, x->query, x->lead);
	int r = is_url(o->embed) ? new_url(e, x, &s, err) : new_child(e, x, o, p, &s, err);
	endpoint_config_clear(&s);
	if (r < 0)
		return err_wrap(err, "what makes vectors (engine.embed)");
	bool pools = strcmp(x->pooling, "auto") != 0 && x->backend->model;
	x->hash = mem_printf("%s%s%s", x->model.hash, pools ? " " : "", pools ? x->pooling : "");
	x->backend->single = true;
	x->backend->cancel = e->cancel;
	x->backend->catalogue = e->catalogue;
	x->backend->asking = e->asking;
	return 0;
}

void embedder_free(struct embedder *x)
{
	if (!x)
		return;
	backend_free(x->backend);
	model_clear(&x->model);
	pthread_mutex_destroy(&x->lock);
	free(x->program);
	free(x->log_path);
	free(x->name);
	free(x->lead);
	free(x->query);
	free(x->pooling);
	free(x->served);
	free(x->warning);
	free(x->hash);
	free(x);
}

const char *embedder_warning(const struct embedder *x)
{
	return x ? x->warning : NULL;
}

const char *engine_embed_name(const struct engine *e)
{
	return e->embedder ? e->embedder->name : "";
}

/* ---- requests */

/* Starts a child, once. An endpoint is probed by backend_ready(). */
static int start(struct embedder *x, struct err *err)
{
	pthread_mutex_lock(&x->lock);
	int r = 0;
	if (!x->started && x->backend->model)
		r = backend_start(x->backend, err);
	x->started = x->started || r == 0;
	pthread_mutex_unlock(&x->lock);
	return r;
}

/* All vectors that are compared must be of the same model. */
static int check_same(struct embedder *x, const struct embed_result *got, struct err *err)
{
	int r = 0;
	pthread_mutex_lock(&x->lock);
	if (!x->dim) {
		x->dim = got->dim;
		x->served =
			mem_strdup(*got->model ? got->model : endpoint_info(x->backend->endpoint)->model);
	}
	if (x->dim != got->dim)
		r = err_set(err, ERR_ENGINE,
		            "the vectors have %zu numbers, and had %zu before: the model was changed",
		            got->dim, x->dim);
	else if (*got->model && strcmp(got->model, x->served) != 0)
		r = err_set(err, ERR_ENGINE, "the vectors are of the model %s, and were of %s before",
		            got->model, x->served);
	pthread_mutex_unlock(&x->lock);
	return r;
}

static int request(struct engine *e, const struct embed_item *items, size_t n, int tries,
                   struct cancel *cancel, struct embed_result *ret, struct err *err)
{
	struct embedder *x = e->embedder;
	struct endpoint_failure failure = {0};
	int r = start(x, err);
	if (r < 0)
		return r;
	for (int i = 1;; i++) {
		failure = (struct endpoint_failure){.retry = true};
		r = backend_ready(x->backend, cancel, NULL, NULL, err);
		if (r == 0)
			r = backend_embed(x->backend, items, n, cancel, ret, &failure, err);
		if (r == 0 || !failure.retry || i >= tries || r == -ERR_CANCELED || r == -ERR_ARG)
			break;
		int64_t pause = failure.after > PAUSE * i ? failure.after : PAUSE * i;
		log_info("vectors, try %d: %s", i, err->msg);
		r = engine_pause(clock_now() + (pause < PAUSE_MAX ? pause : PAUSE_MAX), e->cancel, cancel,
		                 err);
		if (r < 0)
			break;
	}
	if (r == 0 && (r = check_same(x, ret, err)) < 0)
		embed_result_clear(ret);
	return r;
}

static int check_there(const struct engine *e, struct err *err)
{
	return e->embedder
	           ? 0
	           : err_set(err, ERR_UNSUPPORTED, "nothing makes vectors: name a model with --embed");
}

int engine_embed_texts(struct engine *e, const char *const *texts, size_t n, bool query,
                       struct cancel *cancel, struct embed_result *ret, struct err *err)
{
	struct embed_item items[EMBED_ITEMS_MAX];
	char *made[EMBED_ITEMS_MAX];
	int r = check_there(e, err);
	if (r < 0)
		return r;
	if (n < 1 || n > EMBED_ITEMS_MAX)
		return err_set(err, ERR_INTERNAL, "%zu texts in one request for vectors", n);
	for (size_t i = 0; i < n; i++) {
		AUTO(mem_freep) char *text = text_line(texts[i], TEXT_MAX);
		made[i] = mem_printf("%s%s", query ? e->embedder->query : e->embedder->lead, text);
		items[i] = (struct embed_item){.text = made[i]};
	}
	r = request(e, items, n, TRIES, cancel, ret, err);
	for (size_t i = 0; i < n; i++)
		free(made[i]);
	return r;
}

int engine_embed_info(struct engine *e, struct cancel *cancel, struct engine_embed_info *ret,
                      struct err *err)
{
	AUTO(embed_result_clear) struct embed_result probe = {0};
	int r = check_there(e, err);
	if (r < 0)
		return r;
	struct embedder *x = e->embedder;
	pthread_mutex_lock(&x->lock);
	bool known = x->dim > 0;
	pthread_mutex_unlock(&x->lock);
	const char *text = "a video";
	if (!known && (r = engine_embed_texts(e, &text, 1, false, cancel, &probe, err)) < 0)
		return r;
	*ret = (struct engine_embed_info){.model = x->backend->model ? x->model.name : x->served,
	                                  .hash = x->hash,
	                                  .lead = x->lead,
	                                  .dim = x->dim};
	return 0;
}

/* ---- pictures */

static int no_pictures(const struct embedder *x, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "no vectors are made of pictures: %s", x->why);
}

/* Whether it takes pictures is shown by the first one: what fails then is not
 * tried again in this process. */
static int try_picture(struct engine *e, const struct embed_item *picture, struct cancel *cancel,
                       struct err *err)
{
	AUTO(embed_result_clear) struct embed_result one = {0};
	struct embedder *x = e->embedder;
	struct err why = {0};
	bool blind = x->backend->model && !x->model.projector;
	int r = blind ? err_set(&why, ERR_UNSUPPORTED, "the model has no projector (mmproj)")
	              : request(e, picture, 1, 2, cancel, &one, &why);
	if (r == -ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "%s", why.msg);
	pthread_mutex_lock(&x->lock);
	x->pictures = r < 0 ? PICTURES_REFUSED : PICTURES_TAKEN;
	snprintf(x->why, sizeof x->why, "%.*s", (int)sizeof x->why - 1, r < 0 ? why.msg : "");
	pthread_mutex_unlock(&x->lock);
	return 0;
}

int engine_embed_pictures(struct engine *e, const struct embed_item *pictures, size_t n,
                          struct cancel *cancel, struct embed_result *ret, struct err *err)
{
	int r = check_there(e, err);
	if (r < 0)
		return r;
	struct embedder *x = e->embedder;
	if (!x->wants_pictures)
		return err_set(err, ERR_UNSUPPORTED, "engine.embed_pictures is off");
	pthread_mutex_lock(&x->lock);
	bool known = x->pictures != PICTURES_UNKNOWN;
	pthread_mutex_unlock(&x->lock);
	if (!known && n && (r = try_picture(e, pictures, cancel, err)) < 0)
		return r;
	pthread_mutex_lock(&x->lock);
	if (x->pictures == PICTURES_REFUSED)
		r = no_pictures(x, err);
	pthread_mutex_unlock(&x->lock);
	return r < 0 ? r : request(e, pictures, n, TRIES, cancel, ret, err);
}
