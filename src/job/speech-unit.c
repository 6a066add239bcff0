/* SPDX-License-Identifier: Apache-2.0 */
#include "job/speech-unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "job/unit-result.h"
#include "job/unit.h"
#include "proc/wire.h"

#define LONGEST (1800 * CLOCK_SECOND) /* of a part */
enum {
	TRACK_MAX = 10000,
	VOICES_MAX = 4096,
	SEGMENTS_MAX = 20000,
	WORDS_MAX = 20000,
	TEXT_BYTES_MAX = 100000,
	NAME_BYTES_MAX = 100,
	REASON_BYTES_MAX = 200,
};

void speech_unit_clear(struct speech_unit *u)
{
	if (u->root)
		free(u->voices);
	json_decref(u->root);
	*u = (struct speech_unit){0};
}

int speech_unit_write(const struct speech_unit *u, char **ret, struct err *err)
{
	json_t *voices = json_array();
	for (size_t i = 0; i < u->n; i++)
		json_array_append_new(voices, json_pack("[I, I]", (json_int_t)u->voices[i].start,
		                                        (json_int_t)u->voices[i].end));
	json_t *j = json_pack("{s:i, s:I, s:I, s:I, s:o}", "track", u->track, "start_us",
	                      (json_int_t)u->start, "end_us", (json_int_t)u->end, "duration_us",
	                      (json_int_t)u->duration, "voices_us", voices);
	unit_set_video(j, &u->decoder);
	return unit_text(j, "a part of the sound", ret, err);
}

void speech_unit_model(const char *identity, char out[static HASH_HEX])
{
	const char *const texts[] = {SPEECH_UNIT_KIND, identity};
	hash_texts(texts, ARRAY_LEN(texts), out);
}

/* ---- reading a unit */

static int read_voices(const json_t *list, struct speech_unit *u, struct err *err)
{
	size_t n = json_array_size(list);
	int64_t before = 0, length = u->end - u->start;
	if (!json_is_array(list) || n > VOICES_MAX)
		return unit_bad(err, "voices_us");
	u->voices = mem_alloc(n + 1, sizeof *u->voices);
	for (; u->n < n; u->n++) {
		const json_t *v = json_array_get(list, u->n), *start = json_array_get(v, 0),
					 *end = json_array_get(v, 1);
		json_int_t a = json_integer_value(start), b = json_integer_value(end);
		if (json_array_size(v) != 2 || !json_is_integer(start) || !json_is_integer(end) ||
		    a < before || b <= a || b > length)
			return unit_bad(err, "voices_us");
		u->voices[u->n] = (struct speech_voice){a, b};
		before = b;
	}
	return 0;
}

int speech_unit_read(const char *body, struct speech_unit *ret, struct err *err)
{
	static const char *const keys[] = {"track",  "start_us", "end_us", "duration_us", "voices_us",
	                                   "stream", "rate",     "gaps",   NULL};
	AUTO(speech_unit_clear) struct speech_unit u = {0};
	int64_t track = 0;
	int r = unit_open(body, keys, &u.root, err);
	if (r == 0)
		r = unit_get_video(u.root, &u.decoder, err);
	if (r == 0)
		r = unit_int(u.root, "track", 0, TRACK_MAX, &track, err);
	if (r == 0)
		r = unit_int(u.root, "start_us", 0, UNIT_TIME_MAX - LONGEST, &u.start, err);
	if (r == 0)
		r = unit_int(u.root, "end_us", u.start + 1, u.start + LONGEST, &u.end, err);
	if (r == 0)
		r = unit_int(u.root, "duration_us", 0, UNIT_TIME_MAX, &u.duration, err);
	if (r == 0)
		r = read_voices(json_object_get(u.root, "voices_us"), &u, err);
	if (r < 0)
		return r;
	u.track = (int)track;
	*ret = u;
	u = (struct speech_unit){0};
	return 0;
}

/* ---- results */

int speech_result_write(const struct store_transcript *t, struct runner_result *ret,
                        struct err *err)
{
	json_t *segments = json_array(), *dropped = json_array();
	int lost = 0; /* of what is not a valid text or number */
	for (size_t i = 0; i < t->n_segments; i++) {
		const struct store_segment *s = &t->segments[i];
		lost |= json_array_append_new(
			segments,
			json_pack("{s:I, s:I, s:s, s:s, s:s, s:f, s:s}", "start_us", (json_int_t)s->start,
		              "end_us", (json_int_t)s->end, "text", s->text, "who", s->who, "lang", s->lang,
		              "conf", s->conf, "words", s->words ? s->words : ""));
	}
	for (size_t i = 0; i < t->n_dropped; i++) {
		const struct store_dropped *d = &t->dropped[i];
		lost |= json_array_append_new(
			dropped, json_pack("{s:I, s:I, s:s, s:s}", "start_us", (json_int_t)d->start, "end_us",
		                       (json_int_t)d->end, "text", d->text, "reason", d->reason));
	}
	json_t *j = json_pack("{s:o, s:o}", "segments", segments, "dropped", dropped);
	if (lost)
		json_decref(TAKE(j));
	return unit_result_write(j, ret, err);
}

/* What begins in the part, in order. */
static int read_span(const struct speech_unit *u, const json_t *j, int64_t before, int64_t *ret,
                     int64_t *ret_end, struct err *err)
{
	if (wire_int(j, "start_us", before, u->end - 1, ret, NULL) < 0)
		return unit_result_bad(err, "start_us");
	return wire_int(j, "end_us", *ret + 1, u->end, ret_end, NULL) < 0
	           ? unit_result_bad(err, "end_us")
	           : 0;
}

static bool is_word(const struct speech_unit *u, const json_t *w)
{
	const json_t *start = json_array_get(w, 0), *end = json_array_get(w, 1);
	const char *text = json_string_value(json_array_get(w, 2));
	json_int_t a = json_integer_value(start), b = json_integer_value(end);
	double conf = json_number_value(json_array_get(w, 3));
	AUTO(mem_freep) char *line = text ? text_line(text, TEXT_BYTES_MAX) : NULL;
	return json_array_size(w) == 4 && json_is_integer(start) && json_is_integer(end) && line &&
	       strcmp(line, text) == 0 && a >= u->start && b >= a && b <= u->end &&
	       json_is_number(json_array_get(w, 3)) && conf >= -1 && conf <= 1;
}

static int read_words(const struct speech_unit *u, const json_t *j, char **ret, struct err *err)
{
	const json_t *value = json_object_get(j, "words");
	const char *text = json_string_value(value);
	if (!text)
		return unit_result_bad(err, "words");
	if (!*text) {
		*ret = mem_strdup("");
		return 0;
	}
	json_auto_t *list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	size_t n = json_array_size(list);
	if (!n || n > WORDS_MAX)
		return unit_result_bad(err, "words");
	for (size_t i = 0; i < n; i++)
		if (!is_word(u, json_array_get(list, i)))
			return unit_result_bad(err, "words");
	*ret = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(4));
	return *ret ? 0 : unit_result_bad(err, "words");
}

static int read_segment(const struct speech_unit *u, const json_t *j, struct store_transcript *to,
                        struct err *err)
{
	static const char *const keys[] = {"start_us", "end_us", "text",  "who",
	                                   "lang",     "conf",   "words", NULL};
	int64_t before = to->n_segments ? to->segments[to->n_segments - 1].start : u->start;
	struct store_segment *s = &to->segments[to->n_segments++];
	*s = (struct store_segment){.kind = mem_strdup(STORE_SPEECH), .track = u->track};
	if (!json_is_object(j) || json_unknown_key(j, keys))
		return unit_result_bad(err, "segments");
	int r = read_span(u, j, before, &s->start, &s->end, err);
	if (r == 0)
		r = unit_result_line(j, "text", TEXT_BYTES_MAX, &s->text, err);
	if (r == 0 && !*s->text)
		r = unit_result_bad(err, "text");
	if (r == 0)
		r = unit_result_line(j, "who", NAME_BYTES_MAX, &s->who, err);
	if (r == 0)
		r = unit_result_line(j, "lang", NAME_BYTES_MAX, &s->lang, err);
	if (r == 0 && wire_real(j, "conf", -1, 1, &s->conf, NULL) < 0)
		r = unit_result_bad(err, "conf");
	return r < 0 ? r : read_words(u, j, &s->words, err);
}

static int read_dropped(const struct speech_unit *u, const json_t *j, struct store_transcript *to,
                        struct err *err)
{
	static const char *const keys[] = {"start_us", "end_us", "text", "reason", NULL};
	int64_t before = to->n_dropped ? to->dropped[to->n_dropped - 1].start : u->start;
	struct store_dropped *d = &to->dropped[to->n_dropped++];
	*d = (struct store_dropped){.kind = mem_strdup(STORE_SPEECH), .track = u->track};
	if (!json_is_object(j) || json_unknown_key(j, keys))
		return unit_result_bad(err, "dropped");
	int r = read_span(u, j, before, &d->start, &d->end, err);
	if (r == 0)
		r = unit_result_line(j, "text", TEXT_BYTES_MAX, &d->text, err);
	if (r == 0)
		r = unit_result_line(j, "reason", REASON_BYTES_MAX, &d->reason, err);
	return r == 0 && !*d->reason ? unit_result_bad(err, "reason") : r;
}

static int read_texts(const struct speech_unit *u, const json_t *j, struct store_transcript *to,
                      struct err *err)
{
	const json_t *segments = json_object_get(j, "segments"),
				 *dropped = json_object_get(j, "dropped");
	size_t n = json_array_size(segments), n_dropped = json_array_size(dropped);
	int r = 0;
	if (!json_is_array(segments) || n > SEGMENTS_MAX)
		return unit_result_bad(err, "segments");
	if (!json_is_array(dropped) || n_dropped > SEGMENTS_MAX)
		return unit_result_bad(err, "dropped");
	to->segments = mem_alloc(n + 1, sizeof *to->segments);
	to->dropped = mem_alloc(n_dropped + 1, sizeof *to->dropped);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_segment(u, json_array_get(segments, i), to, err);
	for (size_t i = 0; i < n_dropped && r == 0; i++)
		r = read_dropped(u, json_array_get(dropped, i), to, err);
	return r;
}

int speech_result_read(const struct speech_unit *u, const struct runner_result *result,
                       struct store_transcript *ret, struct err *err)
{
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	static const char *const keys[] = {"segments", "dropped", NULL};
	json_auto_t *j = NULL;
	int r = unit_result_open(result, keys, &j, err);
	if (r == 0)
		r = read_texts(u, j, &t, err);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct store_transcript){0};
	return 0;
}
