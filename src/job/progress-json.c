/* SPDX-License-Identifier: Apache-2.0 */
#include "job/progress-json.h"

#include <math.h>

#include "base/clock.h"
#include "report/chunk-json.h"

typedef const struct message_field fields[];

static fields video_fields = {
	{"video", "integer", "number, from 1"},
	{"videos", "integer", "how many the case has"},
	{"name", "string", "as the report of the case shows it"},
	{0},
};
static fields source_fields = {
	{"name", "string", "file name, or the path with `--report-full-path`"},
	{"duration", "number", "of the video, seconds"},
	{"width", "integer", "pixels"},
	{"height", "integer", "pixels"},
	{"codec", "string", "of the video stream"},
	{"fps", "number", "frames per second; 0 if unknown"},
	{"warning", "string", "what is wrong with the file; empty if nothing"},
	{0},
};
static fields phase_fields = {
	{"phase", "string",
     "`starting`, `opening`, `hashing`, `engine`, `index`, `chunks`, `texts`, `joining`, "
     "`checking`, `second-pass`, `summary`, `report`, `preview`, `selftest`, `asking` or "
     "`vectors`"},
	{"detail", "string", "for people; may be empty"},
	{0},
};
static fields hash_fields = {{"sha256", "string", "of the source, hexadecimal"}, {0}};
static fields begin_fields = {
	{"job", "string", "id in the journal, as in `vdet jobs`"},
	{"states", "string", "one letter per chunk: `.` to do, `r` running, `d` done, `h` hole"},
	{0},
};
static fields chunk_fields = {
	{"chunk", "integer", "number, from 1"},
	{"chunks", "integer", "how many there are; an estimate while the plan grows"},
	{"state", "string", "`running`, `decoding`, `queued`, `prefill`, `answer`, `done` or `hole`"},
	{"start", "number", "in the video, seconds"},
	{"end", "number", "in the video, seconds"},
	{0},
};
static fields result_fields = {
	{"chunk", "integer", "number, from 1"},
	{"state", "string", "`done` or `hole`"},
	{"summary", "string", "empty for a hole"},
	{"reason", "string|null", "why the chunk is a hole"},
	{"events", "[#Event]", "found in this chunk"},
	{0},
};
static fields progress_fields = {
	{"phase", "string", "as in `phase`"},
	{"detail", "string", "as in `phase`"},
	{"done", "integer", "finished chunks, holes included"},
	{"chunks", "integer", "as in `chunk`"},
	{"planned", "boolean", "whether that number is final"},
	{"holes", "integer", "among the finished chunks"},
	{"fraction", "number", "0 to 1"},
	{"left", "number|null", "seconds; null while unknown"},
	{"prefill_rate", "number", "tokens per second of the last answers; 0 if unknown"},
	{"decode_rate", "number", "tokens per second of the last answers; 0 if unknown"},
	{"active", "[object]",
     "running chunks: `chunk`, `state`, `done` and `total` (frames or tokens), `left`"},
	{0},
};
static fields report_fields = {
	{"job", "string", "id in the journal"},
	{"dir", "string", "folder of the report, absolute"},
	{"chunks", "integer", "of the video"},
	{"holes", "integer", "among them"},
	{"resumed", "integer", "chunks that an earlier run had finished"},
	{0},
};
static fields case_fields = {
	{"case", "string", "id of the case"},
	{"dir", "string", "folder of the report, absolute"},
	{"videos", "integer", "of the case"},
	{"before", "integer", "videos that earlier runs had completed"},
	{"failed", "integer", "files that failed in this run"},
	{"skipped", "integer", "files that are still changing: the next run takes them"},
	{"complete", "boolean", "as in case.json"},
	{0},
};
static fields error_fields = {
	{"file", "string?", "its name; missing if the whole command failed"},
	{"code", "string", "a stable word, such as `engine` or `no-space`"},
	{"message", "string", "for people"},
	{0},
};
static fields end_fields = {{"exit", "integer", "exit code of the command"}, {0}};

const struct message_type progress_messages[PROGRESS_EVENT_TYPES] = {
	[PROGRESS_VIDEO] = {"video", "The next video of a case.", video_fields, NULL, NULL},
	[PROGRESS_SOURCE] = {"source", "A file was probed.", source_fields, NULL, NULL},
	[PROGRESS_PHASE] = {"phase", "The phase or its detail changed.", phase_fields, NULL, NULL},
	[PROGRESS_HASH] = {"hash", "The hash of the source is known.", hash_fields, NULL, NULL},
	[PROGRESS_BEGIN] = {"begin", "The journal is open, or more chunks were planned.", begin_fields,
                        NULL, NULL},
	[PROGRESS_CHUNK] = {"chunk", "The state of a chunk changed.", chunk_fields, NULL, NULL},
	[PROGRESS_RESULT] = {"result", "A chunk is in the journal.", result_fields, NULL, NULL},
	[PROGRESS_UPDATE] = {"progress", "Once a second.", progress_fields, NULL, NULL},
	[PROGRESS_REPORT] = {"report", "The report of a file was written.", report_fields, NULL, NULL},
	[PROGRESS_CASE] = {"case", "The report of the case was written.", case_fields, NULL, NULL},
	[PROGRESS_ERROR] = {"error", "A file, or the command, failed.", error_fields, NULL, NULL},
	[PROGRESS_END] = {"end", "The last message.", end_fields, NULL, NULL},
};

static json_t *seconds_or_null(int64_t us)
{
	return us < 0 ? json_null() : json_real(round((double)us / 1e5) / 10);
}

static json_t *video_json(const struct progress_event *e)
{
	return json_pack("{s:I, s:I, s:s}", "video", (json_int_t)e->view->video, "videos",
	                 (json_int_t)e->view->videos, "name", e->video);
}

static json_t *source_json(const struct progress_event *e)
{
	return json_pack("{s:s, s:f, s:i, s:i, s:s, s:f, s:s}", "name", e->source.name, "duration",
	                 (double)e->source.duration / 1e6, "width", e->source.width, "height",
	                 e->source.height, "codec", e->source.codec, "fps", e->source.fps, "warning",
	                 e->source.warning);
}

static json_t *phase_json(const struct progress_event *e)
{
	return json_pack("{s:s, s:s}", "phase", progress_phase_name(e->view->phase), "detail",
	                 e->view->detail);
}

static json_t *hash_json(const struct progress_event *e)
{
	return json_pack("{s:s}", "sha256", e->sha256);
}

static json_t *begin_json(const struct progress_event *e)
{
	AUTO(mem_freep) char *states = mem_alloc(e->begin.n + 1, 1);

	for (size_t i = 0; i < e->begin.n; i++)
		states[i] = chunk_state_letter(e->begin.states[i]);
	return json_pack("{s:s, s:s}", "job", e->begin.job, "states", states);
}

static json_t *chunk_json(const struct progress_event *e)
{
	return json_pack("{s:I, s:I, s:s, s:f, s:f}", "chunk", (json_int_t)e->chunk.index + 1, "chunks",
	                 (json_int_t)e->view->chunks, "state", chunk_state_name(e->chunk.state),
	                 "start", (double)e->chunk.start / 1e6, "end", (double)e->chunk.end / 1e6);
}

static json_t *result_json(const struct progress_event *e)
{
	const struct store_chunk *c = e->result;
	json_t *events = json_array();

	result_events(c, events);
	return json_pack("{s:I, s:s, s:s, s:s?, s:o}", "chunk", (json_int_t)c->index + 1, "state",
	                 chunk_state_name(c->state), "summary", c->summary ? c->summary : "", "reason",
	                 c->state == CHUNK_HOLE ? c->reason : NULL, "events", events);
}

static json_t *progress_view_json(const struct progress_event *e)
{
	const struct progress_view *v = e->view;
	json_t *active = json_array();

	for (size_t i = 0; i < v->n_active; i++) {
		const struct progress_chunk *c = &v->active[i];
		json_array_append_new(
			active, json_pack("{s:I, s:s, s:I, s:I, s:o}", "chunk", (json_int_t)c->index + 1,
		                      "state", chunk_state_name(c->state), "done", (json_int_t)c->done,
		                      "total", (json_int_t)c->total, "left", seconds_or_null(c->left)));
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:b, s:I, s:f, s:o, s:f, s:f, s:o}", "phase",
	                 progress_phase_name(v->phase), "detail", v->detail, "done",
	                 (json_int_t)v->done, "chunks", (json_int_t)v->chunks, "planned",
	                 (int)v->planned, "holes", (json_int_t)v->holes, "fraction", v->fraction,
	                 "left", seconds_or_null(v->left), "prefill_rate", v->prefill_rate,
	                 "decode_rate", v->decode_rate, "active", active);
}

static json_t *report_json_of(const struct progress_event *e)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I}", "job", e->report.job, "dir", e->report.dir,
	                 "chunks", (json_int_t)e->report.chunks, "holes", (json_int_t)e->report.holes,
	                 "resumed", (json_int_t)e->report.resumed);
}

static json_t *case_json_of(const struct progress_event *e)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:b}", "case", e->cases.id, "dir",
	                 e->cases.dir, "videos", (json_int_t)e->cases.videos, "before",
	                 (json_int_t)e->cases.before, "failed", (json_int_t)e->cases.failed, "skipped",
	                 (json_int_t)e->cases.skipped, "complete", (int)e->cases.complete);
}

static json_t *error_json(const struct progress_event *e)
{
	return json_pack("{s:s*, s:s, s:s}", "file", e->error.file, "code", e->error.code, "message",
	                 e->error.message);
}

static json_t *end_json(const struct progress_event *e)
{
	return json_pack("{s:i}", "exit", e->exit_code);
}

json_t *progress_json(const struct progress_event *e, int64_t seq)
{
	static json_t *(*const make[])(const struct progress_event *) = {
		[PROGRESS_VIDEO] = video_json,      [PROGRESS_SOURCE] = source_json,
		[PROGRESS_PHASE] = phase_json,      [PROGRESS_HASH] = hash_json,
		[PROGRESS_BEGIN] = begin_json,      [PROGRESS_CHUNK] = chunk_json,
		[PROGRESS_RESULT] = result_json,    [PROGRESS_UPDATE] = progress_view_json,
		[PROGRESS_REPORT] = report_json_of, [PROGRESS_CASE] = case_json_of,
		[PROGRESS_ERROR] = error_json,      [PROGRESS_END] = end_json,
	};
	json_auto_t *members = make[e->type](e);
	json_t *j = json_pack("{s:I, s:f, s:s}", "seq", (json_int_t)seq, "time",
	                      (double)clock_wall() / 1e6, "type", progress_messages[e->type].name);

	json_object_update(j, members);
	return j;
}
