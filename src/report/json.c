/* SPDX-License-Identifier: Apache-2.0 */
/* report.json: docs/report.schema.json describes it. Keys are in a fixed order,
 * and what differs between two runs of the same job is under "run" only, so
 * that reports can be compared byte for byte without it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/text.h"
#include "report/checks.h"
#include "report/clocks.h"
#include "report/said.h"
#include "report/second.h"
#include "report/text.h"

#define FORMAT "vdet-report/2"

/* Exact to the microsecond for ten years: a double holds 15 decimal digits,
 * which is what is printed. */
static json_t *seconds(int64_t us)
{
	return json_real((double)us / 1e6);
}

static json_t *number_or_null(double v)
{
	return v > 0 && isfinite(v) ? json_real(v) : json_null();
}

static json_t *string(const char *s)
{
	json_t *j = json_string(s ? s : "");
	if (j)
		return j;
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2); /* not UTF-8 after all */
	text_utf8(&b, s, strlen(s));
	return json_string(buf_str(&b));
}

static json_t *string_or_null(const char *s)
{
	return report_is_empty(s) ? json_null() : string(s);
}

/* A copy of the list in which times are in seconds, and named so. */
static json_t *list_in_seconds(const json_t *from)
{
	static const char *const times[][2] = {
		{"time_us", "time"}, {"from_us", "from"}, {"to_us", "to"}, {"duration_us", "duration"}};
	json_t *list = from ? json_deep_copy(from) : json_array(), *item;
	size_t i;
	json_array_foreach (list, i, item)
		for (size_t k = 0; k < ARRAY_LEN(times); k++) {
			const json_t *us = json_object_get(item, times[k][0]);
			if (!us)
				continue;
			json_object_set_new(item, times[k][1], seconds(json_integer_value(us)));
			json_object_del(item, times[k][0]);
		}
	return list;
}

static json_t *source_json(const struct report *r)
{
	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o}",
	                 "name", string(r->source_name), "sha256", string_or_null(r->source_sha256),
	                 "size", (json_int_t)r->source_size, "container", string(r->container), "codec",
	                 string(r->codec), "pixel_format", string_or_null(r->pixel_format), "hdr",
	                 string_or_null(r->hdr), "width", r->width, "height", r->height, "rotation",
	                 r->rotation, "fps", number_or_null(r->fps), "duration", seconds(r->duration),
	                 "warning", string_or_null(r->source_warning), "streams",
	                 list_in_seconds(r->source_streams), "gaps", list_in_seconds(r->source_gaps));
}

static json_t *engine_json(const struct report *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "kind", string(r->engine_kind),
	                 "version", string_or_null(r->engine_version), "model", string(r->model),
	                 "model_hash", string_or_null(r->model_hash), "quantize",
	                 string_or_null(r->quantize), "cache_type", string_or_null(r->cache_type),
	                 "demo_model", (int)r->demo_model);
}

static json_t *options_json(const struct report *r)
{
	json_t *o = json_object();
	for (size_t i = 0; i < r->n_options; i++)
		json_object_set_new(o, r->options[i].name, string(r->options[i].value));
	return o;
}

static json_t *plan_sum_json(const struct report_plan *p)
{
	if (report_is_empty(p->policy))
		return json_null();
	json_t *missed = json_array();
	for (size_t i = 0; i < p->n_missed; i++)
		json_array_append_new(missed, json_pack("{s:o, s:o}", "start", seconds(p->missed[i].start),
		                                        "end", seconds(p->missed[i].end)));
	return json_pack("{s:o, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "policy",
	                 string(p->policy), "given", (int)p->given, "text", string(p->text), "budget",
	                 (json_int_t)p->budget, "samples", (json_int_t)p->samples, "floor",
	                 (json_int_t)p->floor, "bursts", (json_int_t)p->bursts, "bursts_seen",
	                 (json_int_t)p->bursts_seen, "missed", missed, "shots", (json_int_t)p->shots);
}

static json_t *index_sum_json(const struct report_index *x)
{
	if (!x->packets)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:O*}", "packets", (json_int_t)x->packets,
	                 "keyframes", (json_int_t)x->keyframes, "decoded", (json_int_t)x->decoded,
	                 "cuts", (json_int_t)x->cuts, "at_keyframes", seconds(x->at_keyframes),
	                 "closely", seconds(x->closely), "anomalies", x->anomalies);
}

static json_t *coverage_json(const struct report_sums *s)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "samples", (json_int_t)s->seen,
	                 "mean_gap", s->seen ? seconds(s->mean_gap) : json_null(), "max_gap",
	                 s->seen ? seconds(s->max_gap) : json_null(), "max_gap_start",
	                 s->seen ? seconds(s->max_gap_start) : json_null(), "faults",
	                 (json_int_t)s->faults, "repeated", (json_int_t)s->repeated, "described",
	                 seconds(s->described), "lost", seconds(s->lost));
}

static json_t *sample_json(const struct report_sample *s)
{
	json_t *j =
		json_pack("{s:o, s:o, s:o, s:i, s:i}", "time", seconds(s->time), "pts", seconds(s->pts),
	              "rung", string(s->decode_path), "width", s->width, "height", s->height);
	if (!report_is_empty(s->fault))
		json_object_set_new(j, "fault", string(s->fault));
	if (s->repeated)
		json_object_set_new(j, "repeated", json_true());
	return j;
}

static json_t *chunks_json(const struct report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		json_t *samples = json_array();
		for (size_t k = 0; k < c->n_samples; k++)
			json_array_append_new(samples, sample_json(&c->samples[k]));
		json_array_append_new(
			all,
			json_pack("{s:I, s:o, s:o, s:s, s:o, s:I, s:o, s:o, s:i, s:I, s:I, s:o*}", "index",
		              (json_int_t)i, "start", seconds(c->start), "end", seconds(c->end), "state",
		              c->state == CHUNK_HOLE ? "hole" : "done", "summary", string(c->summary),
		              "withdrawn", (json_int_t)c->withdrawn, "reason",
		              c->state == CHUNK_HOLE ? string(c->reason) : json_null(), "samples", samples,
		              "attempts", c->attempts, "prompt_tokens", (json_int_t)c->prompt_tokens,
		              "output_tokens", (json_int_t)c->output_tokens, "second_pass",
		              report_second_json(&c->second)));
	}
	return all;
}

static json_t *frames_json(const struct report *r, const struct report_part *p)
{
	json_t *frames = json_array();
	for (size_t k = 0; k < p->n_samples; k++) {
		const struct report_sample *s = report_evidence(r, p, k);
		if (s)
			json_array_append_new(frames, json_pack("{s:o, s:I}", "pts", seconds(s->pts), "sample",
			                                        (json_int_t)p->samples[k]));
	}
	return frames;
}

static json_t *numbers(const double *p, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_real(p[i]));
	return all;
}

static json_t *check_json(const struct report_check *c)
{
	if (c->verdict == VERDICT_NONE)
		return json_null();
	const char letter[] = {c->letter == '-' ? '\0' : c->letter, '\0'};
	bool known = c->p[0] + c->p[1] + c->p[2] > 0;
	json_t *times = json_array();
	for (size_t i = 0; i < c->n_frames; i++)
		json_array_append_new(times, seconds(c->frames[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "verdict", check_verdict_name(c->verdict),
	                 "answer", string_or_null(letter), "says", string_or_null(report_check_says(c)),
	                 "probabilities", known ? numbers(c->p, ARRAY_LEN(c->p)) : json_null(),
	                 "reason", string_or_null(c->reason), "frames", times);
}

/* What joined a part to the one before. */
static json_t *joined_by(const struct report_event *e, size_t part)
{
	return part == 0 ? json_null() : json_string(e->parts[part].by_model ? "model" : "rules");
}

static json_t *event_json(const struct report *r, const struct report_event *e)
{
	json_t *parts = json_array();
	for (size_t i = 0; i < e->n_parts; i++) {
		const struct report_part *p = &e->parts[i];
		json_array_append_new(parts, json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "start",
		                                       seconds(p->start), "end", seconds(p->end), "what",
		                                       string(p->what), "quote", string_or_null(p->quote),
		                                       "chunk", (json_int_t)p->chunk, "frames",
		                                       frames_json(r, p), "joined_by", joined_by(e, i),
		                                       "check", check_json(&p->check)));
	}
	json_t *number = e->subject ? json_integer(e->subject->number) : json_null();
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "start", seconds(e->start), "end",
		seconds(e->end), "clock", report_clock_at_json(r, e->start), "subject",
		string_or_null(report_subject(e)), "subject_number", number, "what", string(e->what),
		"chunk", (json_int_t)e->parts[0].chunk, "frames", frames_json(r, &e->parts[0]), "parts",
		parts, "verdict", string_or_null(report_event_verdict(e)));
}

json_t *report_events_json(const struct report *r, const struct report_event *events, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, event_json(r, &events[i]));
	return all;
}

static json_t *share_json(size_t wrong, size_t of)
{
	double low, high;
	check_interval(wrong, of, &low, &high);
	return json_pack("{s:I, s:I, s:f, s:f}", "wrong", (json_int_t)wrong, "controls", (json_int_t)of,
	                 "low", low, "high", high);
}

json_t *report_checks_json(const struct report *r)
{
	const struct report_checks *c = &r->checks;
	json_t *able =
		c->ability == CHECK_UNKNOWN ? json_null() : json_boolean(c->ability == CHECK_ABLE);
	return json_pack(
		"{s:o, s:o, s:{s:I, s:I, s:I, s:I}, s:{s:o, s:o, s:I, s:i}, s:{s:f, s:f, s:f}}", "mode",
		string(c->mode ? c->mode : "none"), "model_can_check", able, "counts", "shown",
		(json_int_t)c->counts[VERDICT_SHOWN], "unsure", (json_int_t)c->counts[VERDICT_UNSURE],
		"withdrawn", (json_int_t)c->counts[VERDICT_WITHDRAWN], "unchecked",
		(json_int_t)c->counts[VERDICT_UNCHECKED], "controls", "false_yes",
		share_json(c->controls.false_yes, c->controls.no), "false_no",
		share_json(c->controls.false_no, c->controls.yes), "silent", (json_int_t)c->controls.silent,
		"needed", 2 * CHECK_CONTROLS, "thresholds", "shown", CHECK_SHOWN, "withdrawn",
		CHECK_WITHDRAWN, "error", CHECK_ERROR_MOST);
}

static json_t *hole_json(size_t i, const struct report_chunk *c)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "chunk", (json_int_t)i, "start",
	                 seconds(c->start), "end", seconds(c->end), "reason", string(c->reason), "code",
	                 string_or_null(hole_code_name(c->code)), "option", string_or_null(c->option));
}

static json_t *holes_json(const struct report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_chunks; i++)
		if (r->chunks[i].state == CHUNK_HOLE)
			json_array_append_new(all, hole_json(i, &r->chunks[i]));
	return all;
}

static json_t *left_out_json(const struct report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_left_out; i++)
		json_array_append_new(all, json_pack("{s:o, s:o}", "start", seconds(r->left_out[i].start),
		                                     "end", seconds(r->left_out[i].end)));
	return all;
}

static json_t *endpoints_json(const struct report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_endpoints; i++) {
		const struct report_endpoint *e = &r->endpoints[i];
		json_array_append_new(all,
		                      json_pack("{s:o, s:I, s:I, s:I}", "name", string(e->name), "chunks",
		                                (json_int_t)e->chunks, "requests", (json_int_t)e->requests,
		                                "failures", (json_int_t)e->failures));
	}
	return all;
}

static json_t *steps_json(const struct report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_steps; i++) {
		char time[CLOCK_TEXT_MAX];
		json_array_append_new(
			all, json_pack("{s:s, s:o, s:o}", "time", clock_iso(r->steps[i].time, time), "what",
		                   string(r->steps[i].what), "why", string(r->steps[i].why)));
	}
	return all;
}

/* What differs between runs of the same job. How much of a prompt the engine
 * had cached varies, too. */
static json_t *run_json(const struct report *r, const struct report_sums *s)
{
	char created[CLOCK_TEXT_MAX];
	json_t *chunks = json_array();
	for (size_t i = 0; i < r->n_chunks; i++)
		json_array_append_new(chunks, json_pack("{s:o, s:o, s:I, s:o}", "decode_time",
		                                        seconds(r->chunks[i].decode_time), "engine_time",
		                                        seconds(r->chunks[i].engine_time), "cached_tokens",
		                                        (json_int_t)r->chunks[i].cached_tokens, "endpoint",
		                                        string_or_null(r->chunks[i].endpoint)));
	return json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:{s:I, s:I}, s:o}", "job",
		string(r->job), "created", clock_iso(r->created, created), "wall_time",
		seconds(r->wall_time), "engine_busy", seconds(r->engine_busy), "index_time",
		seconds(r->index.work_time), "decode_time", seconds(s->decode_time), "engine_time",
		seconds(s->engine_time), "prefill_rate", number_or_null(r->prefill_rate), "decode_rate",
		number_or_null(r->decode_rate), "cached_tokens", (json_int_t)s->cached_tokens, "endpoints",
		endpoints_json(r), "steps", steps_json(r), "twice", "chunks", (json_int_t)r->twice,
		"different", (json_int_t)r->different, "chunks", chunks);
}

static json_t *sentences_json(const struct story_section *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->n; i++) {
		const struct story_sentence *one = &s->sentences[i];
		json_array_append_new(all, json_pack("{s:o, s:o}", "text", string(one->text), "events",
		                                     json_sizes(one->entries, one->n_entries)));
	}
	return all;
}

static json_t *summary_json(const struct report *r)
{
	json_t *sections = json_array();
	for (size_t i = 0; i < r->sentences.n_sections; i++) {
		const struct story_section *s = &r->sentences.sections[i];
		json_array_append_new(sections, json_pack("{s:o, s:o, s:o, s:o}", "start",
		                                          seconds(s->start), "end", seconds(s->end),
		                                          "fallback_reason", string_or_null(s->fallback),
		                                          "sentences", sentences_json(s)));
	}
	return json_pack("{s:o, s:s, s:o, s:o, s:o}", "text", string(r->summary), "by",
	                 r->summary_by_model ? "model" : "timeline", "fallback_reason",
	                 string_or_null(r->summary_fallback), "sentences",
	                 sentences_json(&r->sentences.whole), "sections", sections);
}

static int dump_to_buf(const char *data, size_t len, void *out)
{
	return buf_add(out, data, len) < 0 ? -1 : 0;
}

int report_json(const struct report *r, struct buf *out, struct err *err)
{
	static const struct said_choice all = {"all", SAID_ALL};
	struct report_sums s;
	report_sum(r, &s);
	json_t *j = json_pack(
		"{s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"format", FORMAT, "vdet_version", string(r->vdet_version), "complete", (int)r->complete,
		"source", source_json(r), "analysed",
		json_pack("{s:o, s:o}", "from", seconds(r->from), "to", seconds(r->to)), "engine",
		engine_json(r), "prompt",
		json_pack("{s:o, s:o}", "hash", string_or_null(r->prompt_hash), "text",
	              string_or_null(r->prompt)),
		"options", options_json(r), "libraries", string_or_null(r->libraries), "plan",
		plan_sum_json(&r->plan), "index", index_sum_json(&r->index), "summary", summary_json(r),
		"coverage", coverage_json(&s), "chunks", chunks_json(r), "events",
		report_events_json(r, r->events, r->n_events), "states",
		report_events_json(r, r->states, r->n_states), "withdrawn",
		report_events_json(r, r->withdrawn, r->n_withdrawn), "subjects", report_subjects_json(r),
		"subject_edits", report_subject_edits_json(r), "checks", report_checks_json(r), "said",
		report_said_json(&r->said, &all), "said_sources", report_said_sources_json(&r->said, &all),
		"written", report_written_json(&r->said, &all), "written_sources",
		report_written_sources_json(&r->said, &all), "dropped",
		report_dropped_json(&r->said, &all, r->detail == REPORT_ALL), "clock", report_clock_json(r),
		"holes", holes_json(r), "left_out", left_out_json(r), "tokens",
		json_pack("{s:I, s:I}", "prompt", (json_int_t)s.prompt_tokens, "output",
	              (json_int_t)s.output_tokens),
		"run", run_json(r, &s));

	if (!j)
		return err_set(err, ERR_INTERNAL, "cannot build the report as JSON");
	int e = json_dump_callback(j, dump_to_buf, out, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	json_decref(j);
	buf_adds(out, "\n");
	if (buf_check(out, "report.json", err) < 0)
		return -ERR_LIMIT;
	return e < 0 ? err_set(err, ERR_INTERNAL, "cannot write the report as JSON") : 0;
}
