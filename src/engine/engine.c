/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine-internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/endpoint-config.h"
#include "engine/model-info.h"
#include "engine/program.h"
#include "models/fit-flags.h"
#include "models/quantize.h"

/* Enough for six pictures of 1280 x 720, of up to 1200 tokens each, and a long
 * answer. */

void engine_add_warning(struct engine *e, const char *warning)
{
	if (!warning || !*warning)
		return;
	char *old = e->warning;
	e->warning = *old ? mem_printf("%s; %s", old, warning) : mem_strdup(warning);
	free(old);
}

/* ---- llama-server children */

/* Finds the model of this name. Several children share one that was found and
 * hashed before. */
static int get_model(struct engine *e, const char *name, const struct engine_options *o,
                     const struct engine_places *p, struct model **ret, struct err *err)
{
	for (size_t i = 0; i < e->n_models; i++) {
		if (strcmp(e->model_names[i], name) == 0) {
			*ret = &e->models[i];
			return 0;
		}
	}

	struct model *m = &e->models[e->n_models];
	const char *quantize = o->quantize && strcmp(o->quantize, "as-is") != 0 ? o->quantize : "";
	int r = model_choose(name, quantize, p->models_dir, p->demo_dir, m, err);
	if (r < 0)
		return r;

	e->model_names[e->n_models++] = mem_strdup(name);
	if (!e->program && (r = program_find(o->server, p, &e->program, err)) < 0)
		return r;

	AUTO(mem_freep) char *cache = p->models_dir ? file_join(p->models_dir, ".hashes.json") : NULL;
	const struct quantize make = {.server = e->program,
	                              .made_dir = p->made_dir,
	                              .hash_cache = cache,
	                              .cancel = e->cancel,
	                              .note = p->note,
	                              .ctx = p->note_ctx};
	if (*quantize && (r = model_quantize(m, quantize, &make, err)) < 0)
		return r;

	r = model_hash(m, cache, e->cancel, p->note, p->note_ctx, err);
	if (r == 0)
		engine_add_warning(e, m->warning);
	*ret = m;
	return r;
}

static void check_context(struct engine *e, const struct model *m, int64_t wanted)
{
	if (m->context <= 0 || wanted <= m->context)
		return;
	AUTO(mem_freep)
	char *w = mem_printf("the model %s supports a context of %lld tokens, not %lld", m->name,
	                     (long long)m->context, (long long)wanted);
	engine_add_warning(e, w);
}

static int64_t machine_memory(void)
{
	return sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/* The size of a chunk, and the memory that is available. `share`: number of
 * children on the same device. */
static struct fit_wish wish_of(const struct engine *e, const struct engine_options *o,
                               const struct engine_places *p, int share,
                               const struct endpoint_config *s)
{
	int64_t memory = o->memory ? o->memory : p->gpu_memory;
	int64_t gpus = *s->device || o->memory ? 1 : p->gpus;
	for (const char *d = s->device; *d; d++)
		gpus += *d == '+';
	return (struct fit_wish){.memory = strcmp(s->device, "none") == 0 ? 0 : memory * gpus / share,
	                         .in_use = o->memory ? 0 : p->gpu_in_use * gpus / share,
	                         .goal = o->memory_goal > 0 ? o->memory_goal : 0.7,
	                         .main_memory = machine_memory() / 2,
	                         .cache_type = e->cache_type,
	                         .slots = s->slots,
	                         .context = s->context,
	                         .frames = p->frames,
	                         .picture_width = p->frame_size,
	                         .picture_height = p->frame_size * 9 / 16,
	                         .answer_tokens = p->answer_tokens};
}

/* How models of this family are run and asked. */
struct model_needs {
	struct sampling sampling;
	int64_t image_min_tokens;
};

/* Finds the family by the names of file and folder, else by the name in the
 * file's header. The tokens of a picture may also follow from the projector. */
static void recognize(const struct engine *e, const struct model *model,
                      const struct model_look *look, struct model_needs *b)
{
	const char *name = model->path;
	int parts = 0;
	for (const char *p = name + strlen(name); p > model->path && parts < 2; p--) {
		parts += p[-1] == '/';
		name = p;
	}

	const struct model_family *f = catalogue_family(e->catalogue, name);
	if (!f)
		f = catalogue_family(e->catalogue, look->full_name);
	b->sampling = asking_sampling(&e->asking, f);
	if (f)
		log_info("the model %s is one of %s", look->name, f->name);
	if (!f)
		f = catalogue_family(e->catalogue, look->projector);
	b->image_min_tokens = asking_picture_tokens(&e->asking, f);
}

/* If the model fits on the GPU only with fewer tokens for a picture, uses
 * fewer: layers in main memory are slow, while fewer tokens only make the model
 * less exact about positions. */
static void spare_picture_tokens(struct engine *e, struct model_look *look,
                                 const struct fit_wish *w, bool fixed, struct fit_flags *f,
                                 struct model_needs *b)
{
	struct fit_flags fewer;
	if (!b->image_min_tokens || e->asking.picture_tokens_min >= 0 ||
	    f->gpu_layers == FIT_LAYERS_ALL)
		return;

	look->shape.picture_tokens_min = 0;
	fit_flags(&look->shape, w, fixed, &fewer);
	if (fewer.gpu_layers != FIT_LAYERS_ALL)
		return;

	AUTO(mem_freep)
	char *warning = mem_printf("the model %s needs %lld tokens a picture to be exact about places, "
	                           "for which the memory of the GPU is too small: it gets fewer "
	                           "(--image-min-tokens)",
	                           look->name, (long long)b->image_min_tokens);
	engine_add_warning(e, warning);
	*f = fewer;
	b->image_min_tokens = 0;
}

/* Without a GPU, or with one whose memory is not known. */
static void plan_main(struct engine *e, const struct model_look *look, struct fit_wish w,
                      const char *name)
{
	struct fit_plan plan;
	char warning[2 * FIT_WHY];
	w.memory = machine_memory();
	fit_main(&look->shape, &w, &plan);
	for (size_t i = 0; i < ARRAY_LEN(plan.why); i++)
		log_info("%s: %s", name, plan.why[i]);
	fit_main_warning(&look->shape, w.memory, warning);
	engine_add_warning(e, warning);
}

/* Chooses the context and, if the memory of the GPU is known, the slots. Values
 * that the user set are kept. Returns the layers on the GPU, -1 = not known. */
static int64_t plan_child(struct engine *e, const struct engine_options *o,
                          const struct engine_places *p, const struct model *model, int share,
                          struct endpoint_config *s, struct model_needs *b)
{
	int64_t most = model->context > 0 ? model->context : FIT_CONTEXT_UNKNOWN,
			usual = most < FIT_CONTEXT ? most : FIT_CONTEXT;
	bool fixed = s->context > 0;
	struct model_look look = {0};
	struct fit_flags f;
	struct err err;
	check_context(e, model, s->context);
	s->context = fixed ? s->context : usual;
	b->sampling = asking_sampling(&e->asking, NULL);
	/* A file that cannot be read is reported when the server starts. */
	if (model_look_at(model, "", &look, &err) < 0)
		return -1;

	if (!model->demo)
		recognize(e, model, &look, b);
	look.shape.picture_tokens_min = b->image_min_tokens;
	struct fit_wish w = wish_of(e, o, p, share, s);
	if (model->demo) /* always runs on the processor */
		w.memory = 0;
	w.context = s->context = fixed ? s->context : fit_context(&look.shape, &w, usual);
	if (w.memory > 0) {
		fit_flags(&look.shape, &w, fixed, &f);
		spare_picture_tokens(e, &look, &w, fixed, &f, b);
		for (size_t i = 0; i < ARRAY_LEN(f.why) && *f.why[i]; i++)
			log_info("%s: %s", s->name, f.why[i]);
		engine_add_warning(e, f.warning);
		s->slots = f.slots > 0 ? f.slots : s->slots;
		s->context = f.context;
		if (f.picture_side && (!e->picture_side || f.picture_side < e->picture_side))
			e->picture_side = f.picture_side;
	} else {
		plan_main(e, &look, w, s->name);
	}

	model_look_clear(&look);
	return w.memory > 0 ? f.gpu_layers : -1;
}

/* The log of a child. The first has the name that the documentation states. */
static char *log_of(const struct engine_places *p, size_t n, const char *name)
{
	AUTO(mem_freep) char *stem = p->log_path ? file_stem(p->log_path) : NULL;
	if (!stem || n == 0)
		return mem_strdup(p->log_path);
	return mem_printf("%.*s%s-%s.log", (int)(file_base(p->log_path) - p->log_path), p->log_path,
	                  stem, name);
}

static int add_child(struct engine *e, const struct engine_options *o,
                     const struct engine_places *p, int share, struct endpoint_config *s,
                     struct err *err)
{
	struct model *model;
	int r = get_model(e, *s->model ? s->model : o->model ? o->model : "", o, p, &model, err);
	if (r < 0)
		return r;

	s->slots = s->slots ? s->slots : o->slots;
	s->context = s->context ? s->context : o->context;
	struct model_needs needs = {0};
	int64_t gpu_layers = plan_child(e, o, p, model, share, s, &needs);
	s->slots = s->slots > 0 ? s->slots : ENGINE_SLOTS;
	AUTO(mem_freep) char *log = log_of(p, e->n, s->name);
	const struct server_options so = {
		.program = e->program,
		.slots = s->slots,
		.context = s->context,
		.cache_type = e->cache_type,
		.log_path = log,
		.start_timeout = o->start_timeout,
		.hang_timeout = o->hang_timeout,
		.unload_after = o->unload_after,
		.split = o->split,
		.gpu_layers = gpu_layers,
		.image_min_tokens = needs.image_min_tokens,
		.changed = engine_child_changed,
		.changed_ctx = e,
		.limits = e->limits,
	};
	e->backends[e->n] = backend_child(s, model, &so);
	e->backends[e->n++]->sampling = needs.sampling;
	return 0;
}

/* ---- the list of backends */

static int add_url(struct engine *e, struct endpoint_config *s, const struct engine_places *p,
                   const char *key, struct err *err)
{
	AUTO(mem_freep) char *read = NULL, *warning = NULL;
	int r = key && *key ? 0 : backend_key(s, &read, &warning, err);
	engine_add_warning(e, warning);
	if (r == 0)
		r = backend_url(s, read ? read : key, &e->limits, &e->backends[e->n], err);
	if (read)
		explicit_bzero(read, strlen(read));
	if (r < 0)
		return r;

	struct backend *m = e->backends[e->n++];
	m->learned_path = p->learned_path ? mem_strdup(p->learned_path) : NULL;
	m->learn_again = p->learn_again;
	m->catalogue = e->catalogue;
	m->asking = e->asking;
	return 0;
}

static struct endpoint_config *add_config(struct endpoint_config **list, size_t *n,
                                          const char *name, const char *url, const char *device)
{
	*list = mem_grow(*list, *n + 1, sizeof **list);
	struct endpoint_config *s = &(*list)[(*n)++];
	*s = (struct endpoint_config){.url = mem_strdup(url),
	                              .model = mem_strdup(""),
	                              .key_file = mem_strdup(""),
	                              .key_env = mem_strdup(""),
	                              .device = mem_strdup(device),
	                              .weight = 1};
	size_t len = strlen(name);
	memcpy(s->name, name, len < sizeof s->name ? len : sizeof s->name - 1);
	return s;
}

/* Adds a child for each of "CUDA0,CUDA1". If a device is named more than once,
 * the further children get other names (CUDA0-2). */
static int add_devices(const char *devices, struct endpoint_config **list, size_t *n,
                       struct err *err)
{
	for (const char *p = devices; *p;) {
		size_t len = strcspn(p, ", ");
		AUTO(mem_freep) char *device = mem_printf("%.*s", (int)len, p);
		p += len;
		p += strspn(p, ", ");
		if (!len)
			continue;
		if (*n >= ENDPOINTS_MAX || len >= ENDPOINT_NAME_MAX - 4)
			return err_set(
				err, ERR_ARG,
				"engine.devices: \"%.200s\" names too many devices, or one with too long a name",
				devices);
		size_t same = 1;
		for (size_t i = 0; i < *n; i++)
			same += strcmp((*list)[i].device, device) == 0;
		AUTO(mem_freep)
		char *name = same > 1 ? mem_printf("%s-%zu", device, same) : mem_strdup(device);
		add_config(list, n, name, "auto", device);
	}
	return 0;
}

static bool is_auto(const char *url)
{
	return !url || !*url || strcmp(url, "auto") == 0;
}

/* The backend of --engine, or those of --devices, come before the endpoints. */
static int list_configs(const struct engine_options *o, struct endpoint_config **list, size_t *n,
                        struct err *err)
{
	int r = 0;
	if (!is_auto(o->url)) {
		struct endpoint_config *s = add_config(list, n, "main", o->url, "");
		s->slots = o->slots;
		free(s->model);
		s->model = mem_strdup(o->model ? o->model : "");
		free(s->key_file);
		s->key_file = mem_strdup(o->key_file ? o->key_file : "");
	} else if (o->devices && *o->devices) {
		r = add_devices(o->devices, list, n, err);
	}

	if (r == 0)
		r = endpoint_config_parse(o->endpoints ? o->endpoints : "", list, n, err);
	if (r == 0 && !*n)
		add_config(list, n, "main", "auto", "");
	return r;
}

static int add_backends(struct engine *e, const struct engine_options *o,
                        const struct engine_places *p, struct endpoint_config *list, size_t n,
                        struct err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		int share = 0;
		for (size_t k = 0; k < n; k++)
			share += is_auto(list[k].url) && strcmp(list[k].device, list[i].device) == 0;
		bool main = i == 0 && !is_auto(o->url);
		r = is_auto(list[i].url) ? add_child(e, o, p, share, &list[i], err)
		                         : add_url(e, &list[i], p, main ? o->key : NULL, err);
		if (r < 0)
			break;
		struct backend *m = e->backends[i];
		m->single = n == 1;
		m->cancel = e->cancel;
		e->dispatch.backends[i] = (struct placement_backend){
			.cloud = list[i].cloud,
			.slots = m->slots > 0 ? (int)m->slots : ENGINE_SLOTS,
			.weight = list[i].weight,
			.cost = list[i].cost,
		};
	}

	e->dispatch.n = e->n;
	return r;
}

/* Publishes what is known about the engine before it starts. */
static void fill_info(struct engine *e)
{
	const struct backend *m = e->backends[0];
	bool child = m->model;
	struct engine_info info = {
		.kind = e->n > 1 ? "pool"
	            : child  ? "llama-server (child)"
	                     : "endpoint",
		.url = child ? "" : endpoint_url(m->endpoint),
		.version = "",
		.model = child ? m->model->name : endpoint_info(m->endpoint)->model,
		.model_hash = child ? m->model->hash : "",
		.quantize = child ? m->model->quantize : "",
		.cache_type = child ? e->cache_type : "",
		.demo_model = child && m->model->demo,
		.context = (int)m->context,
		.images = true,
		.own = true,
		.frame_size = (int)e->picture_side,
		.asked = e->asked,
		.warning = e->warning,
		.news = "",
	};
	for (size_t i = 0; i < e->n; i++) {
		info.slots += e->dispatch.backends[i].slots;
		info.own = info.own && e->backends[i]->model;
	}

	engine_publish(e, &info, NULL);
}

int engine_new(const struct engine_options *o, const struct engine_places *p, struct cancel *cancel,
               struct engine **ret, struct err *err)
{
	AUTO(engine_freep) struct engine *e = mem_alloc(1, sizeof *e);
	pthread_mutex_init(&e->lock, NULL);
	pthread_mutex_init(&e->enter_lock, NULL);
	e->news = wakeup_new();
	dispatch_init(&e->dispatch);
	e->dispatch.cloud_after = o->cloud_after;
	e->warning = mem_strdup("");
	e->cancel = cancel;
	e->cache_type = mem_strdup(o->cache_type && *o->cache_type ? o->cache_type : "f16");
	e->start_timeout = o->start_timeout;
	e->retries = (int)o->retries;
	e->limits = (struct endpoint_limits){.connect = o->connect_timeout,
	                                     .vision = o->vision_timeout,
	                                     .generation = o->generation_timeout,
	                                     .idle = o->idle_timeout,
	                                     .ca_file = o->ca_file};
	e->asking = asking_of(o);
	e->asked = asking_text(&e->asking);
	struct endpoint_config *list = NULL;
	size_t n = 0;
	int r = catalogue_load(p->catalogue, &e->catalogue, err);
	if (r == 0 && !p->embed_only)
		r = list_configs(o, &list, &n, err);
	if (r == 0)
		r = add_backends(e, o, p, list, n, err);
	for (size_t i = 0; i < n; i++)
		endpoint_config_clear(&list[i]);
	free(list);
	if (r == 0)
		r = embedder_new(e, o, p, err);
	engine_add_warning(e, embedder_warning(e->embedder));
	if (r < 0)
		return r;

	if (e->n)
		fill_info(e);
	*ret = TAKE(e);
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;

	pthread_mutex_lock(&e->enter_lock);
	e->closing = true;
	pthread_mutex_unlock(&e->enter_lock);
	for (size_t i = 0; i < e->n; i++)
		backend_free(e->backends[i]);
	embedder_free(e->embedder);
	for (size_t i = 0; i < e->n_models; i++) {
		model_clear(&e->models[i]);
		free(e->model_names[i]);
	}

	dispatch_clear(&e->dispatch);
	pthread_mutex_destroy(&e->lock);
	pthread_mutex_destroy(&e->enter_lock);
	wakeup_free(e->news);
	free(e->program);
	free(e->log_path);
	free(e->cache_type);
	free(e->asked);
	catalogue_free(e->catalogue);
	free(e->warning);
	free(e->news_text);

	for (struct engine_known *k = atomic_load(&e->known), *older; k; k = older) {
		older = k->older;
		free(k->news);
		free(k);
	}

	free(e);
}

void engine_count_spending(struct engine *e, engine_spend_fn *fn, void *ctx)
{
	e->spend = fn;
	e->spend_ctx = ctx;
}
