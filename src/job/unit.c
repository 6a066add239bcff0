/* SPDX-License-Identifier: Apache-2.0 */
#include "job/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "job/prompt.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

enum { STREAM_MAX = 10000 };
#define RATE_MAX 1e6

/* ---- writing */

void unit_set_pictures(json_t *j, const struct describe_options *o)
{
	json_object_set_new(j, "frame_size", json_integer((json_int_t)o->frame_size));
	json_object_set_new(j, "quality", json_integer(o->quality));
	unit_set_video(j, &o->decoder);
}

void unit_set_video(json_t *j, const struct decoder_options *d)
{
	json_object_set_new(j, "stream", json_integer(d->has_stream ? d->stream : -1));
	json_object_set_new(j, "rate", json_real(d->rate));
	json_object_set_new(j, "gaps", json_string(d->gaps ? d->gaps : "auto"));
}

int unit_text(json_t *j, const char *what, char **ret, struct err *err)
{
	AUTO(mem_freep) char *text = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(j);
	if (!text)
		return err_set(err, ERR_FORMAT, "a text for %s is not valid UTF-8", what);
	if (strlen(text) > RUNNER_MAX_BODY)
		return err_set(err, ERR_LIMIT,
		               "prompt and texts of %s take %zu bytes, and a worker of a fleet takes %d; "
		               "shorten the prompt",
		               what, strlen(text), RUNNER_MAX_BODY);
	*ret = TAKE(text);
	return 0;
}

void unit_id(const char *owner, const char *pass, int64_t index, const char *body,
             char out[static RUNNER_MAX_ID + 1])
{
	char hash[HASH_HEX];
	hash_texts(&body, 1, hash);
	snprintf(out, RUNNER_MAX_ID + 1, "%.40s.%.20s.%" PRId64 ".%.12s", owner, pass, index, hash);
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

void unit_model(const struct engine_info *e, char out[static HASH_HEX])
{
	hash_model(e, *e->model_hash ? e->model_hash : e->model, out);
}

void unit_model_name(const struct engine_info *e, char out[static HASH_HEX])
{
	hash_model(e, e->model, out);
}

bool unit_possible(const struct describe_options *o)
{
	const char *reference = o->decoder.reference;
	return !reference || !*reference;
}

/* ---- reading */

int unit_bad(struct err *err, const char *key)
{
	return err_set(err, ERR_FORMAT, "the unit has no valid \"%s\"", key);
}

int unit_open(const char *body, const char *const *keys, json_t **ret, struct err *err)
{
	json_auto_t *j = NULL;
	size_t len = strlen(body);
	if (len > RUNNER_MAX_BODY)
		return err_set(err, ERR_LIMIT, "the unit is larger than %d bytes", RUNNER_MAX_BODY);
	int r = json_read_foreign(body, len, &j, err);
	if (r < 0)
		return err_wrap(err, "the unit");
	const char *unknown = json_unknown_key(j, keys);
	if (!json_is_object(j) || unknown)
		return err_set(err, ERR_FORMAT, "the unit has an unknown member \"%.60s\"",
		               unknown ? unknown : "");
	*ret = TAKE(j);
	return 0;
}

int unit_int(const json_t *j, const char *key, int64_t min, int64_t max, int64_t *ret,
             struct err *err)
{
	return wire_int(j, key, min, max, ret, NULL) < 0 ? unit_bad(err, key) : 0;
}

int unit_get_video(const json_t *j, struct decoder_options *d, struct err *err)
{
	static const char *const all[] = {"auto", "keep", "close", NULL};
	int64_t stream = -1;
	const char *gaps = json_string_value(json_object_get(j, "gaps"));
	int r = unit_int(j, "stream", -1, STREAM_MAX, &stream, err);
	if (r == 0 && wire_real(j, "rate", 0, RATE_MAX, &d->rate, NULL) < 0)
		r = unit_bad(err, "rate");
	if (r == 0 && (!gaps || !text_one_of(gaps, all)))
		r = unit_bad(err, "gaps");
	d->has_stream = stream >= 0;
	d->stream = (int)stream;
	d->gaps = gaps;
	return r;
}

int unit_get_pictures(const json_t *j, struct describe_options *o, struct err *err)
{
	int64_t quality = 0;
	int r = unit_int(j, "frame_size", MEDIA_SIZE_MIN, MEDIA_SIZE_MAX, &o->frame_size, err);
	if (r == 0)
		r = unit_int(j, "quality", 1, 100, &quality, err);
	o->quality = (int)quality;
	return r < 0 ? r : unit_get_video(j, &o->decoder, err);
}

int unit_times(const json_t *j, const char *key, size_t least, size_t most, int64_t from,
               int64_t to, int64_t **ret, size_t *ret_n, struct err *err)
{
	const json_t *list = json_object_get(j, key);
	size_t n = json_array_size(list);
	if (!json_is_array(list) || n < least || n > most)
		return unit_bad(err, key);
	AUTO(mem_freep) int64_t *times = mem_alloc(n + 1, sizeof *times);
	for (size_t i = 0; i < n; i++) {
		const json_t *time = json_array_get(list, i);
		times[i] = json_integer_value(time);
		if (!json_is_integer(time) || times[i] < from || times[i] >= to ||
		    (i && times[i] <= times[i - 1]))
			return unit_bad(err, key);
	}
	*ret = TAKE(times);
	*ret_n = n;
	return 0;
}

int unit_prompts(const json_t *j, const char hash[static HASH_HEX], struct err *err)
{
	const char *prompts = json_string_value(json_object_get(j, "prompts"));
	if (!prompts || !hash_is_hex(prompts))
		return unit_bad(err, "prompts");
	return strcmp(prompts, hash) == 0
	           ? 0
	           : err_set(err, ERR_UNSUPPORTED,
	                     "this version of vdet asks in other words; install the version of the "
	                     "head");
}
