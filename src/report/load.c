/* SPDX-License-Identifier: Apache-2.0 */
/* From the journal to the report. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "report/checks.h"
#include "report/clocks.h"
#include "report/events.h"
#include "report/joins.h"
#include "report/second.h"
#include "report/subject.h"
#include "report/summary.h"

#define RANGE_MAX (INT64_C(100) * 366 * 86400 * CLOCK_SECOND)

static char *text_of(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return mem_strdup(s ? s : "");
}

static int64_t int_of(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* Of a number of seconds. */
static int64_t us_of(const json_t *j)
{
	return llround(json_number_value(j) * 1e6);
}

/* The text and the counts of a plan that was given were those of the planner
 * before the user changed it, in journals of older versions. */
static void load_given(struct report_plan *p, json_t *j, int64_t budget)
{
	*p = (struct report_plan){.given = true,
	                          .policy = text_of(j, "policy"),
	                          .text = budget ? mem_strdup("The plan was given by the user.")
	                                         : text_of(j, "text"),
	                          .samples = int_of(json_object_get(j, "sum"), "samples")};
}

static void load_missed(struct report_plan *p, json_t *j)
{
	size_t i;
	json_t *pair;
	p->missed = mem_alloc(json_array_size(j), sizeof *p->missed);
	json_array_foreach (j, i, pair)
		p->missed[p->n_missed++] =
			(struct report_stretch){us_of(json_array_get(pair, 0)), us_of(json_array_get(pair, 1))};
}

int report_missed_find(struct store *s, const char *job, struct report_stretch **ret, size_t *ret_n,
                       struct err *err)
{
	AUTO(store_job_clear) struct store_job row = {0};
	struct report_plan p = {0}; /* of which only these are loaded */
	int r = store_job_find(s, job, &row, err);
	if (r < 0)
		return r;
	json_auto_t *facts = json_loads(row.facts, 0, NULL);
	const json_t *plan = json_object_get(facts, "plan");
	load_missed(&p, json_object_get(json_object_get(plan, "sum"), "missed"));
	*ret = p.missed;
	*ret_n = p.n_missed;
	return 0;
}

static void load_plan(struct report_plan *p, json_t *j, bool given)
{
	json_t *sum = json_object_get(j, "sum");
	if (given) {
		load_given(p, j, int_of(sum, "budget"));
		return;
	}
	*p = (struct report_plan){.policy = text_of(j, "policy"),
	                          .text = text_of(j, "text"),
	                          .budget = int_of(sum, "budget"),
	                          .samples = int_of(sum, "samples"),
	                          .floor = int_of(sum, "floor"),
	                          .bursts = int_of(sum, "bursts"),
	                          .bursts_seen = int_of(sum, "bursts_seen"),
	                          .shots = int_of(sum, "shots")};
	load_missed(p, json_object_get(sum, "missed"));
}

static void load_index(struct report_index *x, json_t *j)
{
	json_t *curve = json_object_get(j, "curve");
	*x = (struct report_index){.packets = int_of(j, "packets"),
	                           .keyframes = int_of(j, "keyframes"),
	                           .decoded = int_of(j, "decoded"),
	                           .cuts = int_of(j, "cuts"),
	                           .at_keyframes = int_of(j, "keyframes_us"),
	                           .closely = int_of(j, "decoded_us"),
	                           .work_time = int_of(j, "work_us"),
	                           .n_curve = json_array_size(curve),
	                           .anomalies = json_incref(json_object_get(j, "anomalies"))};
	x->curve = mem_alloc(x->n_curve + 1, 1);
	for (size_t i = 0; i < x->n_curve; i++)
		x->curve[i] = (unsigned char)json_integer_value(json_array_get(curve, i));
}

/* The index is of the whole video, the report of a range. */
static void keep_anomalies(struct report_index *x, int64_t from, int64_t to)
{
	for (size_t i = json_array_size(x->anomalies); i-- > 0;) {
		json_t *one = json_array_get(x->anomalies, i);
		int64_t start = llround(json_number_value(json_object_get(one, "start")) * 1e6);
		int64_t end = llround(json_number_value(json_object_get(one, "end")) * 1e6);
		if (start >= to || (end <= from && start < from))
			json_array_remove(x->anomalies, i);
	}
}

/* What is wrong with the file or was assumed, also while it was indexed. */
static char *warning_of(json_t *source, json_t *facts)
{
	AUTO(mem_freep) char *file = text_of(source, "warning");
	AUTO(mem_freep) char *survey = text_of(facts, "survey_warning");
	return mem_printf("%s%s%s", file, *file && *survey ? "; " : "", survey);
}

/* As facts.h has it: no option for the stream that is the default one. */
static int stream_of(json_t *facts)
{
	json_t *options = json_object_get(json_object_get(facts, "key"), "options");
	const char *stream = json_string_value(json_object_get(options, "media.stream"));
	return stream && *stream >= '0' && *stream <= '9' ? (int)strtol(stream, NULL, 10) : -1;
}

static void load_facts(struct report *r, json_t *f)
{
	json_t *s = json_object_get(f, "source"), *e = json_object_get(f, "engine"), *value;
	const char *name;

	r->vdet_version = text_of(f, "vdet_version");
	r->source_name = text_of(s, "name");
	r->source_sha256 = text_of(s, "sha256");
	r->source_size = int_of(s, "size");
	r->source_stream = stream_of(f);
	r->container = text_of(s, "container");
	r->codec = text_of(s, "codec");
	r->pixel_format = text_of(s, "pixel_format");
	r->hdr = text_of(s, "hdr");
	r->width = (int)int_of(s, "width");
	r->height = (int)int_of(s, "height");
	r->rotation = (int)int_of(s, "rotation");
	r->fps = json_number_value(json_object_get(s, "fps"));
	r->duration = int_of(s, "duration_us");
	r->source_warning = warning_of(s, f);
	r->source_streams = json_incref(json_object_get(s, "streams"));
	r->source_gaps = json_incref(json_object_get(s, "gaps"));
	r->from = int_of(f, "from_us");
	r->to = int_of(f, "to_us");

	r->engine_kind = text_of(e, "kind");
	r->engine_version = text_of(e, "version");
	r->model = text_of(e, "model");
	r->model_hash = text_of(e, "model_hash");
	r->quantize = text_of(e, "quantize");
	r->cache_type = text_of(e, "cache_type");
	r->demo_model = json_is_true(json_object_get(e, "demo_model"));
	r->prompt_hash = text_of(f, "prompt_hash");
	r->prompt = text_of(f, "prompt");
	r->libraries = text_of(f, "libraries");

	load_plan(&r->plan, json_object_get(f, "plan"),
	          json_object_get(json_object_get(f, "key"), "plan"));
	load_index(&r->index, json_object_get(f, "index"));
	keep_anomalies(&r->index, r->from, r->to);
	json_t *options = json_object_get(f, "options");
	r->options = mem_alloc(json_object_size(options), sizeof *r->options);
	json_object_foreach (options, name, value)
		r->options[r->n_options++] =
			(struct report_option){mem_strdup(name), text_of(options, name)};
}

static struct report_endpoint *endpoint_of(struct report *r, const char *name)
{
	for (size_t i = 0; i < r->n_endpoints; i++)
		if (strcmp(r->endpoints[i].name, name) == 0)
			return &r->endpoints[i];
	r->endpoints = mem_grow(r->endpoints, r->n_endpoints + 1, sizeof *r->endpoints);
	struct report_endpoint *e = &r->endpoints[r->n_endpoints++];
	*e = (struct report_endpoint){.name = mem_strdup(name)};
	return e;
}

/* In the order of their first chunks; those without any come last. */
static void load_endpoints(struct report *r, json_t *facts)
{
	size_t i;
	json_t *value;
	for (i = 0; i < r->n_chunks; i++)
		if (r->chunks[i].state == CHUNK_DONE && *r->chunks[i].endpoint)
			endpoint_of(r, r->chunks[i].endpoint)->chunks++;
	json_array_foreach (json_object_get(facts, "endpoints"), i, value) {
		const char *name = json_string_value(json_object_get(value, "name"));
		if (!name || !int_of(value, "requests"))
			continue;
		struct report_endpoint *e = endpoint_of(r, name);
		e->requests = int_of(value, "requests");
		e->failures = int_of(value, "failures");
	}
}

static void load_job(struct report *r, struct store_job *j)
{
	r->job = TAKE(j->id);
	r->created = j->created;
	r->summary = TAKE(j->summary);
	r->summary_by_model = j->summary_by_model;
	r->summary_fallback = TAKE(j->summary_fallback);
	r->wall_time = j->wall_time;
	r->engine_busy = j->engine_busy;
}

/* The journal has no picture of such a sample for the model, but its size. */
static bool is_repeated(const struct store_sample *s, size_t i)
{
	return i && *s->fault && s->width > 0 && s->pts == s[-1].pts;
}

static void load_samples(struct report_chunk *to, struct store_chunk *from)
{
	to->samples = mem_alloc(from->n_samples, sizeof *to->samples);
	for (to->n_samples = 0; to->n_samples < from->n_samples; to->n_samples++) {
		struct store_sample *s = &from->samples[to->n_samples];
		bool repeated = is_repeated(s, to->n_samples);
		to->samples[to->n_samples] =
			(struct report_sample){.time = s->time,
		                           .pts = s->pts,
		                           .decode_path = TAKE(s->decode_path),
		                           .fault = repeated ? mem_strdup("") : TAKE(s->fault),
		                           .repeated = repeated,
		                           .thumb = TAKE(s->thumb),
		                           .thumb_len = s->thumb_len,
		                           .width = s->width,
		                           .height = s->height};
	}
}

static void load_chunk(struct report_chunk *to, struct store_chunk *from)
{
	*to = (struct report_chunk){.start = from->start,
	                            .end = from->end,
	                            .state = from->state == CHUNK_DONE ? CHUNK_DONE : CHUNK_HOLE,
	                            .summary = TAKE(from->summary),
	                            .reason = from->state == CHUNK_TODO ? mem_strdup("not done yet")
	                                                                : mem_strdup(from->reason),
	                            .attempts = (int)from->attempts,
	                            .decode_time = from->decode_time,
	                            .engine_time = from->engine_time,
	                            .prompt_tokens = from->prompt_tokens,
	                            .cached_tokens = from->cached_tokens,
	                            .output_tokens = from->output_tokens,
	                            .code = from->state == CHUNK_TODO ? HOLE_NOT_DONE : from->code,
	                            .option = TAKE(from->option),
	                            .endpoint = TAKE(from->endpoint)};
	load_samples(to, from);
}

/* Adds [start, end) without the time of the video that has no pictures. */
static void add_left_out(struct report *r, int64_t start, int64_t end)
{
	size_t i;
	json_t *gap;
	json_array_foreach (r->source_gaps, i, gap) {
		int64_t after = int_of(gap, "time_us");
		int64_t before = after - (int_of(gap, "to_us") - int_of(gap, "from_us"));
		if (json_is_true(json_object_get(gap, "closed")) || after <= start || before >= end)
			continue;
		if (before > start)
			add_left_out(r, start, before);
		start = after;
	}
	if (start >= end)
		return;
	r->left_out = mem_grow(r->left_out, r->n_left_out + 1, sizeof *r->left_out);
	r->left_out[r->n_left_out++] = (struct report_stretch){start, end};
}

/* What is in no chunk, in order. The planner leaves out only time without
 * pictures. */
static void find_left_out(struct report *r)
{
	int64_t at = r->from;
	for (size_t i = 0; r->plan.given && i < r->n_chunks; i++) {
		add_left_out(r, at, r->chunks[i].start);
		at = r->chunks[i].end > at ? r->chunks[i].end : at;
	}
	if (r->plan.given)
		add_left_out(r, at, r->to);
	r->complete &= !r->n_left_out;
}

struct parts {
	struct report_part *items;
	size_t n, cap;
};

/* A journal that was changed by others may name what does not exist. */
static bool is_sound(const struct report *r, const struct store_chunk *c)
{
	for (size_t i = 0; i < c->n_events; i++) {
		const struct store_event *e = &c->events[i];
		for (size_t k = 0; k < e->n_samples; k++)
			if (e->samples[k] >= c->n_samples)
				return false;
		if (!e->n_samples)
			return false;
	}
	return r->from >= 0 && r->to >= r->from && r->to <= RANGE_MAX;
}

static void load_parts(struct parts *all, struct report *r, struct report_verdicts *verdicts,
                       size_t chunk, struct store_chunk *from)
{
	const struct report_chunk *c = &r->chunks[chunk];
	for (size_t i = 0; i < from->n_events; i++) {
		struct store_event *e = &from->events[i];
		all->items = mem_room(all->items, all->n, &all->cap, sizeof *all->items);
		all->items[all->n++] =
			(struct report_part){.start = c->samples[e->samples[0]].pts,
		                         .end = c->samples[e->samples[e->n_samples - 1]].pts,
		                         .subject = TAKE(e->subject),
		                         .what = TAKE(e->what),
		                         .quote = TAKE(e->quote),
		                         .chunk = chunk,
		                         .index = i,
		                         .samples = TAKE(e->samples),
		                         .n_samples = e->n_samples,
		                         .check = report_check_take(verdicts, r, from->index, (int64_t)i)};
	}
}

static void load_chunks(struct report *r, struct report_verdicts *verdicts,
                        struct store_chunk *chunks, size_t n, const json_t *joins)
{
	struct parts parts = {0};
	double prefill = 0, decode = 0;
	size_t rates = 0;
	r->complete = true;
	r->chunks = mem_alloc(n, sizeof *r->chunks);
	for (size_t i = 0; i < n; i++) {
		load_chunk(&r->chunks[i], &chunks[i]);
		r->n_chunks = i + 1;
		load_parts(&parts, r, verdicts, i, &chunks[i]);
		r->complete &= chunks[i].state == CHUNK_DONE;
		if (chunks[i].decode_rate > 0) {
			prefill += chunks[i].prefill_rate;
			decode += chunks[i].decode_rate;
			rates++;
		}
		store_chunk_clear(&chunks[i]);
	}
	if (rates) {
		r->prefill_rate = prefill / (double)rates;
		r->decode_rate = decode / (double)rates;
	}
	report_events_set(r, parts.items, parts.n, joins);
	for (size_t i = 0; i < r->n_withdrawn; i++)
		r->chunks[r->withdrawn[i].parts[0].chunk].withdrawn++;
	free(parts.items);
}

static int load(struct store *s, const char *id, enum store_detail what, enum report_detail detail,
                struct report **ret, struct err *err)
{
	AUTO(store_job_clear) struct store_job job = {0};
	struct store_chunk *chunks = NULL;
	size_t n = 0;
	int r = store_job_find(s, id, &job, err);
	if (r == 0)
		r = store_chunks_load(s, job.id, what, &chunks, &n, err);
	if (r < 0)
		return r;
	AUTO(report_freep) struct report *report = mem_alloc(1, sizeof *report);
	json_auto_t *facts = json_loads(job.facts, 0, NULL);
	report->detail = detail;
	AUTO(report_verdicts_clear) struct report_verdicts verdicts = {0};
	load_facts(report, facts);
	load_job(report, &job);
	report->second_pass = json_object_get(facts, REPORT_SECOND_PASS);
	bool sound = json_is_object(facts);
	for (size_t i = 0; i < n; i++)
		sound &= is_sound(report, &chunks[i]);
	for (size_t i = 0; i < n && !sound; i++)
		store_chunk_clear(&chunks[i]);
	r = sound ? report_checks_load(s, report->job, json_object_get(facts, "checks"), report,
	                               &verdicts, err)
	          : err_set(err, ERR_FORMAT,
	                    "the journal of job %s is damaged: it has no facts that can be read, or "
	                    "names frames or times that do not exist; analyze the video again with "
	                    "--fresh",
	                    report->job);
	load_chunks(report, &verdicts, chunks, sound ? n : 0, json_object_get(facts, REPORT_JOINS));
	find_left_out(report);
	load_endpoints(report, facts);
	report->twice = int_of(json_object_get(facts, "twice"), "chunks");
	report->different = int_of(json_object_get(facts, "twice"), "different");
	report_summary_set(report, job.sentences,
	                   json_string_value(json_object_get(facts, REPORT_SUMMARY_WITHOUT)));
	free(chunks);
	if (r == 0)
		r = store_steps_load(s, report->job, &report->steps, &report->n_steps, err);
	if (r == 0)
		r = store_transcript_load(s, report->job, &report->said, err);
	if (r == 0)
		r = report_clock_load(s, report, err);
	if (r == 0)
		r = report_seconds_load(s, report, err);
	if (r == 0)
		r = report_subjects_load(s, report, err);
	if (r < 0)
		return r;
	*ret = TAKE(report);
	return 0;
}

int report_load(struct store *s, const char *id, enum report_detail detail, struct report **ret,
                struct err *err)
{
	return load(s, id, STORE_ALL, detail, ret, err);
}

int report_load_text(struct store *s, const char *id, enum report_detail detail,
                     struct report **ret, struct err *err)
{
	return load(s, id, STORE_TEXT, detail, ret, err);
}
