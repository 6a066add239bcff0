/* SPDX-License-Identifier: Apache-2.0 */
#include "job/chunk-unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

enum {
	INDEX_MAX = 10 * 1000 * 1000,
	TEXTS_MAX = 4096,
};

void chunk_unit_clear(struct chunk_unit *u)
{
	free(u->plan.times);
	prompt_texts_free(u->texts, u->n_texts);
	json_decref(u->root);
	*u = (struct chunk_unit){0};
}

/* ---- writing */

/* A text is a line of which a part is what was said or written. */
static json_t *texts_json(const struct prompt_text *t, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_pack("[I, s, I]", (json_int_t)t[i].time, t[i].line,
		                                     (json_int_t)(t[i].text - t[i].line)));
	return all;
}

int chunk_unit_write(const struct chunk_unit *u, char **ret, struct err *err)
{
	const struct describe_options *o = &u->describe;
	json_t *j = json_pack(
		"{s:I, s:I, s:I, s:o, s:i, s:b, s:i, s:s, s:s?, s:o}", "chunk", (json_int_t)u->index,
		"start_us", (json_int_t)u->plan.start, "end_us", (json_int_t)u->plan.end, "times_us",
		json_times(u->plan.times, u->plan.n_times), "thumb_size", o->thumb_size, "keyframes",
		o->keyframes, "max_tokens", o->max_tokens, "prompt", o->prompt, "context", u->context,
		"texts", texts_json(u->texts, u->n_texts));
	if (j)
		unit_set_pictures(j, o);
	if (j && o->identify)
		json_object_set_new(j, "identify", json_true());
	return unit_text(j, "the chunk", ret, err);
}

/* ---- reading */

static int read_span(const json_t *j, struct chunk_unit *u, struct err *err)
{
	int r = unit_int(j, "chunk", 0, INDEX_MAX, &u->index, err);
	if (r == 0)
		r = unit_int(j, "start_us", 0, UNIT_TIME_MAX - 1, &u->plan.start, err);
	return r < 0 ? r : unit_int(j, "end_us", u->plan.start + 1, UNIT_TIME_MAX, &u->plan.end, err);
}

static int read_pictures(const json_t *j, struct describe_options *o, struct err *err)
{
	int64_t thumb = 0, tokens = 0;
	int r = unit_get_pictures(j, o, err);
	if (r == 0)
		r = unit_int(j, "thumb_size", 0, MEDIA_SIZE_MAX, &thumb, err);
	if (r == 0)
		r = unit_int(j, "max_tokens", 1, UNIT_TOKENS_MAX, &tokens, err);
	if (r == 0 && wire_bool(j, "keyframes", &o->keyframes, NULL) < 0)
		r = unit_bad(err, "keyframes");
	if (r == 0 && json_object_get(j, "identify") &&
	    wire_bool(j, "identify", &o->identify, NULL) < 0)
		r = unit_bad(err, "identify");
	o->thumb_size = (int)thumb;
	o->max_tokens = (int)tokens;
	return r;
}

/* Of each, the part that a model may quote is in the line. */
static int read_texts(const json_t *j, struct chunk_unit *u, struct err *err)
{
	const json_t *texts = json_object_get(j, "texts");
	size_t n = json_array_size(texts);
	if (!json_is_array(texts) || n > TEXTS_MAX)
		return unit_bad(err, "texts");
	u->texts = mem_alloc(n + 1, sizeof *u->texts);
	for (size_t i = 0; i < n; i++) {
		const json_t *t = json_array_get(texts, i), *time = json_array_get(t, 0),
					 *at = json_array_get(t, 2);
		const char *line = json_string_value(json_array_get(t, 1));
		json_int_t offset = json_integer_value(at);
		if (json_array_size(t) != 3 || !json_is_integer(time) || !json_is_integer(at) || !line ||
		    offset < 0 || (size_t)offset > strlen(line))
			return unit_bad(err, "texts");
		char *copy = mem_strdup(line);
		u->texts[u->n_texts++] =
			(struct prompt_text){json_integer_value(time), copy, copy + offset};
	}
	return 0;
}

static int read_words(const json_t *j, struct chunk_unit *u, struct err *err)
{
	const json_t *context = json_object_get(j, "context");
	u->describe.prompt = json_string_value(json_object_get(j, "prompt"));
	u->context = json_string_value(context);
	if (!u->describe.prompt)
		return unit_bad(err, "prompt");
	if (!u->context && !json_is_null(context))
		return unit_bad(err, "context");
	return read_texts(j, u, err);
}

static int read_members(const json_t *j, struct chunk_unit *u, struct err *err)
{
	struct plan_chunk *plan = &u->plan;
	int r = read_span(j, u, err);
	if (r == 0)
		r = unit_times(j, "times_us", 1, MEDIA_TIMES_MAX, plan->start, plan->end, &plan->times,
		               &plan->n_times, err);
	if (r == 0)
		r = read_pictures(j, &u->describe, err);
	return r < 0 ? r : read_words(j, u, err);
}

int chunk_unit_read(const char *body, struct chunk_unit *ret, struct err *err)
{
	static const char *const keys[] = {
		"chunk",      "start_us", "end_us", "times_us",  "prompt",     "frame_size",
		"thumb_size", "quality",  "texts",  "keyframes", "max_tokens", "context",
		"stream",     "rate",     "gaps",   "identify",  NULL};
	AUTO(chunk_unit_clear) struct chunk_unit u = {0};
	int r = unit_open(body, keys, &u.root, err);
	if (r == 0)
		r = read_members(u.root, &u, err);
	if (r < 0)
		return r;
	*ret = u;
	u = (struct chunk_unit){0};
	return 0;
}
