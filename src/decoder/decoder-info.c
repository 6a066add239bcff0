/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "decoder/decoder-internal.h"
#include "protocol/media-wire.h"
#include "protocol/timeline-wire.h"

enum { PIXELS_MAX = 1 << 16 /* a side */ };

void video_info_clear(struct video_info *v)
{
	free(v->container);
	free(v->codec);
	free(v->hdr);
	free(v->timecode);
	free(v->pixel_format);
	free(v->warning);
	free(v->libraries);
	json_decref(v->video_streams);
	json_decref(v->gaps);
	*v = (struct video_info){0};
}

static int info_strings(const json_t *h, struct video_info *v, struct err *err)
{
	int r = wire_string(h, "container", 100, &v->container, err);
	if (r == 0)
		r = wire_string(h, "codec", 60, &v->codec, err);
	if (r == 0)
		r = wire_string(h, "pixel_format", 40, &v->pixel_format, err);
	if (r == 0)
		r = wire_string(h, "hdr", 8, &v->hdr, err);
	if (r == 0)
		r = wire_string(h, "timecode", MEDIA_TIMECODE_MAX, &v->timecode, err);
	if (r == 0)
		r = wire_string(h, "warning", MEDIA_TEXT_MAX, &v->warning, err);
	if (r == 0)
		r = wire_string(h, "libraries", MEDIA_TEXT_MAX, &v->libraries, err);
	const json_t *streams = json_object_get(h, "video_streams"), *gaps = json_object_get(h, "gaps");
	if (r == 0 && (!json_is_array(streams) || !json_is_array(gaps)))
		return err_set(err, ERR_PROTO, "the lists of streams and gaps are missing");
	v->video_streams = json_deep_copy(streams);
	v->gaps = json_deep_copy(gaps);
	return r;
}

static int info_numbers(const json_t *h, struct video_info *v, struct err *err)
{
	struct {
		const char *key;
		int64_t min, max;
		int *ret;
	} ints[] = {
		{"stream", 0, 10000, &v->stream},
		{"preferred", -1, 10000, &v->preferred},
		{"streams", 1, 10000, &v->streams},
		{"timeline", 1, TIMELINE_VERSION, &v->timeline},
		{"width", 1, PIXELS_MAX, &v->width},
		{"height", 1, PIXELS_MAX, &v->height},
		{"coded_width", 1, PIXELS_MAX, &v->coded_width},
		{"coded_height", 1, PIXELS_MAX, &v->coded_height},
		{"rotation", 0, 270, &v->rotation},
	};
	struct {
		const char *key;
		int64_t min, max, *ret;
	} longs[] = {
		{"duration", 1, DECODER_LATEST, &v->duration},
		{"header_duration", 0, INT64_MAX, &v->header_duration},
		{"start_time", -DECODER_LATEST, DECODER_LATEST, &v->start_time},
		{"recorded", 0, INT64_MAX, &v->recorded},
		{"frames", 0, INT64_MAX, &v->frames},
	};
	struct {
		const char *key;
		bool *ret;
	} bools[] = {
		{"variable_rate", &v->variable_rate},
		{"interlaced", &v->interlaced},
		{"duration_measured", &v->duration_measured},
		{"has_audio", &v->has_audio},
	};

	int r = wire_real(h, "fps", 0, 1e6, &v->fps, err);
	for (size_t i = 0; i < ARRAY_LEN(ints) && r == 0; i++) {
		int64_t x = 0;
		r = wire_int(h, ints[i].key, ints[i].min, ints[i].max, &x, err);
		*ints[i].ret = (int)x;
	}
	for (size_t i = 0; i < ARRAY_LEN(longs) && r == 0; i++)
		r = wire_int(h, longs[i].key, longs[i].min, longs[i].max, longs[i].ret, err);
	for (size_t i = 0; i < ARRAY_LEN(bools) && r == 0; i++)
		r = wire_bool(h, bools[i].key, bools[i].ret, err);
	return r;
}

int decoder_read_info(const json_t *head, struct video_info *ret, struct err *err)
{
	int r = info_strings(head, ret, err);
	return r < 0 ? r : info_numbers(head, ret, err);
}
