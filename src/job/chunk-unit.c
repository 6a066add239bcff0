/* SPDX-License-Identifier: Apache-2.0 */
#include "job/chunk-unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

enum {
	INDEX_MAX = 10 * 1000 * 1000,
	TEXTS_MAX = 4096,
	TOKENS_MAX = 1 << 20,
	STREAM_MAX = 10000,
};
#define TIME_LATEST (INT64_C(1) << 52)
#define RATE_MAX 1e6

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
	const struct decoder_options *d = &o->decoder;
	json_auto_t *j = json_pack(
		"{s:I, s:I, s:I, s:o, s:I, s:i, s:i, s:b, s:i, s:s, s:s?, s:o, s:i, s:f, s:s}", "chunk",
		(json_int_t)u->index, "start_us", (json_int_t)u->plan.start, "end_us",
		(json_int_t)u->plan.end, "times_us", json_times(u->plan.times, u->plan.n_times),
		"frame_size", (json_int_t)o->frame_size, "thumb_size", o->thumb_size, "quality", o->quality,
		"keyframes", o->keyframes, "max_tokens", o->max_tokens, "prompt", o->prompt, "context",
		u->context, "texts", texts_json(u->texts, u->n_texts), "stream",
		d->has_stream ? d->stream : -1, "rate", d->rate, "gaps", d->gaps ? d->gaps : "auto");
	AUTO(mem_freep) char *text = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!text)
		return err_set(err, ERR_FORMAT, "the prompt or the context is not valid text");
	if (strlen(text) > RUNNER_MAX_BODY)
		return err_set(err, ERR_LIMIT,
		               "prompt, context and texts of the chunk take %zu bytes, and a worker of a "
		               "fleet takes %d; shorten the prompt",
		               strlen(text), RUNNER_MAX_BODY);
	*ret = TAKE(text);
	return 0;
}

void chunk_unit_id(const char *job, const char *pass, int64_t index, const char *body,
                   char out[static RUNNER_MAX_ID + 1])
{
	char hash[HASH_HEX];
	hash_texts(&body, 1, hash);
	snprintf(out, RUNNER_MAX_ID + 1, "%.40s.%.20s.%" PRId64 ".%.12s", job, pass, index, hash);
}

static void hash_model(const struct engine_info *e, const char *model, char out[static HASH_HEX])
{
	char prompts[HASH_HEX];
	bool plain = !*e->cache_type || strcmp(e->cache_type, "f16") == 0;
	prompt_hash(prompts);
	const char *const texts[] = {model, plain ? "" : e->cache_type, e->asked ? e->asked : "",
	                             prompts};
	hash_texts(texts, ARRAY_LEN(texts), out);
}

void chunk_unit_model(const struct engine_info *e, char out[static HASH_HEX])
{
	hash_model(e, *e->model_hash ? e->model_hash : e->model, out);
}

void chunk_unit_model_name(const struct engine_info *e, char out[static HASH_HEX])
{
	hash_model(e, e->model, out);
}

/* ---- reading */

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_FORMAT, "the unit has no valid \"%s\"", what);
}

static int read_int(const json_t *j, const char *key, int64_t min, int64_t max, int64_t *ret,
                    struct err *err)
{
	return wire_int(j, key, min, max, ret, NULL) < 0 ? bad(err, key) : 0;
}

static int read_span(const json_t *j, struct chunk_unit *u, struct err *err)
{
	int r = read_int(j, "chunk", 0, INDEX_MAX, &u->index, err);
	if (r == 0)
		r = read_int(j, "start_us", 0, TIME_LATEST - 1, &u->plan.start, err);
	return r < 0 ? r : read_int(j, "end_us", u->plan.start + 1, TIME_LATEST, &u->plan.end, err);
}

static int read_times(const json_t *j, struct plan_chunk *plan, struct err *err)
{
	const json_t *times = json_object_get(j, "times_us");
	size_t n = json_array_size(times);
	if (n < 1 || n > MEDIA_TIMES_MAX)
		return bad(err, "times_us");
	plan->times = mem_alloc(n, sizeof *plan->times);
	for (size_t i = 0; i < n; i++) {
		const json_t *time = json_array_get(times, i);
		int64_t t = json_integer_value(time);
		if (!json_is_integer(time) || t < plan->start || t >= plan->end ||
		    (i && t <= plan->times[i - 1]))
			return bad(err, "times_us");
		plan->times[plan->n_times++] = t;
	}
	return 0;
}

static int read_pictures(const json_t *j, struct describe_options *o, struct err *err)
{
	int64_t thumb = 0, quality = 0, tokens = 0;
	int r = read_int(j, "frame_size", MEDIA_SIZE_MIN, MEDIA_SIZE_MAX, &o->frame_size, err);
	if (r == 0)
		r = read_int(j, "thumb_size", 0, MEDIA_SIZE_MAX, &thumb, err);
	if (r == 0)
		r = read_int(j, "quality", 1, 100, &quality, err);
	if (r == 0)
		r = read_int(j, "max_tokens", 1, TOKENS_MAX, &tokens, err);
	if (r == 0 && wire_bool(j, "keyframes", &o->keyframes, NULL) < 0)
		r = bad(err, "keyframes");
	o->thumb_size = (int)thumb;
	o->quality = (int)quality;
	o->max_tokens = (int)tokens;
	return r;
}

static int read_decoder(const json_t *j, struct decoder_options *d, struct err *err)
{
	int64_t stream = -1;
	const char *gaps = json_string_value(json_object_get(j, "gaps"));
	int r = read_int(j, "stream", -1, STREAM_MAX, &stream, err);
	if (r == 0 && wire_real(j, "rate", 0, RATE_MAX, &d->rate, NULL) < 0)
		r = bad(err, "rate");
	if (r == 0 && (!gaps || (strcmp(gaps, "auto") != 0 && strcmp(gaps, "keep") != 0 &&
	                         strcmp(gaps, "close") != 0)))
		r = bad(err, "gaps");
	d->has_stream = stream >= 0;
	d->stream = (int)stream;
	d->gaps = gaps;
	return r;
}

/* Of each, the part that a model may quote is in the line. */
static int read_texts(const json_t *j, struct chunk_unit *u, struct err *err)
{
	const json_t *texts = json_object_get(j, "texts");
	size_t n = json_array_size(texts);
	if (!json_is_array(texts) || n > TEXTS_MAX)
		return bad(err, "texts");
	u->texts = mem_alloc(n + 1, sizeof *u->texts);
	for (size_t i = 0; i < n; i++) {
		const json_t *t = json_array_get(texts, i), *time = json_array_get(t, 0),
					 *at = json_array_get(t, 2);
		const char *line = json_string_value(json_array_get(t, 1));
		json_int_t offset = json_integer_value(at);
		if (json_array_size(t) != 3 || !json_is_integer(time) || !json_is_integer(at) || !line ||
		    offset < 0 || (size_t)offset > strlen(line))
			return bad(err, "texts");
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
		return bad(err, "prompt");
	if (!u->context && !json_is_null(context))
		return bad(err, "context");
	return read_texts(j, u, err);
}

static int read_members(const json_t *j, struct chunk_unit *u, struct err *err)
{
	int r = read_span(j, u, err);
	if (r == 0)
		r = read_times(j, &u->plan, err);
	if (r == 0)
		r = read_pictures(j, &u->describe, err);
	if (r == 0)
		r = read_decoder(j, &u->describe.decoder, err);
	return r < 0 ? r : read_words(j, u, err);
}

int chunk_unit_read(const char *body, struct chunk_unit *ret, struct err *err)
{
	static const char *const keys[] = {"chunk",  "start_us",   "end_us",     "times_us",
	                                   "prompt", "frame_size", "thumb_size", "quality",
	                                   "texts",  "keyframes",  "max_tokens", "context",
	                                   "stream", "rate",       "gaps",       NULL};
	AUTO(chunk_unit_clear) struct chunk_unit u = {0};
	size_t len = strlen(body);
	if (len > RUNNER_MAX_BODY)
		return err_set(err, ERR_LIMIT, "the unit is larger than %d bytes", RUNNER_MAX_BODY);
	int r = json_read_foreign(body, len, &u.root, err);
	if (r < 0)
		return err_wrap(err, "the unit");
	const char *unknown = json_unknown_key(u.root, keys);
	if (!json_is_object(u.root) || unknown)
		return err_set(err, ERR_FORMAT, "the unit has an unknown member \"%.60s\"",
		               unknown ? unknown : "");
	r = read_members(u.root, &u, err);
	if (r < 0)
		return r;
	*ret = u;
	u = (struct chunk_unit){0};
	return 0;
}
