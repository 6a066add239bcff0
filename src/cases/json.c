/* SPDX-License-Identifier: Apache-2.0 */
/* case.json: docs/case.schema.json describes it. What differs between two runs
 * of which the second did nothing is under "run" only. */
#include <jansson.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cases/writers.h"

#define FORMAT "vdet-case/1"

static json_t *seconds(int64_t us)
{
	return json_real((double)us / 1e6);
}

static json_t *string_or_null(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static json_t *time_json(int64_t unix_us)
{
	char text[CLOCK_TEXT_MAX];
	return json_string(case_iso(unix_us, text));
}

static json_t *names_json(const struct case_video *v)
{
	json_t *all = json_array();
	for (size_t i = 0; i < v->n_same; i++)
		json_array_append_new(all, json_pack("{s:s, s:b, s:b}", "name", v->same[i].name, "missing",
		                                     (int)v->same[i].missing, "replaced",
		                                     (int)v->same[i].replaced));
	return all;
}

static json_t *holes_json(const struct case_video *v)
{
	json_t *all = json_array();
	for (size_t i = 0; i < v->n_holes; i++) {
		const struct case_hole *h = &v->holes[i];
		json_array_append_new(all, json_pack("{s:o, s:o, s:I, s:s}", "start", seconds(h->start),
		                                     "end", seconds(h->end), "chunk", (json_int_t)h->chunk,
		                                     "reason", h->reason));
	}
	return all;
}

static json_t *left_out_json(const struct case_video *v)
{
	json_t *all = json_array();
	for (size_t i = 0; i < v->n_left_out; i++)
		json_array_append_new(all, json_pack("{s:o, s:o}", "start", seconds(v->left_out[i].start),
		                                     "end", seconds(v->left_out[i].end)));
	return all;
}

static json_t *summary_json(const char *text, bool by_model, const char *list)
{
	return json_pack("{s:s, s:s}", "text", text, "by", by_model ? "model" : list);
}

static json_t *anomalies_json(const struct case_video *v)
{
	json_t *all = json_array();
	for (size_t i = 0; i < v->n_anomalies; i++) {
		const struct case_anomaly *a = &v->anomalies[i];
		json_array_append_new(all, json_pack("{s:s, s:o, s:o, s:s}", "kind", a->kind, "start",
		                                     seconds(a->start), "end", seconds(a->end), "text",
		                                     a->text));
	}
	return all;
}

/* What its analysis found. */
static json_t *result_json(const struct case_video *v)
{
	return json_pack(
		"{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "job",
		string_or_null(v->job), "report", string_or_null(v->link), "complete", (int)v->complete,
		"range",
		*v->job ? json_pack("{s:o, s:o}", "from", seconds(v->from), "to", seconds(v->to))
				: json_null(),
		"left_out", left_out_json(v), "described", seconds(v->described), "fault",
		string_or_null(v->fault), "summary",
		*v->job ? summary_json(v->summary, v->summary_by_model, "timeline") : json_null(), "events",
		(json_int_t)v->n_events, "states", (json_int_t)v->n_states, "holes", holes_json(v),
		"anomalies", anomalies_json(v), "warning", string_or_null(v->warning));
}

static json_t *video_json(const struct case_video *v)
{
	json_auto_t *result = result_json(v);
	json_t *j = json_pack(
		"{s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:s, s:o}", "name", v->name, "same",
		names_json(v), "missing", (int)v->missing, "replaced", (int)v->replaced, "other_options",
		(int)v->other_options, "sha256", string_or_null(v->sha256), "stream",
		v->stream < 0 ? json_null() : json_integer(v->stream), "start", time_json(v->start),
		"clock", v->clock == STORE_CLOCK_METADATA ? "metadata" : "file", "duration",
		seconds(v->duration));
	json_object_update(j, result);
	return j;
}

static json_t *videos_json(const struct case_report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_videos; i++)
		json_array_append_new(all, video_json(&r->videos[i]));
	return all;
}

static json_t *event_json(const struct case_report *r, size_t video, const struct case_event *e)
{
	json_t *number = e->number ? json_integer(e->number) : json_null();
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:o, s:o}", "time",
	                 time_json(case_time(&r->videos[video], e->start)), "video", (json_int_t)video,
	                 "start", seconds(e->start), "end", seconds(e->end), "subject",
	                 string_or_null(e->subject), "subject_number", number, "subject_name",
	                 string_or_null(e->name), "what", e->what, "chunk", (json_int_t)e->chunk,
	                 "sample", (json_int_t)e->sample, "pts", seconds(e->pts), "verdict",
	                 string_or_null(e->verdict));
}

static json_t *events_json(const struct case_report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_moments; i++) {
		const struct case_moment *m = &r->moments[i];
		json_array_append_new(all, event_json(r, m->video, &r->videos[m->video].events[m->event]));
	}
	return all;
}

static json_t *withdrawn_json(const struct case_report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_videos; i++)
		for (size_t k = 0; k < r->videos[i].n_withdrawn; k++) {
			const struct case_event *e = &r->videos[i].withdrawn[k];
			json_t *j = event_json(r, i, e);
			json_object_set_new(j, "says", string_or_null(e->says));
			json_array_append_new(all, j);
		}
	return all;
}

static json_t *subjects_json(const struct case_report *r)
{
	size_t n;
	struct case_subject *subjects = case_subjects(r, &n);
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *sights = json_array();
		for (size_t k = 0; k < subjects[i].n_sights; k++) {
			const struct case_sight *s = &subjects[i].sights[k];
			const struct case_video *v = &r->videos[s->video];
			json_array_append_new(sights,
			                      json_pack("{s:I, s:I, s:o}", "video", (json_int_t)s->video,
			                                "events", (json_int_t)s->events, "first",
			                                time_json(case_time(v, v->events[s->first].start))));
		}
		json_array_append_new(all, json_pack("{s:s, s:b, s:I, s:o}", "subject", subjects[i].text,
		                                     "named", (int)subjects[i].named, "events",
		                                     (json_int_t)subjects[i].events, "videos", sights));
	}
	case_subjects_free(subjects, n);
	return all;
}

static json_t *files_json(const struct case_files *f)
{
	json_t *all = json_array();
	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(
			all, json_pack("{s:s, s:s}", "name", f->items[i].name, "reason", f->items[i].reason));
	return all;
}

static json_t *totals_json(const struct case_report *r, const struct case_sums *s)
{
	const struct {
		const char *name;
		size_t n;
	} counts[] = {
		{"videos", r->n_videos},
		{"analyzed", s->analyzed},
		{"complete", s->complete},
		{"missing", s->missing},
		{"other_options", s->other_options},
		{"replaced", s->replaced},
		{"partial", s->partial},
		{"events", s->events},
		{"states", s->states},
		{"holes", s->holes},
		{"withdrawn", s->withdrawn},
		{"anomalies", s->anomalies},
		{"faults", r->faults.n},
		{"skipped", r->skipped.n},
		{"others", r->n_others},
		{"links", r->n_links},
	};
	json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o}", "duration", seconds(s->duration), "range",
	                      seconds(s->analyzed_time), "described", seconds(s->described), "lost",
	                      seconds(s->lost), "left_out", seconds(s->left_out_time));
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		json_object_set_new(j, counts[i].name, json_integer((json_int_t)counts[i].n));
	return j;
}

json_t *case_sentences_json(const struct case_report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_sentences; i++) {
		const struct story_sentence *s = &r->sentences[i];
		json_array_append_new(all, json_pack("{s:s, s:o}", "text", s->text, "events",
		                                     json_sizes(s->entries, s->n_entries)));
	}
	return all;
}

static int dump_to_buf(const char *data, size_t len, void *out)
{
	return buf_add(out, data, len) < 0 ? -1 : 0;
}

int case_json(const struct case_report *r, struct buf *out, struct err *err)
{
	json_t *summary = summary_json(r->summary, r->summary_by_model, "list");
	struct case_sums sums;
	struct case_lack lacks[CASE_LACKS_MAX];
	case_sum(r, &sums);
	json_object_set_new(summary, "fallback_reason", string_or_null(r->summary_fallback));
	json_object_set_new(summary, "sentences", case_sentences_json(r));
	json_auto_t *j = json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o}}",
		"format", FORMAT, "vdet_version", r->vdet_version, "case", "id", r->id, "title", r->title,
		"complete", (int)!case_lacks(r, &sums, lacks), "demo_model", (int)r->demo_model, "totals",
		totals_json(r, &sums), "summary", summary, "videos", videos_json(r), "events",
		events_json(r), "withdrawn", withdrawn_json(r), "subjects", subjects_json(r), "faults",
		files_json(&r->faults), "skipped", files_json(&r->skipped), "others",
		files_json(&r->others), "run", "created", time_json(r->created));
	if (!j)
		return err_set(err, ERR_INTERNAL, "cannot build the report of the case as JSON");
	int e = json_dump_callback(j, dump_to_buf, out, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	buf_adds(out, "\n");
	if (buf_check(out, "case.json", err) < 0)
		return -ERR_LIMIT;
	return e < 0 ? err_set(err, ERR_INTERNAL, "cannot write the report of the case as JSON") : 0;
}
