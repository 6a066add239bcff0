/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects and their edits in the JSON of the report and of the API. */
#include "base/json.h"
#include "report/text.h"

static json_t *seconds(int64_t us)
{
	return json_real((double)us / 1e6);
}

static json_t *text_or_null(const char *s)
{
	return report_is_empty(s) ? json_null() : json_string(s);
}

static json_t *subject_json(const struct report_subject *s)
{
	json_t *intervals = json_array(), *possible = json_array();
	for (size_t i = 0; i < s->n_intervals; i++)
		json_array_append_new(intervals,
		                      json_pack("{s:o, s:o}", "start", seconds(s->intervals[i].start),
		                                "end", seconds(s->intervals[i].end)));
	for (size_t i = 0; i < s->n_possible; i++)
		json_array_append_new(possible, json_integer(s->possible[i]));
	return json_pack("{s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:b}", "number", (json_int_t)s->number,
	                 "name", text_or_null(s->name), "description", s->description, "intervals",
	                 intervals, "events", json_sizes(s->events, s->n_events), "states",
	                 json_sizes(s->states, s->n_states), "possibly_same", possible,
	                 "possibly_others", (int)s->more_possible);
}

json_t *report_subjects_json(const struct report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_subjects; i++)
		json_array_append_new(all, subject_json(&r->subjects[i]));
	return all;
}

json_t *report_subject_edits_json(const struct report *r)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->n_subject_edits; i++) {
		const struct report_subject_edit *e = &r->subject_edits[i];
		json_t *frames = json_array();
		for (size_t k = 0; k < e->n_frames; k++)
			json_array_append_new(frames, seconds(e->frames[k]));
		json_array_append_new(all, json_pack("{s:s, s:o, s:s, s:o, s:b, s:o}", "kind", e->kind,
		                                     "text", text_or_null(e->text), "subject", e->subject,
		                                     "frames", frames, "applied", e->fault == NULL,
		                                     "reason", text_or_null(e->fault)));
	}
	return all;
}
