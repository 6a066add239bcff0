/* SPDX-License-Identifier: Apache-2.0 */
#include "report/chunk-json.h"

double result_seconds(int64_t us)
{
	return (double)us / 1e6;
}

void result_events(const struct store_chunk *c, json_t *to)
{
	for (size_t i = 0; i < c->n_events; i++) {
		const struct store_event *e = &c->events[i];
		json_t *frames = json_array();
		for (size_t k = 0; k < e->n_samples; k++)
			json_array_append_new(frames, json_pack("{s:f, s:I}", "pts",
			                                        result_seconds(c->samples[e->samples[k]].pts),
			                                        "sample", (json_int_t)e->samples[k]));
		json_array_append_new(
			to, json_pack("{s:f, s:f, s:s?, s:s, s:I, s:o}", "start",
		                  result_seconds(c->samples[e->samples[0]].pts), "end",
		                  result_seconds(c->samples[e->samples[e->n_samples - 1]].pts), "subject",
		                  e->subject && *e->subject ? e->subject : NULL, "what", e->what, "chunk",
		                  (json_int_t)c->index, "frames", frames));
	}
}

json_t *result_chunk(const struct store_chunk *c)
{
	bool hole = c->state == CHUNK_HOLE;
	json_t *samples = json_array();
	for (size_t i = 0; i < c->n_samples; i++) {
		const struct store_sample *s = &c->samples[i];
		json_t *j = json_pack("{s:f, s:f, s:b}", "pts", result_seconds(s->pts), "time",
		                      result_seconds(s->time), "picture", s->thumb_len > 0);
		if (s->fault && *s->fault)
			json_object_set_new(j, "fault", json_string(s->fault));
		json_array_append_new(samples, j);
	}
	return json_pack("{s:I, s:f, s:f, s:s, s:s, s:s?, s:s?, s:I, s:o}", "index",
	                 (json_int_t)c->index, "start", result_seconds(c->start), "end",
	                 result_seconds(c->end), "state", chunk_state_name(c->state), "summary",
	                 c->summary ? c->summary : "", "reason", hole ? c->reason : NULL, "code",
	                 hole && c->code ? hole_code_name(c->code) : NULL, "attempts",
	                 (json_int_t)c->attempts, "samples", samples);
}
