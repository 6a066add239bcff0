/* SPDX-License-Identifier: Apache-2.0 */
#include "advise/performance.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ADVICE_EVERY (30 * CLOCK_SECOND)

static json_t *rate(double v)
{
	return v > 0 ? json_real(v) : json_null();
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* {"p50", "p90", "p99", "max"} in seconds; sorts. */
static json_t *percentiles(int64_t *v, size_t n)
{
	if (!n)
		return json_null();
	qsort(v, n, sizeof *v, by_value);
	return json_pack("{s:f, s:f, s:f, s:f}", "p50", (double)v[n / 2] / 1e6, "p90",
	                 (double)v[n * 9 / 10] / 1e6, "p99", (double)v[n * 99 / 100] / 1e6, "max",
	                 (double)v[n - 1] / 1e6);
}

/* How many samples were decoded in which way. */
static json_t *decode_paths_of(const struct report *r)
{
	json_t *all = json_object();
	for (size_t c = 0; c < r->n_chunks; c++) {
		for (size_t s = 0; s < r->chunks[c].n_samples; s++) {
			const char *decode_path = r->chunks[c].samples[s].decode_path;
			if (decode_path && *decode_path)
				json_object_set_new(
					all, decode_path,
					json_integer(json_integer_value(json_object_get(all, decode_path)) + 1));
		}
	}
	return all;
}

json_t *performance_of(const struct report *r)
{
	AUTO(mem_freep) int64_t *decode = mem_alloc(r->n_chunks + 1, sizeof *decode);
	AUTO(mem_freep) int64_t *engine = mem_alloc(r->n_chunks + 1, sizeof *engine);
	size_t done = 0, pictures = 0;
	int64_t prompt = 0, output = 0, cached = 0;

	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		if (c->state != CHUNK_DONE)
			continue;
		decode[done] = c->decode_time;
		engine[done++] = c->engine_time;
		prompt += c->prompt_tokens;
		output += c->output_tokens;
		cached += c->cached_tokens;
		for (size_t s = 0; s < c->n_samples; s++)
			pictures += !*c->samples[s].fault && !c->samples[s].repeated;
	}

	double wall = (double)r->wall_time / 1e6, busy = (double)r->engine_busy / 1e6;
	return json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, "
		"s:I}",
		"job", r->job, "model", r->model, "chunks", (json_int_t)r->n_chunks, "done",
		(json_int_t)done, "pictures", (json_int_t)pictures, "wall_time", wall, "frames_a_second",
		rate(wall > 0 ? (double)pictures / wall : 0), "video_a_second",
		rate(wall > 0 ? (double)(r->to - r->from) / 1e6 / wall : 0), "prefill_rate",
		rate(r->prefill_rate), "decode_rate", rate(r->decode_rate), "engine_busy",
		rate(wall > 0 ? busy / wall : 0), "prompt_tokens", (json_int_t)prompt, "output_tokens",
		(json_int_t)output, "cached_tokens", (json_int_t)cached, "decode_time",
		percentiles(decode, done), "engine_time", percentiles(engine, done), "decoder",
		decode_paths_of(r), "memory_steps", (json_int_t)r->n_steps);
}

/* ---- for advice */

static int64_t option_of(const struct report *r, const char *name)
{
	for (size_t i = 0; i < r->n_options; i++)
		if (strcmp(r->options[i].name, name) == 0)
			return strtoll(r->options[i].value, NULL, 10);
	return 0;
}

static void count_hole(const struct report_chunk *c, struct advice_facts *f)
{
	f->holes++;
	f->cut_off += c->code == HOLE_CUT_OFF;
	f->no_room += c->code == HOLE_NO_ROOM;
	if (c->code == HOLE_TIME_LIMIT) {
		f->timed_out++;
		snprintf(f->timeout, sizeof f->timeout, "%s", c->option ? c->option : "");
	}
}

static double memory_peak(struct memory *m)
{
	struct gpu_device d[GPU_MANY];
	double most = -1;
	size_t n = m ? gpu_read(memory_gpu(m), d) : 0;
	for (size_t i = 0; i < n; i++)
		if (d[i].now.total > 0 && (double)d[i].peak / (double)d[i].now.total > most)
			most = (double)d[i].peak / (double)d[i].now.total;
	return most;
}

static void blame(struct advice_facts *f, const char *name, int64_t requests, int64_t failures)
{
	/* By share, not by count: a busy endpoint fails more often than an idle
	 * one. */
	if (requests <= 0 ||
	    (f->worst.name && failures * f->worst.requests <= f->worst.failures * requests))
		return;
	f->worst.name = name;
	f->worst.requests = requests;
	f->worst.failures = failures;
}

void performance_facts(const struct report *r, struct engine *engine, struct memory *memory,
                       struct advice_facts *ret)
{
	*ret = (struct advice_facts){.chunks = r->n_chunks,
	                             .wall = r->wall_time,
	                             .engine_busy = r->engine_busy,
	                             .index = r->index.work_time,
	                             .slots = engine ? engine_slots(engine) : 4,
	                             .workers = option_of(r, "chunk.workers"),
	                             .max_tokens = option_of(r, "describe.max_tokens"),
	                             .memory_peak = memory_peak(memory),
	                             .memory_steps = r->n_steps,
	                             .quantize = engine ? engine_info(engine)->quantize : "",
	                             .cache_type = engine ? engine_info(engine)->cache_type : "",
	                             .demo_model = r->demo_model};
	for (size_t i = 0; i < r->n_endpoints; i++)
		blame(ret, r->endpoints[i].name, r->endpoints[i].requests, r->endpoints[i].failures);
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		ret->asked += (size_t)c->attempts;
		ret->decode += c->decode_time;
		ret->pictures += c->n_samples;
		if (c->state == CHUNK_HOLE)
			count_hole(c, ret);
	}
}

/* ---- of the machine */

static json_t *known(int64_t v, double factor)
{
	return v < 0 ? json_null() : json_real((double)v * factor);
}

static json_t *gpus_json(struct memory *m)
{
	struct gpu_device d[GPU_MANY];
	json_t *all = json_array();
	size_t n = m ? gpu_read(memory_gpu(m), d) : 0;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			all,
			json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "name", d[i].name, "lost",
		              d[i].now.lost, "memory_used", known(d[i].now.used, 1), "memory_total",
		              known(d[i].now.total, 1), "memory_peak", known(d[i].peak, 1), "load",
		              known(d[i].now.load, 0.01), "temperature", known(d[i].now.temperature, 1)));
	return all;
}

static int take_newest(void *ctx, const struct store_job *j)
{
	char **id = ctx;
	if (!*id)
		*id = mem_strdup(j->id);
	return 0;
}

struct performance {
	struct engine *engine;
	struct memory *memory;
	struct store *store;
	int64_t renewed;
	pthread_mutex_t lock;     /* guards what follows */
	json_t *advice, *summary; /* summary: of the newest job; null before the first */
};

struct performance *performance_new(struct engine *engine, struct memory *memory,
                                    struct store *store)
{
	struct performance *p = mem_alloc(1, sizeof *p);
	*p = (struct performance){.engine = engine,
	                          .memory = memory,
	                          .store = store,
	                          .advice = json_array(),
	                          .summary = json_null()};
	pthread_mutex_init(&p->lock, NULL);
	/* What is known before the first job: a new user should not learn only from
	 * a report that the demo model answers. */
	struct advice advice[ADVICE_MANY];
	const struct advice_facts facts = {.demo_model = engine_info(engine)->demo_model,
	                                   .memory_peak = -1,
	                                   .quantize = "",
	                                   .cache_type = ""};
	json_decref(p->advice);
	p->advice = advice_json(advice, advice_give(&facts, advice));
	return p;
}

void performance_free(struct performance *p)
{
	if (!p)
		return;
	json_decref(p->advice);
	json_decref(p->summary);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void renew(struct performance *p)
{
	AUTO(mem_freep) char *newest = NULL;
	AUTO(report_freep) struct report *report = NULL;
	struct advice advice[ADVICE_MANY];
	struct advice_facts facts;
	struct err err;
	if (store_job_each(p->store, take_newest, &newest, &err) < 0 || !newest ||
	    report_load_text(p->store, newest, REPORT_NORMAL, &report, &err) < 0)
		return;
	performance_facts(report, p->engine, p->memory, &facts);
	/* the model that answers from now on */
	facts.demo_model = engine_info(p->engine)->demo_model;
	json_t *fresh = advice_json(advice, advice_give(&facts, advice)),
		   *summary = performance_of(report);
	pthread_mutex_lock(&p->lock);
	json_decref(p->advice);
	json_decref(p->summary);
	p->advice = fresh;
	p->summary = summary;
	pthread_mutex_unlock(&p->lock);
}

void performance_add(struct performance *p, json_t *reading)
{
	int64_t forecast = engine_forecast(p->engine), now = clock_now();
	json_object_set_new(reading, "gpu", gpus_json(p->memory));
	json_object_set_new(reading, "endpoints", engine_endpoints_json(p->engine));
	json_object_set_new(reading, "memory", memory_json(p->memory, 0));
	if (forecast >= 0 && forecast != INT64_MAX)
		json_object_set_new(reading, "forecast", json_real((double)forecast / 1e6));
	if (p->renewed && now - p->renewed < ADVICE_EVERY)
		return;
	p->renewed = now;
	renew(p);
}

void performance_publish(struct performance *p, json_t *j)
{
	pthread_mutex_lock(&p->lock);
	json_t *all = json_object_get(j, "recommendations");
	json_auto_t *advice = json_deep_copy(p->advice);
	if (all)
		json_array_extend(all, advice);
	else
		json_object_set(j, "recommendations", advice);
	json_object_set_new(j, "summary", json_deep_copy(p->summary));
	pthread_mutex_unlock(&p->lock);
}
