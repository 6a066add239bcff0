/* SPDX-License-Identifier: Apache-2.0 */
#include "job/facts.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/opt.h"
#include "config.h"
#include "job/prompt.h"

/* Values as text of the options that change the result: all of them, or those
 * that differ from their defaults. */
static json_t *options_json(const struct analyze_options *o, bool all)
{
	const struct opt_group *const groups[] = {&analyze_opt_group, &index_opt_group,
	                                          &media_opt_group};
	json_t *j = json_object();
	for (size_t k = 0; k < ARRAY_LEN(groups); k++)
		for (size_t i = 0; i < groups[k]->n; i++) {
			const struct opt_row *row = &groups[k]->rows[i];
			AUTO(buf_free) struct buf text = BUF(1 << 20);
			if (!(row->flags & OPT_RESULT) || (!all && opt_is_default(row, o)))
				continue;
			opt_get_text(row, o, &text);
			json_object_set_new(j, row->name, json_string(buf_str(&text)));
		}
	return j;
}

static json_t *source_json(const char *name, int64_t size, const char *sha256,
                           const struct video_info *v)
{
	return json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:I, s:s, s:O?, s:O?}", "name",
		name, "sha256", sha256, "size", (json_int_t)size, "container", v->container, "codec",
		v->codec, "pixel_format", v->pixel_format, "hdr", v->hdr, "width", v->width, "height",
		v->height, "rotation", v->rotation, "fps", v->fps, "duration_us", (json_int_t)v->duration,
		"warning", v->warning, "streams", v->video_streams, "gaps", v->gaps);
}

json_t *facts_make(const struct facts_input *in, const char *name, int64_t size,
                   const struct survey *survey, json_t *key)
{
	char prompts[HASH_HEX];
	const struct engine_info *e = in->engine;
	const struct plan *plan = survey->plan;
	prompt_hash(prompts);
	json_t *engine =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "kind", e->kind, "version", e->version,
	              "model", e->model, "model_hash", e->model_hash, "quantize", e->quantize,
	              "cache_type", e->cache_type, "demo_model", e->demo_model);

	json_t *facts =
		json_pack("{s:s, s:o, s:s, s:o, s:s, s:s, s:o, s:I, s:I, s:o, s:O?, s:O}", "vdet_version",
	              VDET_VERSION, "source", source_json(name, size, in->sha256, in->video),
	              "libraries", in->video->libraries, "engine", engine, "prompt_hash", prompts,
	              "prompt", in->options->prompt, "options", options_json(in->options, true),
	              "from_us", (json_int_t)plan->from, "to_us", (json_int_t)plan->to, "plan",
	              plan_json(plan), "index", survey->seen, "key", key);
	if (*survey->note)
		json_object_set_new(facts, "survey_warning", json_string(survey->note));
	return facts;
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

/* The chunks and times of a given plan, without the rest of its file: one line
 * per chunk, in microseconds. */
static void hash_plan(const struct plan *plan, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	for (size_t i = 0; i < plan->n_chunks; i++) {
		const struct plan_chunk *c = &plan->chunks[i];
		AUTO(buf_free) struct buf line = BUF(1 << 20);
		buf_addf(&line, "%" PRId64 " %" PRId64, c->start, c->end);
		for (size_t k = 0; k < c->n_times; k++)
			buf_addf(&line, " %" PRId64, c->times[k]);
		hash_adds(h, buf_str(&line));
	}
	hash_end(h, out);
}

json_t *facts_key(const struct facts_input *in, int timeline, char out[static HASH_HEX])
{
	const struct analyze_options *o = in->options;
	const struct engine_info *e = in->engine;
	int64_t to = o->to < in->video->duration ? o->to : 0;
	char prompts[HASH_HEX], plan[HASH_HEX];
	prompt_hash(prompts);
	json_t *key = json_pack("{s:s, s:i, s:I, s:I, s:o, s:s, s:s, s:s}", "source", in->sha256,
	                        "timeline", timeline, "from_us", (json_int_t)o->from, "to_us",
	                        (json_int_t)to, "options", options_json(o, false), "prompts", prompts,
	                        "model", e->model, "model_hash", e->model_hash);

	if (in->given) {
		hash_plan(in->given, plan);
		json_object_set_new(key, "plan", json_string(plan));
	}
	if (*in->reference)
		json_object_set_new(key, "reference", json_string(in->reference));
	if (*e->cache_type && strcmp(e->cache_type, "f16") != 0)
		json_object_set_new(key, "cache_type", json_string(e->cache_type));
	if (in->context)
		json_object_set_new(key, "context", json_deep_copy(in->context));
	if (e->asked && *e->asked)
		json_object_set_new(key, "asked", json_string(e->asked));

	AUTO(mem_freep) char *text = json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS);
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, text, strlen(text));
	hash_end(h, out);
	return key;
}

int facts_hash_reference(const struct analyze_options *o, struct cancel *cancel,
                         char out[static HASH_HEX], struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	out[0] = '\0';
	if (!*o->reference)
		return 0;
	int r = file_open_input(o->reference, &fd, err);
	if (r == 0)
		r = hash_fd(fd, cancel, NULL, out, err);
	return r < 0 && r != -ERR_CANCELED ? err_wrap(err, "%s", o->reference) : r;
}
