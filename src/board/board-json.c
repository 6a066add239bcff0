/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and videos as JSON. */
#include <stdlib.h>
#include <string.h>

#include "board/board-internal.h"

json_t *board_seconds(int64_t us)
{
	return us < 0 ? json_null() : json_real((double)us / 1e6);
}

json_t *board_moment(int64_t unix_us)
{
	return unix_us ? json_real((double)unix_us / 1e6) : json_null();
}

json_t *board_id_json(int64_t id)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)id);
	return json_string(text);
}

static json_t *text_or_null(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static json_t *fact(const struct video *v, const char *name)
{
	json_t *f = json_object_get(v->facts, name);
	return f ? json_incref(f) : json_null();
}

static json_t *duration(const struct video *v)
{
	json_t *d = json_object_get(v->facts, "duration_us");
	return d ? json_real((double)json_integer_value(d) / 1e6) : json_null();
}

static int count(const struct job *j, enum chunk_state state)
{
	int n = 0;

	for (size_t i = 0; i < j->n_chunks; i++)
		n += j->states[i] == state;
	return n;
}

static json_t *running_json(const struct job *j)
{
	json_t *a = json_array();

	for (size_t i = 0; i < j->n_chunks; i++)
		if (chunk_is_running(j->states[i]))
			json_array_append_new(a, json_integer((json_int_t)i));
	return a;
}

/* One letter per chunk: a list of thousands has to stay short. */
static json_t *states_json(const struct job *j)
{
	AUTO(mem_freep) char *letters = mem_alloc(j->n_chunks + 1, 1);

	for (size_t i = 0; i < j->n_chunks; i++)
		letters[i] = chunk_state_letter(j->states[i]);
	return json_string(letters);
}

/* The running chunks. */
static json_t *active_json(const struct progress_view *v)
{
	json_t *a = json_array();
	for (size_t i = 0; i < v->n_active; i++) {
		const struct progress_chunk *c = &v->active[i];
		json_array_append_new(
			a, json_pack("{s:I, s:s, s:I, s:I, s:o, s:o}", "chunk", (json_int_t)c->index, "stage",
		                 chunk_state_name(c->state), "done", (json_int_t)c->done, "total",
		                 (json_int_t)c->total, "elapsed", board_seconds(c->elapsed), "left",
		                 board_seconds(c->left)));
	}
	return a;
}

static json_t *stop_json(const struct job *j)
{
	static const char *const names[] = {NULL, "queued", "paused", "canceled"};
	return j->has_thread && !j->ended && j->stop ? json_string(names[j->stop]) : json_null();
}

static double fraction(const struct job *j, int done, int holes)
{
	double known = j->n_chunks ? (double)(done + holes) / (double)j->n_chunks : 0;

	return j->row.state == STORE_ENTRY_RUNNING && j->view.fraction > known ? j->view.fraction
	                                                                       : known;
}

json_t *board_job_json(const struct job *j)
{
	static const char *const states[] = {"queued", "running", "paused",  "done",
	                                     "holes",  "failed",  "canceled"};
	bool running = j->row.state == STORE_ENTRY_RUNNING;
	int done = count(j, CHUNK_DONE), holes = count(j, CHUNK_HOLE);
	json_t *prompt = json_object_get(j->options, "describe.prompt");
	return json_pack(
		"{s:o, s:o, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:i, s:i, s:o, s:o, s:o, "
		"s:I, s:o, s:f, s:f, s:f, "
		"s:I, s:o, s:o, s:o, s:O?, s:O?, s:o}",
		"id", board_id_json(j->row.id), "video",
		j->video ? board_id_json(j->video->row.id) : json_null(), "name",
		j->video ? j->video->row.name : "", "state", states[j->row.state], "stopping", stop_json(j),
		"phase", running ? progress_phase_name(j->view.phase) : "", "detail",
		running ? j->view.detail : "", "error", text_or_null(j->row.fault), "duration",
		duration(j->video), "width", fact(j->video, "width"), "height", fact(j->video, "height"),
		"chunks", (json_int_t)j->n_chunks, "done", done, "holes", holes, "running", running_json(j),
		"active", active_json(&j->view), "states", states_json(j), "events", (json_int_t)j->events,
		"left", running && j->in_chunks ? board_seconds(j->view.left) : json_null(), "progress",
		fraction(j, done, holes), "prefill_rate", j->view.prefill_rate, "decode_rate",
		j->view.decode_rate, "priority", (json_int_t)j->row.priority, "created",
		board_moment(j->row.created), "started", board_moment(j->row.started), "finished",
		board_moment(j->row.ended), "prompt", prompt, "options", j->options, "journal",
		text_or_null(j->row.journal));
}

const char *board_type_of(const struct video *v)
{
	static const char *const types[][2] = {{"mp4", "video/mp4"},
	                                       {"webm", "video/webm"},
	                                       {"mpegts", "video/mp2t"},
	                                       {"avi", "video/x-msvideo"}};
	const char *container = json_string_value(json_object_get(v->facts, "container"));
	for (size_t i = 0; container && i < ARRAY_LEN(types); i++)
		if (strstr(container, types[i][0]))
			return types[i][1];
	return "application/octet-stream";
}

bool board_plays(const struct video *v)
{
	const char *container = json_string_value(json_object_get(v->facts, "container"));
	const char *codec = json_string_value(json_object_get(v->facts, "codec"));
	const char *format = json_string_value(json_object_get(v->facts, "pixel_format"));
	bool eight = format && strcmp(format, "yuv420p") == 0;
	if (!container || !codec)
		return false;
	if (strstr(container, "mp4") && eight &&
	    (strcmp(codec, "h264") == 0 || strcmp(codec, "av1") == 0))
		return true;
	return strstr(container, "webm") && eight &&
	       (strcmp(codec, "vp8") == 0 || strcmp(codec, "vp9") == 0 || strcmp(codec, "av1") == 0);
}

static const char *play_of(const struct video *v)
{
	return board_plays(v) ? "source" : v->has_proxy ? "proxy" : v->makes_proxy ? "making" : "none";
}

json_t *board_video_json(const struct video *v)
{
	static const char *const states[] = {"fetching", "ready", "failed"};
	json_t *names = v->names ? json_copy(v->names) : json_pack("[s]", v->row.name);
	json_t *tags = v->row.tags ? json_loads(v->row.tags, 0, NULL) : NULL;
	return json_pack(
		"{s:o, s:s, s:o, s:o, s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:b, s:b, s:s}",
		"id", board_id_json(v->row.id), "name", v->row.name, "names", names, "tags",
		tags ? tags : json_array(), "origin", v->row.origin, "state", states[v->row.state], "error",
		text_or_null(v->row.fault), "size", (json_int_t)v->row.size, "fetched",
		(json_int_t)v->fetched, "duration", duration(v), "width", fact(v, "width"), "height",
		fact(v, "height"), "fps", fact(v, "fps"), "codec", fact(v, "codec"), "audio",
		fact(v, "audio"), "warning", fact(v, "warning"), "sha256", text_or_null(v->row.sha256),
		"created", board_moment(v->row.created), "poster", (int)v->has_poster, "storyboard",
		(int)v->has_storyboard, "play", play_of(v));
}
