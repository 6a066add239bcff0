/* SPDX-License-Identifier: Apache-2.0 */
/* What is going on in the engine, and what a memory policy may do about it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/engine-internal.h"

#define METRICS_MAX ((size_t)4 << 20)

size_t engine_most_images(const struct engine *e)
{
	size_t most = 0;
	for (size_t i = 0; i < e->n; i++) {
		struct endpoint *endpoint = e->backends[i]->endpoint;
		size_t n = endpoint ? endpoint_dialect(endpoint).most_images : 0;
		if (!n)
			return 0;
		most = n > most ? n : most;
	}
	return most;
}

char *engine_left_out(const struct engine *e)
{
	struct buf out = BUF(4096);
	for (size_t i = 0; i < e->n; i++) {
		char text[DIALECT_TEXT_MAX];
		struct endpoint *endpoint = e->backends[i]->endpoint;
		if (!endpoint)
			continue;
		const struct dialect d = endpoint_dialect(endpoint);
		if (*dialect_text(&d, text) && e->n > 1)
			buf_addf(&out, "%s%s: %s", out.len ? "; " : "", e->backends[i]->name, text);
		else
			buf_adds(&out, text);
	}
	char *text = buf_take(&out);
	return text ? text : mem_strdup("");
}

int engine_restarts(const struct engine *e)
{
	int n = 0;
	for (size_t i = 0; i < e->n; i++)
		n += e->backends[i]->server ? server_restarts(e->backends[i]->server) : 0;
	return n;
}

int64_t engine_busy_time(const struct engine *e)
{
	/* The lock may change although the engine is const. */
	return dispatch_busy_time((struct dispatch *)&e->dispatch);
}

int64_t engine_ask_time(const struct engine *e)
{
	return dispatch_ask_time((struct dispatch *)&e->dispatch);
}

void engine_expect(struct engine *e, int64_t change)
{
	dispatch_expect(&e->dispatch, change);
}

int64_t engine_forecast(struct engine *e)
{
	return dispatch_forecast(&e->dispatch);
}

int64_t engine_refusals(const struct engine *e)
{
	return atomic_load(&e->refusals);
}

/* ---- for a memory policy */

void engine_hold(struct engine *e, bool hold)
{
	dispatch_hold(&e->dispatch, hold);
}

void engine_limit(struct engine *e, int slots)
{
	dispatch_limit(&e->dispatch, slots);
}

/* The numbers of the slots that are not at work. */
static size_t idle_slots(struct backend *m, struct cancel *cancel, int64_t *ret, size_t most)
{
	AUTO(buf_free) struct buf body = BUF(METRICS_MAX);
	struct err ignored = {0};
	size_t n = 0, i;
	json_t *slot;
	if (endpoint_read(m->endpoint, "/slots", cancel, &body, &ignored) < 0)
		return 0;
	json_auto_t *slots = json_loadb(buf_str(&body), body.len, 0, NULL);
	json_array_foreach (slots, i, slot)
		if (n < most && json_is_false(json_object_get(slot, "is_processing")))
			ret[n++] = json_integer_value(json_object_get(slot, "id"));
	return n;
}

int engine_free_caches(struct engine *e)
{
	int freed = 0;
	for (size_t i = 0; i < e->n; i++) {
		struct backend *m = e->backends[i];
		int64_t slots[ENGINE_SLOTS_MAX];
		struct err ignored = {0};
		if (!m->endpoint || !endpoint_info(m->endpoint)->llama ||
		    (m->server && server_state(m->server) != SERVER_READY))
			continue;
		size_t n = idle_slots(m, e->cancel, slots, ENGINE_SLOTS_MAX);
		for (size_t k = 0; k < n; k++) {
			AUTO(mem_freep)
			char *path = mem_printf("/slots/%lld?action=erase", (long long)slots[k]);
			freed += endpoint_post(m->endpoint, path, e->cancel, &ignored) == 0;
		}
	}
	return freed;
}

int engine_restart(struct engine *e, int slots, struct err *err)
{
	dispatch_hold(&e->dispatch, true);
	/* Requests end on their own, within their time limits. */
	if (!dispatch_wait_idle(&e->dispatch, e->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	for (size_t i = 0; i < e->n; i++)
		if (e->backends[i]->server)
			server_restart(e->backends[i]->server, slots);
	dispatch_hold(&e->dispatch, false);
	return 0;
}

/* ---- what engines report */

/* The value of the first line "NAME{…} value" in Prometheus' text form; -1
 * where there is none. */
static double metric(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p ? 1 : 0) {
		if (strncmp(p, name, n) != 0 || (p[n] != '{' && p[n] != ' '))
			continue;
		const char *value = p[n] == '{' ? strchr(p, '}') : p + n - 1;
		return value ? strtod(value + 1, NULL) : -1;
	}
	return -1;
}

void engine_pressure(struct engine *e, double *ret_cache, int64_t *ret_preemptions)
{
	static const char *const caches[] = {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc",
	                                     "sglang:token_usage"};
	static const char *const preemptions[] = {"vllm:num_preemptions_total", "vllm:num_preemptions"};
	*ret_cache = 0;
	*ret_preemptions = 0;

	for (size_t i = 0; i < e->n; i++) {
		struct backend *m = e->backends[i];
		AUTO(buf_free) struct buf body = BUF(METRICS_MAX);
		struct err ignored = {0};
		/* llama-server divides its memory among its slots at the start: nothing
		 * there can run over. */
		if (m->model || m->cloud || m->no_metrics || !m->probed ||
		    endpoint_info(m->endpoint)->llama)
			continue;
		/* One that has none is not asked each second for ever, let alone one
		 * that answers slowly. */
		if (endpoint_read(m->endpoint, "/metrics", e->cancel, &body, &ignored) < 0) {
			m->no_metrics = true;
			continue;
		}

		for (size_t k = 0; k < ARRAY_LEN(caches); k++) {
			double v = metric(buf_str(&body), caches[k]);
			*ret_cache = v > *ret_cache && v <= 1 ? v : *ret_cache;
		}
		for (size_t k = 0; k < ARRAY_LEN(preemptions); k++) {
			double v = metric(buf_str(&body), preemptions[k]);
			*ret_preemptions += v > 0 && v < 1e15 ? (int64_t)v : 0;
		}
	}
}

static json_t *cap_json(const struct endpoint_cap *c)
{
	if (c->money > 0)
		return json_pack("{s:f}", "money", c->money);
	if (c->requests)
		return json_pack("{s:I}", "requests", (json_int_t)c->requests);
	return c->tokens ? json_pack("{s:I}", "tokens", (json_int_t)c->tokens) : json_null();
}

static json_t *backend_json(struct engine *e, size_t i)
{
	struct backend *m = e->backends[i];
	struct placement_backend p;
	struct dispatch_sums s;
	dispatch_look(&e->dispatch, i, &p, &s);
	const struct endpoint_info *info = m->endpoint ? endpoint_info(m->endpoint) : NULL;
	const char *state = m->server ? server_state_name(server_state(m->server))
	                    : p.breaker.state == BREAKER_CLOSED ? "ready"
	                                                        : "down";

	pthread_mutex_lock(&m->lock);
	json_t *j = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:I, s:I, s:I, s:I, s:f, "
		"s:f, s:o, "
		"s:f, s:I, s:I, s:s}",
		"name", m->name, "kind", m->model ? "child" : "url", "tier", m->cloud ? "cloud" : "local",
		"url", m->model ? "" : endpoint_url(m->endpoint), "state", p.capped ? "capped" : state,
		"breaker", breaker_name(p.breaker.state), "model",
		m->model ? m->model->name
		: info   ? info->model
				 : "",
		"version", info ? info->version : "", "slots", p.slots, "active", p.active, "weight",
		p.weight, "seconds_a_unit", p.unit, "requests", (json_int_t)s.requests, "failures",
		(json_int_t)s.failures, "prompt_tokens", (json_int_t)s.prompt_tokens, "output_tokens",
		(json_int_t)s.output_tokens, "busy", (double)s.busy / 1e6, "cost", m->cost, "cap",
		cap_json(&m->cap), "spent_today", m->today.money, "requests_today",
		(json_int_t)m->today.requests, "tokens_today",
		(json_int_t)(m->today.prompt_tokens + m->today.output_tokens), "error", m->error);
	pthread_mutex_unlock(&m->lock);

	if (info) {
		json_object_set_new(j, "context",
		                    info->context ? json_integer((json_int_t)info->context) : json_null());
		json_object_set_new(j, "images", json_boolean(info->images));
	}
	json_object_set_new(j, "device",
	                    m->model ? json_string(*m->device ? m->device : "") : json_null());
	json_object_set_new(j, "restarts", json_integer(m->server ? server_restarts(m->server) : 0));
	json_object_set_new(j, "pid", m->server ? json_integer(server_pid(m->server)) : json_null());
	return j;
}

json_t *engine_endpoints_json(struct engine *e)
{
	json_t *all = json_array();
	for (size_t i = 0; i < e->n; i++)
		json_array_append_new(all, backend_json(e, i));
	return all;
}
