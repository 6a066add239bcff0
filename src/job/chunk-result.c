/* SPDX-License-Identifier: Apache-2.0 */
#include "job/chunk-result.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "decoder/jpeg-check.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

enum {
	TEXT_MAX = RUNNER_MAX_BODY,
	SUBJECT_MAX = 400,
	QUOTE_MAX = 800,
	FAULT_MAX = 1000,
	ENDPOINT_MAX = 600,
	PATH_MAX_BYTES = 32,
	EVENTS_MAX = 4096,
	ATTEMPTS_MAX = 1000,
	PACK_MAX = 8 << 20, /* bytes of thumbnails in one blob, unless one is larger */
};

/* ---- writing */

/* Thumbnails are put together, so that they are sent at once. */
struct pack {
	struct runner_result *to;
	struct buf data; /* not in a blob yet */
	json_t *names;   /* of the blobs */
};

static void flush(struct pack *p)
{
	const unsigned char *data = (const unsigned char *)p->data.data;
	if (p->data.len)
		json_array_append_new(p->names, json_string(runner_add_blob(p->to, data, p->data.len)));
	buf_clear(&p->data);
}

/* Which blob, and where in it: [number, offset, length]. */
static json_t *thumb_json(struct pack *p, const struct store_sample *s)
{
	if (!s->thumb_len)
		return json_null();
	if (p->data.len + s->thumb_len > PACK_MAX)
		flush(p);
	json_t *place = json_pack("[I, I, I]", (json_int_t)json_array_size(p->names),
	                          (json_int_t)p->data.len, (json_int_t)s->thumb_len);
	buf_add(&p->data, s->thumb, s->thumb_len);
	return place;
}

static json_t *samples_json(const struct store_chunk *c, struct pack *p)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->n_samples; i++) {
		const struct store_sample *s = &c->samples[i];
		AUTO(mem_freep) char *fault = text_line(s->fault, RESULT_FAULT_MAX);
		json_t *j = json_pack("{s:I, s:s, s:s, s:i, s:i, s:o}", "pts", (json_int_t)s->pts,
		                      "decode_path", s->decode_path, "fault", fault, "width", s->width,
		                      "height", s->height, "thumb", thumb_json(p, s));
		if (s->planes && *s->planes)
			json_object_set_new(j, "planes", json_string(s->planes));
		json_array_append_new(all, j);
	}
	flush(p);
	return all;
}

static json_t *events_json(const struct store_chunk *c)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->n_events; i++) {
		const struct store_event *e = &c->events[i];
		json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:o}", "subject",
		                                     e->subject ? e->subject : "", "what", e->what, "quote",
		                                     e->quote ? e->quote : "", "samples",
		                                     json_sizes(e->samples, e->n_samples)));
	}
	return all;
}

int chunk_result_write(const struct store_chunk *c, struct runner_result *ret, struct err *err)
{
	struct pack pack = {.to = ret, .data = BUF(RUNNER_MAX_BLOB), .names = json_array()};
	json_t *samples = samples_json(c, &pack);
	buf_free(&pack.data);
	AUTO(mem_freep) char *endpoint = text_line(c->endpoint ? c->endpoint : "", ENDPOINT_MAX);
	json_t *j = json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:o}", "summary",
		c->summary ? c->summary : "", "endpoint", endpoint, "attempts", (json_int_t)c->attempts,
		"decode_us", (json_int_t)c->decode_time, "engine_us", (json_int_t)c->engine_time,
		"prompt_tokens", (json_int_t)c->prompt_tokens, "cached_tokens",
		(json_int_t)c->cached_tokens, "output_tokens", (json_int_t)c->output_tokens, "prefill_rate",
		c->prefill_rate, "decode_rate", c->decode_rate, "samples", samples, "thumbs", pack.names,
		"events", events_json(c));
	return unit_result_write(j, ret, err);
}

/* ---- reading */

static int read_counts(const json_t *j, struct store_chunk *c, struct err *err)
{
	struct {
		const char *key;
		int64_t min, max, *ret;
	} rows[] = {
		{"attempts", 1, ATTEMPTS_MAX, &c->attempts},
		{"decode_us", 0, RESULT_TIME_MAX, &c->decode_time},
		{"engine_us", 0, RESULT_TIME_MAX, &c->engine_time},
		{"prompt_tokens", 0, RESULT_COUNT_MAX, &c->prompt_tokens},
		{"cached_tokens", 0, RESULT_COUNT_MAX, &c->cached_tokens},
		{"output_tokens", 0, RESULT_COUNT_MAX, &c->output_tokens},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (wire_int(j, rows[i].key, rows[i].min, rows[i].max, rows[i].ret, NULL) < 0)
			return unit_result_bad(err, rows[i].key);
	if (wire_real(j, "prefill_rate", 0, RESULT_RATE_MAX, &c->prefill_rate, NULL) < 0)
		return unit_result_bad(err, "prefill_rate");
	if (wire_real(j, "decode_rate", 0, RESULT_RATE_MAX, &c->decode_rate, NULL) < 0)
		return unit_result_bad(err, "decode_rate");
	return 0;
}

static bool is_decode_path(const char *path)
{
	static const char *const paths[] = {"software", "hardware", "concealed", "sequential",
	                                    "salvage",  "keyframe", NULL};
	return text_one_of(path, paths);
}

/* Where the worker says that a thumbnail is. */
struct thumbs {
	const struct chunk_unit *unit;
	const struct runner_result *result;
	const json_t *names; /* of the blobs */
};

static bool find_thumb(const struct thumbs *t, const json_t *place, const unsigned char **ret,
                       size_t *ret_len)
{
	int64_t v[3];
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const json_t *n = json_array_get(place, i);
		v[i] = json_integer_value(n);
		if (!json_is_integer(n) || v[i] < 0 || v[i] > RUNNER_MAX_BLOB)
			return false;
	}
	const char *name = json_string_value(json_array_get(t->names, (size_t)v[0]));
	const struct runner_blob *blob = name ? runner_find_blob(t->result, name) : NULL;
	if (!blob || !v[2] || (size_t)(v[1] + v[2]) > blob->len)
		return false;
	*ret = blob->data + v[1];
	*ret_len = (size_t)v[2];
	return true;
}

/* The thumbnail of a picture that was decoded; a size of 0 asks for none. */
static int read_thumb(const json_t *j, const struct thumbs *t, struct store_sample *s,
                      struct err *err)
{
	const json_t *place = json_object_get(j, "thumb");
	const unsigned char *data;
	size_t len;
	int w = s->width, h = s->height, size = t->unit->describe.thumb_size;
	if (!size)
		return json_is_null(place) ? 0 : unit_result_bad(err, "thumb");
	jpeg_thumb_size(&w, &h, size);
	/* Not more than an encoder makes of so many pixels, with some headers. */
	size_t most = 65536 + 4 * (size_t)size * (size_t)size;
	if (!find_thumb(t, place, &data, &len) || len > most || jpeg_check(data, len, w, h, NULL) < 0)
		return unit_result_bad(err, "thumb");
	s->thumb = memcpy(mem_alloc(len, 1), data, len);
	s->thumb_len = len;
	return 0;
}

/* A sample has a picture, or a fault, or, if it is the same frame as the one
 * before, both. */
static int read_sample(const json_t *j, const struct thumbs *t, struct store_sample *s,
                       struct err *err)
{
	int64_t width = 0, height = 0, largest = t->unit->describe.frame_size;
	/* A frame of a recording with gaps may be far from where it is looked for. */
	if (wire_int(j, "pts", t->unit->plan.start - RESULT_TIME_MAX,
	             t->unit->plan.end + RESULT_TIME_MAX, &s->pts, NULL) < 0)
		return unit_result_bad(err, "pts");
	if (wire_int(j, "width", 0, largest, &width, NULL) < 0)
		return unit_result_bad(err, "width");
	if (wire_int(j, "height", 0, largest, &height, NULL) < 0)
		return unit_result_bad(err, "height");
	int r = unit_result_line(j, "fault", RESULT_FAULT_MAX, &s->fault, err);
	if (r == 0)
		r = unit_result_line(j, "decode_path", PATH_MAX_BYTES, &s->decode_path, err);
	if (r < 0)
		return r;

	const json_t *planes = json_object_get(j, "planes");
	if (planes && (!t->unit->describe.identify || !json_is_string(planes) ||
	               !hash_is_hex(json_string_value(planes))))
		return unit_result_bad(err, "planes");
	s->planes = mem_strdup(planes ? json_string_value(planes) : "");
	s->width = (int)width;
	s->height = (int)height;
	if (!width && !height && *s->fault && !*s->decode_path)
		return json_is_null(json_object_get(j, "thumb")) ? 0 : unit_result_bad(err, "thumb");
	if (!width || !height || !is_decode_path(s->decode_path))
		return unit_result_bad(err, "decode_path");
	return read_thumb(j, t, s, err);
}

static int read_samples(const json_t *j, const struct chunk_unit *u,
                        const struct runner_result *result, struct store_chunk *c, struct err *err)
{
	const json_t *samples = json_object_get(j, "samples");
	const struct thumbs thumbs = {u, result, json_object_get(j, "thumbs")};
	bool seen = false;
	if (json_array_size(samples) != u->plan.n_times)
		return unit_result_bad(err, "samples");
	c->samples = mem_alloc(u->plan.n_times, sizeof *c->samples);
	for (size_t i = 0; i < u->plan.n_times; i++) {
		struct store_sample *s = &c->samples[c->n_samples++];
		s->time = u->plan.times[i];
		int r = read_sample(json_array_get(samples, i), &thumbs, s, err);
		if (r < 0)
			return r;
		seen |= !*s->fault;
	}
	return seen ? 0 : unit_result_bad(err, "samples");
}

/* What an event cites are frames that the model saw, in order. */
static int read_cited(const json_t *list, const struct store_chunk *c, struct store_event *e,
                      struct err *err)
{
	size_t n = json_array_size(list);
	if (!n || n > c->n_samples)
		return unit_result_bad(err, "samples");
	e->samples = mem_alloc(n, sizeof *e->samples);
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);
		json_int_t k = json_integer_value(item);
		if (!json_is_integer(item) || k < 0 || (size_t)k >= c->n_samples || *c->samples[k].fault ||
		    (i && (size_t)k <= e->samples[i - 1]))
			return unit_result_bad(err, "samples");
		e->samples[e->n_samples++] = (size_t)k;
	}
	return 0;
}

static bool was_shown(const struct chunk_unit *u, const char *quote)
{
	for (size_t i = 0; i < u->n_texts; i++)
		if (strstr(u->texts[i].text, quote))
			return true;
	return !*quote;
}

static int read_event(const json_t *j, const struct chunk_unit *u, struct store_chunk *c,
                      struct err *err)
{
	struct store_event *e = &c->events[c->n_events++];
	int r = unit_result_line(j, "subject", SUBJECT_MAX, &e->subject, err);
	if (r == 0)
		r = unit_result_line(j, "what", TEXT_MAX, &e->what, err);
	if (r == 0)
		r = unit_result_line(j, "quote", QUOTE_MAX, &e->quote, err);
	if (r == 0 && !e->what[strspn(e->what, " ")])
		r = unit_result_bad(err, "what");
	if (r == 0 && !was_shown(u, e->quote))
		r = unit_result_bad(err, "quote");
	return r < 0 ? r : read_cited(json_object_get(j, "samples"), c, e, err);
}

static int read_events(const json_t *j, const struct chunk_unit *u, struct store_chunk *c,
                       struct err *err)
{
	const json_t *events = json_object_get(j, "events");
	size_t n = json_array_size(events);
	if (!json_is_array(events) || n > EVENTS_MAX)
		return unit_result_bad(err, "events");
	c->events = mem_alloc(n + 1, sizeof *c->events);
	for (size_t i = 0; i < n; i++) {
		int r = read_event(json_array_get(events, i), u, c, err);
		if (r < 0)
			return r;
	}
	return *c->summary || n ? 0 : unit_result_bad(err, "summary");
}

/* Free of everything but what was given. */
static void reset(struct store_chunk *c)
{
	struct store_chunk given = {.index = c->index, .start = c->start, .end = c->end};
	store_chunk_clear(c);
	*c = given;
}

int chunk_result_read(const struct chunk_unit *u, const struct runner_result *result,
                      struct store_chunk *ret, struct err *err)
{
	static const char *const keys[] = {"summary",       "endpoint",
	                                   "attempts",      "decode_us",
	                                   "engine_us",     "prompt_tokens",
	                                   "cached_tokens", "output_tokens",
	                                   "prefill_rate",  "decode_rate",
	                                   "samples",       "thumbs",
	                                   "events",        NULL};
	json_auto_t *j = NULL;
	int r = unit_result_open(result, keys, &j, err);
	if (r == 0)
		r = unit_result_line(j, "summary", TEXT_MAX, &ret->summary, err);
	if (r == 0)
		r = unit_result_line(j, "endpoint", ENDPOINT_MAX, &ret->endpoint, err);
	if (r == 0)
		r = read_counts(j, ret, err);
	if (r == 0)
		r = read_samples(j, u, result, ret, err);
	if (r == 0)
		r = read_events(j, u, ret, err);
	if (r < 0) {
		reset(ret);
		return r;
	}
	ret->state = CHUNK_DONE;
	ret->reason = mem_strdup("");
	return 0;
}
