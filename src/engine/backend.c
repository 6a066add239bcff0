/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/learned.h"

#define DAY (86400 * CLOCK_SECOND)

/* ---- creation */

static struct backend *make(const struct endpoint_config *s)
{
	struct backend *m = mem_alloc(1, sizeof *m);
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->probing, NULL);
	memcpy(m->name, s->name, sizeof m->name);
	m->slots = s->slots;
	m->context = s->context;
	m->cost = s->cost;
	m->cap = s->cap;
	m->cloud = s->cloud;
	return m;
}

struct backend *backend_child(const struct endpoint_config *s, struct model *model,
                              const struct server_options *o)
{
	struct backend *m = make(s);
	m->model = model;
	m->program = mem_strdup(o->program);
	m->device = mem_strdup(s->device);
	m->log_path = mem_strdup(o->log_path);
	m->server_options = *o;
	m->server_options.program = m->program;
	m->server_options.device = m->device;
	m->server_options.log_path = m->log_path;
	m->server_options.model = model;
	return m;
}

int backend_url(const struct endpoint_config *s, const char *key,
                const struct endpoint_limits *limits, struct backend **ret, struct err *err)
{
	struct backend *m = make(s);
	m->slots_chosen = s->slots <= 0;
	struct endpoint *endpoint = NULL;
	struct endpoint_limits own = *limits;
	if (s->ca_file && *s->ca_file)
		own.ca_file = s->ca_file;
	int r = endpoint_new(s->url, key, s->model, &own, &endpoint, err);
	m->endpoint = endpoint;
	if (r < 0)
		backend_free(m);
	else
		*ret = m;
	return r;
}

void backend_free(struct backend *m)
{
	if (!m)
		return;
	if (m->server)
		server_free(m->server); /* frees the endpoint, too */
	else
		endpoint_free(m->endpoint);
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->probing);
	free(m->program);
	free(m->device);
	free(m->log_path);
	free(m->learned_path);
	free(m);
}

int backend_key(const struct endpoint_config *s, char **ret, char **warning, struct err *err)
{
	*warning = NULL;
	if (*s->key_env) {
		const char *value = getenv(s->key_env);
		if (!value || !*value)
			return err_set(
				err, ERR_ARG,
				"the endpoint %s: the variable %s, which should hold its key, is not set", s->name,
				s->key_env);
		*ret = mem_strdup(value);
		return 0;
	}

	if (!*s->key_file) {
		*ret = mem_strdup("");
		return 0;
	}

	int r = endpoint_read_key(s->key_file, ret, warning, err);
	if (r < 0)
		return err_wrap(err, "the key file of the engine");
	return **ret ? 0 : err_set(err, ERR_ARG, "the engine's key file %s is empty", s->key_file);
}

/* ---- starting */

static struct learned_key learned_key_of(struct backend *m)
{
	const struct endpoint_info *info = endpoint_info(m->endpoint);
	return (struct learned_key){
		.url = endpoint_url(m->endpoint), .model = info->model, .version = info->version};
}

static void keep_learned(void *ctx)
{
	struct backend *m = ctx;
	const struct learned_key key = learned_key_of(m);
	/* Includes what other requests learned in the meantime. */
	const struct dialect d = endpoint_dialect(m->endpoint);
	struct err err;
	if (learned_save(m->learned_path, &key, &d, &err) < 0)
		log_warning("what %s refuses could not be kept for later runs: %s", key.url, err.msg);
}

/* Finds out what runs at an address, and loads what it refused in earlier
 * runs. */
static int probe(struct backend *m, struct err *err)
{
	struct dialect d;
	int r = endpoint_probe(m->endpoint, m->cancel, err);
	if (r < 0)
		return r;

	const struct model_family *f =
		catalogue_family(m->catalogue, endpoint_info(m->endpoint)->model);
	const struct sampling sampling = asking_sampling(&m->asking, f);
	endpoint_set_sampling(m->endpoint, &sampling);
	if (f)
		log_info("%s: the model is one of %s", endpoint_url(m->endpoint), f->name);
	if (!m->learned_path)
		return 0;

	const struct learned_key key = learned_key_of(m);
	if (!m->learn_again && learned_load(m->learned_path, &key, &d))
		endpoint_set_dialect(m->endpoint, &d);
	endpoint_on_learned(m->endpoint, keep_learned, m);
	return 0;
}

int backend_start(struct backend *m, struct err *err)
{
	if (!m->model) {
		int r = probe(m, err);
		m->probed = r == 0;
		return r;
	}
	struct server *s = NULL;
	int r = server_start(&m->server_options, &s, err);
	if (r == 0) {
		m->endpoint = server_endpoint(s);
		endpoint_set_sampling(m->endpoint, &m->sampling);
		m->server = s;
	}
	return r;
}

int backend_ready(struct backend *m, struct cancel *cancel,
                  void (*note)(void *ctx, const char *what), void *ctx, struct err *err)
{
	if (m->server)
		return server_wait(m->server, m->cancel, cancel, note, ctx, err);
	if (m->probed)
		return 0;
	/* An endpoint that was not available at the start is probed by the first
	 * request; others wait for the result. */
	pthread_mutex_lock(&m->probing);
	int r = m->probed ? 0 : probe(m, err);
	if (r == 0)
		m->probed = true;
	pthread_mutex_unlock(&m->probing);
	return r;
}

/* ---- a request */

/* All answers of a report must come from the same model. */
static int check_model(struct backend *m, const struct chat_result *r, bool *ret_permanent,
                       struct err *err)
{
	int result = 0;
	pthread_mutex_lock(&m->lock);
	if (!*m->served)
		snprintf(m->served, sizeof m->served, "%s", r->model ? r->model : "");
	else if (r->model && *r->model && strcmp(m->served, r->model) != 0) {
		*ret_permanent = true;
		result =
			err_set(err, ERR_ENGINE,
		            "%s now answers with the model %s instead of %s: it was changed during the run",
		            endpoint_url(m->endpoint), r->model, m->served);
	}
	pthread_mutex_unlock(&m->lock);
	return result;
}

int backend_chat(struct backend *m, const struct chat *c, int attempt,
                 void (*progress)(void *ctx, const struct chat_progress *p), void *ctx,
                 struct chat_result *ret, struct endpoint_failure *failure, bool *ret_permanent,
                 struct err *err)
{
	int life = m->server ? server_life(m->server) : 0;
	if (m->server)
		server_flight_begin(m->server);
	int r = endpoint_chat(m->endpoint, c, attempt, m->cancel, progress, ctx, ret, failure, err);
	if (m->server)
		server_flight_end(m->server, r == -ERR_TIMEOUT);
	*ret_permanent = r == -ERR_PERM;
	if (r < 0) {
		if (m->server && failure->retry) {
			server_suspect(m->server, life);
			if (server_lacked_memory(m->server, life))
				r = err_set(err, ERR_NOSPC, "the engine ran out of memory and ended; its log: %s",
				            m->log_path ? m->log_path : "none");
		}
		return r;
	}

	r = check_model(m, ret, ret_permanent, err);
	if (r < 0) {
		chat_result_clear(ret);
		return r;
	}

	snprintf(ret->endpoint, sizeof ret->endpoint, "%s", m->name);
	return 0;
}

int backend_embed(struct backend *m, const struct embed_item *items, size_t n,
                  struct cancel *cancel, struct embed_result *ret, struct endpoint_failure *failure,
                  struct err *err)
{
	int life = m->server ? server_life(m->server) : 0;
	if (m->server)
		server_flight_begin(m->server);
	int r = endpoint_embed(m->endpoint, items, n, cancel, ret, failure, err);
	if (m->server)
		server_flight_end(m->server, r == -ERR_TIMEOUT);
	if (r < 0 && m->server && failure->retry)
		server_suspect(m->server, life);
	return r;
}

void backend_failed(struct backend *m, const struct err *err)
{
	pthread_mutex_lock(&m->lock);
	snprintf(m->error, sizeof m->error, "%.*s", (int)sizeof m->error - 1, err->msg);
	pthread_mutex_unlock(&m->lock);
}

bool backend_capped(struct backend *m)
{
	pthread_mutex_lock(&m->lock);
	const struct engine_spending *t = &m->today;
	bool over = m->day == clock_wall() / DAY &&
	            ((m->cap.money > 0 && t->money >= m->cap.money) ||
	             (m->cap.requests > 0 && t->requests >= m->cap.requests) ||
	             (m->cap.tokens > 0 && t->prompt_tokens + t->output_tokens >= m->cap.tokens));
	pthread_mutex_unlock(&m->lock);
	return over;
}
