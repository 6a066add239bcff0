/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/texts-read.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "proc/wire.h"
#include "protocol/texts-wire.h"

/* Seventy years: a time of the timeline is never later. */
static const int64_t latest = INT64_C(70) * 366 * 86400 * CLOCK_SECOND;
enum { STREAMS_MAX = 10000, SEGMENT_VALUES = 5 };

void decoder_texts_clear(struct decoder_texts *t)
{
	for (size_t i = 0; i < t->n_tracks; i++) {
		free(t->tracks[i].format);
		free(t->tracks[i].language);
		free(t->tracks[i].title);
		free(t->tracks[i].fault);
	}
	for (size_t i = 0; i < t->n_segments; i++) {
		free(t->segments[i].who);
		free(t->segments[i].text);
	}
	free(t->tracks);
	free(t->segments);
	*t = (struct decoder_texts){0};
}

/* A string, without what text_line() removes. */
static int read_line(const json_t *head, const char *key, size_t max, char **ret, struct err *err)
{
	AUTO(mem_freep) char *text = NULL;
	int r = wire_string(head, key, max, &text, err);
	if (r == 0)
		*ret = text_line(text, max);
	return r;
}

static int read_track(const json_t *head, struct decoder_track *t, struct err *err)
{
	int64_t index = 0;
	int r = wire_int(head, "index", 0, STREAMS_MAX, &index, err);
	if (r == 0)
		r = read_line(head, "format", TEXTS_NAME_MAX, &t->format, err);
	if (r == 0)
		r = read_line(head, "language", TEXTS_NAME_MAX, &t->language, err);
	if (r == 0)
		r = read_line(head, "title", TEXTS_NAME_MAX, &t->title, err);
	if (r == 0)
		r = read_line(head, "fault", TEXTS_NAME_MAX, &t->fault, err);
	t->index = (int)index;
	return r;
}

int texts_read_tracks(const json_t *head, struct decoder_texts *to, struct err *err)
{
	const json_t *list = json_object_get(head, "tracks");
	size_t n = json_array_size(list);
	if (!json_is_array(list) || n > TEXTS_TRACKS_MAX)
		return err_set(err, ERR_PROTO, "the list of text tracks is missing or too long");
	to->tracks = mem_alloc(n + 1, sizeof *to->tracks);
	for (size_t i = 0; i < n; i++) {
		struct decoder_track *t = &to->tracks[to->n_tracks++];
		int r = read_track(json_array_get(list, i), t, err);
		if (r == 0 && i && t->index <= t[-1].index)
			r = err_set(err, ERR_PROTO, "the text tracks are not in order");
		if (r < 0)
			return r;
	}
	return 0;
}

/* The time at `i`, within [from, latest]. */
static bool read_time(const json_t *values, size_t i, int64_t from, int64_t *ret)
{
	const json_t *value = json_array_get(values, i);
	*ret = json_integer_value(value);
	return json_is_integer(value) && *ret >= from && *ret <= latest;
}

static char *read_text(const json_t *values, size_t i, size_t max)
{
	const json_t *value = json_array_get(values, i);
	const char *text = json_string_value(value);
	return text && json_string_length(value) == strlen(text) && strlen(text) <= max
	           ? text_line(text, max)
	           : NULL;
}

static bool read_segment(const json_t *values, const struct decoder_texts *of,
                         struct decoder_segment *ret)
{
	json_int_t track = json_integer_value(json_array_get(values, 0));
	bool sound = json_array_size(values) == SEGMENT_VALUES && track >= 0 &&
	             (size_t)track < of->n_tracks && !*of->tracks[track].fault &&
	             read_time(values, 1, 0, &ret->start) &&
	             read_time(values, 2, ret->start, &ret->end);
	ret->track = (size_t)track;
	ret->who = sound ? read_text(values, 3, TEXTS_WHO_MAX) : NULL;
	ret->text = ret->who ? read_text(values, 4, TEXTS_TEXT_MAX) : NULL;
	if (ret->text && *ret->text)
		return true;
	free(ret->who);
	free(ret->text);
	return false;
}

int texts_read_segments(const json_t *head, struct decoder_texts *to, struct err *err)
{
	const json_t *list = json_object_get(head, "segments");
	size_t n = json_array_size(list);
	int r = wire_int(head, "at", to->at, INT64_MAX, &to->at, err);
	if (r < 0)
		return r;
	if (!json_is_array(list) || n > TEXTS_BATCH || to->n_segments + n > TEXTS_SEGMENTS_MAX)
		return err_set(err, ERR_PROTO, "the list of segments is missing or too long");
	for (size_t i = 0; i < n; i++) {
		struct decoder_segment s;
		if (!read_segment(json_array_get(list, i), to, &s))
			return err_set(err, ERR_PROTO, "a segment of a text track is invalid");
		to->segments =
			mem_room(to->segments, to->n_segments, &to->cap_segments, sizeof *to->segments);
		to->segments[to->n_segments++] = s;
		to->bytes += strlen(s.who) + strlen(s.text);
	}
	return to->bytes <= TEXTS_BYTES_MAX
	           ? 0
	           : err_set(err, ERR_PROTO, "the text tracks exceed %d bytes", TEXTS_BYTES_MAX);
}

int texts_read_end(const json_t *head, struct decoder_texts *to, struct err *err)
{
	const json_t *unread = json_object_get(head, "unread");
	int r = wire_bool(head, "cut", &to->cut, err);
	if (r == 0 && json_array_size(unread) != to->n_tracks)
		r = err_set(err, ERR_PROTO, "the counts of the text tracks are missing");
	for (size_t i = 0; r == 0 && i < to->n_tracks; i++) {
		const json_t *n = json_array_get(unread, i);
		to->tracks[i].unread = json_integer_value(n);
		if (!json_is_integer(n) || to->tracks[i].unread < 0)
			r = err_set(err, ERR_PROTO, "a count of a text track is invalid");
	}
	return r;
}
