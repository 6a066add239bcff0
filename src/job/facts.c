/* SPDX-License-Identifier: Apache-2.0 */
#include "job/facts.h"

#include <string.h>

#include "base/opt.h"
#include "config.h"
#include "job/prompt.h"

static json_t *options_json(const struct analyze_options *o)
{
	const struct opt_group *const groups[] = {&analyze_opt_group, &index_opt_group};
	json_t *j = json_object();
	for (size_t k = 0; k < ARRAY_LEN(groups); k++)
		for (size_t i = 0; i < groups[k]->n; i++) {
			const struct opt_row *row = &groups[k]->rows[i];
			AUTO(buf_free) struct buf text = BUF(1 << 20);
			if (!(row->flags & OPT_RESULT))
				continue;
			opt_get_text(row, o, &text);
			json_object_set_new(j, row->name, json_string(buf_str(&text)));
		}
	return j;
}

static json_t *source_json(const char *name, int64_t size, const char *sha256,
                           const struct video_info *v)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:I, s:s}", "name",
	                 name, "sha256", sha256, "size", (json_int_t)size, "container", v->container,
	                 "codec", v->codec, "pixel_format", v->pixel_format, "hdr", v->hdr, "width",
	                 v->width, "height", v->height, "rotation", v->rotation, "fps", v->fps,
	                 "duration_us", (json_int_t)v->duration, "warning", v->warning);
}

json_t *facts_make(const struct analyze_options *o, const char *name, int64_t size,
                   const char *sha256, const struct video_info *video, const struct engine_info *e,
                   const struct survey *survey)
{
	char prompts[HASH_HEX];
	prompt_hash(prompts);
	json_t *engine =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "kind", e->kind, "version", e->version,
	              "model", e->model, "model_hash", e->model_hash, "quantize", e->quantize,
	              "cache_type", e->cache_type, "demo_model", e->demo_model);
	const struct plan *plan = survey->plan;
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:I, s:I, s:o, s:O?}", "vdet_version",
	                 VDET_VERSION, "source", source_json(name, size, sha256, video), "engine",
	                 engine, "prompt_hash", prompts, "prompt", o->prompt, "options",
	                 options_json(o), "from_us", (json_int_t)plan->from, "to_us",
	                 (json_int_t)plan->to, "plan", plan_json(plan), "index", survey->seen);
}

static json_t *by_name(const json_t *list, const char *name)
{
	size_t i;
	json_t *e;
	json_array_foreach (list, i, e)
		if (strcmp(json_string_value(json_object_get(e, "name")), name) == 0)
			return e;
	return NULL;
}

static int64_t count_of(const json_t *endpoint, const char *key)
{
	return json_integer_value(json_object_get(endpoint, key));
}

void facts_count_endpoints(json_t *facts, const json_t *before, struct engine *e)
{
	static const char *const counts[] = {"requests", "failures"};
	json_auto_t *now = engine_endpoints_json(e), *sums = json_array();
	const json_t *had = json_object_get(facts, "endpoints");
	size_t i;
	json_t *endpoint;
	json_array_foreach (had, i, endpoint)
		if (json_string_value(json_object_get(endpoint, "name")))
			json_array_append_new(sums, json_deep_copy(endpoint));
	json_array_foreach (now, i, endpoint) {
		const char *name = json_string_value(json_object_get(endpoint, "name"));
		json_t *sum = by_name(sums, name), *then = by_name(before, name);
		if (!sum)
			json_array_append_new(sums, sum = json_pack("{s:s}", "name", name));
		for (size_t k = 0; k < ARRAY_LEN(counts); k++)
			json_object_set_new(sum, counts[k],
			                    json_integer(count_of(sum, counts[k]) +
			                                 count_of(endpoint, counts[k]) -
			                                 count_of(then, counts[k])));
	}
	json_object_set(facts, "endpoints", sums);
}

void facts_key(const struct analyze_options *o, const char *sha256,
               const struct engine_info *engine, int64_t duration, const struct plan *given,
               char out[static HASH_HEX])
{
	char prompts[HASH_HEX];
	AUTO(hash_freep) struct hash *h = hash_new();
	json_auto_t *options = options_json(o);
	AUTO(mem_freep) char *text = json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS);
	json_auto_t *plan = given ? plan_json(given) : json_null();
	AUTO(mem_freep)
	char *steps =
		json_dumps(plan, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	int64_t from = given ? given->from : o->from, to = given                       ? given->to
	                                                   : o->to && o->to < duration ? o->to
	                                                                               : duration;
	AUTO(mem_freep) char *range = mem_printf("%lld %lld", (long long)from, (long long)to);
	prompt_hash(prompts);
	hash_adds(h, "vdet job 2");
	hash_adds(h, sha256);
	hash_adds(h, text);
	hash_adds(h, range);
	hash_adds(h, steps);
	hash_adds(h, prompts);
	hash_adds(h, engine->model);
	hash_adds(h, engine->model_hash);
	if (*engine->cache_type && strcmp(engine->cache_type, "f16") != 0)
		hash_adds(h, engine->cache_type);
	hash_end(h, out);
}
