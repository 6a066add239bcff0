#include "engine/engine.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/body.h"
#include "engine/endpoint.h"
#include "engine/model.h"
#include "engine/quantize.h"
#include "engine/server.h"
#include "engine/slots.h"

#define SLOTS 4
#define SLOTS_MAX 64  /* of what an endpoint claims */
#define CONTEXT 16384 /* six pictures of 1280 x 720 and a long answer, with models that spend 1200 tokens each */
#define CONTEXT_UNKNOWN 8192
#define PAUSE (CLOCK_SECOND / 2)
#define PAUSE_MAX (30 * CLOCK_SECOND)
#define RETRY_AFTER_MAX (600 * CLOCK_SECOND)
#define KEY_FILE_MAX 4096

struct engine {
	struct engine_info info;
	struct endpoint_limits limits;
	int64_t start_timeout;
	int retries;
	bool slots_chosen;     /* by us, not by the user: a probe may tell better */
	struct cancel *cancel; /* borrowed, may be NULL */
	struct slots slots;

	/* Either a child … */
	struct model model;
	char *program, *log_path, *cache_type;
	struct server *server;
	/* … or an address. `endpoint` is the one in use in both cases, NULL for a child that has not started. */
	struct endpoint *endpoint;

	char *warning;
	pthread_mutex_t lock; /* guards starting */
	bool started;
};

/* ---- what to use */

static void add_warning(struct engine *e, const char *warning)
{
	if (!*warning)
		return;
	char *old = e->warning;
	e->warning = *old ? mem_printf("%s; %s", old, warning) : mem_strdup(warning);
	free(old);
}

static int read_key(struct engine *e, const struct engine_options *o, char **ret, struct err *err)
{
	if ((o->key && *o->key) || !o->key_file || !*o->key_file) {
		*ret = mem_strdup(o->key ? o->key : "");
		return 0;
	}
	AUTO(buf_free) struct buf b = BUF(KEY_FILE_MAX);
	int r = file_read(o->key_file, &b, err);
	if (r < 0)
		return err_wrap(err, "the engine's key file");
	struct stat st;
	if (stat(o->key_file, &st) == 0 && st.st_mode & (S_IRGRP | S_IROTH)) {
		AUTO(mem_freep) char *w = mem_printf("others can read the key in %s: chmod 600 it", o->key_file);
		add_warning(e, w);
	}
	const char *begin = buf_str(&b) + strspn(buf_str(&b), " \t\r\n");
	*ret = mem_printf("%.*s", (int)strcspn(begin, " \t\r\n"), begin);
	explicit_bzero(b.data, b.len);
	return **ret ? 0 : err_set(err, ERR_ARG, "the engine's key file %s is empty", o->key_file);
}

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t n = strcspn(path, ":");
		AUTO(mem_freep) char *at = mem_printf("%.*s/%s", (int)n, path, name);
		if (n && !file_is_dir(at) && access(at, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static int find_program(const char *wanted, const char *runtime_dir, char **ret, struct err *err)
{
	if (wanted && *wanted) {
		if (strchr(wanted, '/') ? access(wanted, X_OK) != 0 || file_is_dir(wanted) : !in_path(wanted))
			return err_set(err, ERR_NOENT, "there is no program %s (engine.server)", wanted);
		*ret = mem_strdup(wanted);
		return 0;
	}
	if (in_path("llama-server")) {
		*ret = mem_strdup("llama-server");
		return 0;
	}
	AUTO(mem_freep) char *ours = runtime_dir ? file_join(runtime_dir, "llama-server") : NULL;
	if (ours && access(ours, X_OK) == 0) {
		*ret = TAKE(ours);
		return 0;
	}
	return err_set(err, ERR_NOENT,
	               "no llama-server, neither in PATH nor set up for vdet: run tools/setup engine, "
	               "install llama.cpp, or name another engine with --engine URL");
}

static int use_child(struct engine *e, const struct engine_options *o, const struct engine_places *p, struct err *err)
{
	const char *quantize = o->quantize && strcmp(o->quantize, "as-is") != 0 ? o->quantize : "";
	int r = model_choose(o->model ? o->model : "", quantize, p->models_dir, p->demo_dir, &e->model, err);
	if (r < 0 || (r = find_program(o->server, p->runtime_dir, &e->program, err)) < 0)
		return r;
	AUTO(mem_freep) char *cache = p->models_dir ? file_join(p->models_dir, ".hashes.json") : NULL;
	const struct quantize make = {.server = e->program,
	                              .made_dir = p->made_dir,
	                              .hash_cache = cache,
	                              .cancel = e->cancel,
	                              .note = p->note,
	                              .ctx = p->note_ctx};
	if (*quantize && (r = model_quantize(&e->model, quantize, &make, err)) < 0)
		return r;
	r = model_hash(&e->model, cache, e->cancel, p->note, p->note_ctx, err);
	if (r < 0)
		return r;
	e->log_path = mem_strdup(p->log_path);
	e->cache_type = mem_strdup(o->cache_type && *o->cache_type ? o->cache_type : "f16");
	add_warning(e, e->model.warning);
	int64_t most = e->model.context > 0 ? e->model.context : CONTEXT_UNKNOWN;
	int64_t context = o->context > 0 ? o->context : most < CONTEXT ? most : CONTEXT;
	if (context > most && e->model.context > 0) {
		AUTO(mem_freep)
		char *w = mem_printf("the model %s was made for %lld tokens, not %lld", e->model.name, (long long)most,
		                     (long long)context);
		add_warning(e, w);
	}
	e->info = (struct engine_info){
		.kind = "llama-server (child)",
		.url = "",
		.version = "",
		.model = e->model.name,
		.model_hash = e->model.hash,
		.quantize = e->model.quantize,
		.cache_type = e->cache_type,
		.demo_model = e->model.demo,
		.slots = o->slots > 0 ? (int)o->slots : SLOTS,
		.context = (int)context,
		.images = true,
		.warning = e->warning,
	};
	return 0;
}

static int use_url(struct engine *e, const struct engine_options *o, struct err *err)
{
	AUTO(mem_freep) char *key = NULL;
	int r = read_key(e, o, &key, err);
	if (r < 0)
		return r;
	r = endpoint_new(o->url, key, o->model, &e->limits, &e->endpoint, err);
	explicit_bzero(key, strlen(key));
	if (r < 0)
		return r;
	e->slots_chosen = o->slots <= 0;
	e->info = (struct engine_info){
		.kind = "endpoint",
		.url = endpoint_url(e->endpoint),
		.version = "",
		.model = endpoint_info(e->endpoint)->model,
		.model_hash = "",
		.quantize = "",
		.cache_type = "",
		.slots = o->slots > 0 ? (int)o->slots : SLOTS,
		.images = true,
		.warning = e->warning,
	};
	return 0;
}

int engine_new(const struct engine_options *o, const struct engine_places *p, struct cancel *cancel,
               struct engine **ret, struct err *err)
{
	AUTO(engine_freep) struct engine *e = mem_alloc(1, sizeof *e);
	pthread_mutex_init(&e->lock, NULL);
	slots_init(&e->slots, 0);
	e->warning = mem_strdup("");
	e->cancel = cancel;
	e->start_timeout = o->start_timeout;
	e->retries = (int)o->retries;
	e->limits = (struct endpoint_limits){.connect = o->connect_timeout,
	                                     .vision = o->vision_timeout,
	                                     .generation = o->generation_timeout,
	                                     .idle = o->idle_timeout};
	bool child = !o->url || !*o->url || !strcmp(o->url, "auto");
	int r = child ? use_child(e, o, p, err) : use_url(e, o, err);
	if (r < 0)
		return r;
	slots_add(&e->slots, e->info.slots);
	*ret = TAKE(e);
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	if (e->server)
		server_free(e->server); /* and with it the endpoint */
	else
		endpoint_free(e->endpoint);
	model_clear(&e->model);
	slots_clear(&e->slots);
	pthread_mutex_destroy(&e->lock);
	free(e->program);
	free(e->log_path);
	free(e->cache_type);
	free(e->warning);
	free(e);
}

/* ---- starting */

static int start_child(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx, struct err *err)
{
	const struct server_options o = {
		.program = e->program,
		.model = &e->model,
		.slots = e->info.slots,
		.context = e->info.context,
		.cache_type = e->info.cache_type,
		.log_path = e->log_path,
		.start_timeout = e->start_timeout,
		.limits = e->limits,
	};
	AUTO(server_freep) struct server *s = NULL;
	int r = server_start(&o, &s, err);
	if (r < 0 || (r = server_wait(s, e->cancel, NULL, note, ctx, err)) < 0)
		return r;
	e->server = TAKE(s);
	e->endpoint = server_endpoint(e->server);
	return 0;
}

/* Pauses until `until`; ERR_CANCELED at once when either fires. */
static int pause_until(int64_t until, struct cancel *cancel, struct cancel *cancel2, struct err *err)
{
	struct pollfd p[] = {{.fd = cancel_fd(cancel), .events = POLLIN}, {.fd = cancel_fd(cancel2), .events = POLLIN}};
	for (int64_t left; (left = until - clock_now()) > 0;) {
		poll(p, ARRAY_LEN(p), (int)(left / 1000 + 1));
		if (cancel_fired(cancel) || cancel_fired(cancel2))
			return err_set(err, ERR_CANCELED, "interrupted");
	}
	return 0;
}

static int probe_url(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx, struct err *err)
{
	int64_t begin = clock_now();
	for (;;) {
		int r = endpoint_probe(e->endpoint, e->cancel, err);
		if (r != -ERR_BUSY)
			return r;
		if (e->start_timeout && clock_now() - begin > e->start_timeout)
			return err_wrap(err, "still after %.0f s (--start-timeout)", (double)e->start_timeout / 1e6);
		if (note)
			note(ctx, "waiting for the engine to load its model");
		r = pause_until(clock_now() + CLOCK_SECOND, e->cancel, NULL, err);
		if (r < 0)
			return r;
	}
}

static void take_info(struct engine *e)
{
	const struct endpoint_info *i = endpoint_info(e->endpoint);
	e->info.version = i->version;
	e->info.images = i->images;
	if (i->context > 0 && i->context < INT32_MAX)
		e->info.context = (int)i->context;
	if (!e->server)
		e->info.model = i->model;
	int slots = i->slots < SLOTS_MAX ? i->slots : SLOTS_MAX;
	if (e->slots_chosen && slots > 0) {
		slots_add(&e->slots, slots - e->info.slots);
		e->info.slots = slots;
	}
}

int engine_start(struct engine *e, void (*note)(void *ctx, const char *what), void *ctx, struct err *err)
{
	pthread_mutex_lock(&e->lock);
	int r = 0;
	if (!e->started) {
		r = e->program ? start_child(e, note, ctx, err) : probe_url(e, note, ctx, err);
		if (r == 0)
			take_info(e);
		e->started = r == 0;
	}
	pthread_mutex_unlock(&e->lock);
	return r;
}

const struct engine_info *engine_info(const struct engine *e)
{
	return &e->info;
}

/* ---- a request */

struct request {
	struct engine *e;
	const struct chat *c;
	void (*progress)(void *ctx, const struct chat_progress *p);
	void *ctx;
	int attempt;
};

static void tell_queued(void *ctx)
{
	const struct request *q = ctx;
	if (q->progress)
		q->progress(q->ctx, &(struct chat_progress){.phase = CHAT_QUEUED, .attempt = q->attempt});
}

static int check_request(const struct engine *e, const struct chat *c, struct err *err)
{
	if (!e->started)
		return err_set(err, ERR_INTERNAL, "the engine was not started");
	if (c->bad_schema)
		return err_set(err, ERR_INTERNAL, "the schema of a request is no JSON");
	if (chat_images(c) && !e->info.images)
		return err_set(err, ERR_UNSUPPORTED, "the model %s cannot see: the engine has no projector for it",
		               e->info.model);
	return buf_check(&c->parts, "a request", err);
}

/* Doubles with each attempt, a quarter more or less so that many do not come at once; at least what was asked for. */
static int64_t pause_after(int attempt, int64_t asked)
{
	int64_t pause = PAUSE;
	for (int i = 1; i < attempt && pause < PAUSE_MAX; i++)
		pause *= 2;
	if (pause > PAUSE_MAX)
		pause = PAUSE_MAX;
	unsigned seed = (unsigned)clock_now();
	pause += pause / 4 * (rand_r(&seed) % 200 - 100) / 100;
	if (asked > RETRY_AFTER_MAX)
		asked = RETRY_AFTER_MAX;
	return pause > asked ? pause : asked;
}

/* One attempt, once the engine is there. *ret_pause: how long to wait before the next, -1 = there shall be none. */
static int attempt(struct request *q, struct chat_result *ret, int64_t *ret_pause, struct err *err)
{
	struct engine *e = q->e;
	struct endpoint_fate fate = {0};
	*ret_pause = -1;
	if (e->server) {
		tell_queued(q);
		int r = server_wait(e->server, e->cancel, q->c->cancel, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	int life = e->server ? server_life(e->server) : 0;
	slots_begin(&e->slots);
	int r = endpoint_chat(e->endpoint, q->c, q->attempt, e->cancel, q->progress, q->ctx, ret, &fate, err);
	slots_end(&e->slots);
	if (r < 0 && fate.retry) {
		*ret_pause = pause_after(q->attempt, fate.after);
		if (e->server)
			server_suspect(e->server, life);
	}
	return r;
}

int engine_chat(struct engine *e, const struct chat *c, void (*progress)(void *ctx, const struct chat_progress *p),
                void *ctx, struct chat_result *ret, struct err *err)
{
	struct request q = {.e = e, .c = c, .progress = progress, .ctx = ctx, .attempt = 1};
	struct chat_result result = {0};
	int64_t pause;
	int r = check_request(e, c, err);
	if (r < 0 || (r = slots_take(&e->slots, e->cancel, c->cancel, tell_queued, &q, err)) < 0)
		return r;
	while ((r = attempt(&q, &result, &pause, err)) < 0 && pause >= 0) {
		if (q.attempt > e->retries) {
			if (q.attempt > 1)
				err_wrap(err, "after %d tries", q.attempt);
			break;
		}
		tell_queued(&q);
		if ((r = pause_until(clock_now() + pause, e->cancel, c->cancel, err)) < 0)
			break;
		q.attempt++;
	}
	slots_give(&e->slots);
	if (r == 0)
		*ret = result;
	return r;
}

int engine_slots(const struct engine *e)
{
	return e->info.slots;
}

int engine_restarts(const struct engine *e)
{
	return e->server ? server_restarts(e->server) : 0;
}

int64_t engine_busy_time(const struct engine *e)
{
	/* The lock is no part of what const promises. */
	return slots_busy_time((struct slots *)&e->slots);
}
