/* SPDX-License-Identifier: Apache-2.0 */
#include "job/streams.h"

#include <string.h>

#include "base/file.h"
#include "job/step-options.h"

void streams_settle(struct analyze_options *o, const struct video_info *v)
{
	if (o->media_stream >= 0 && o->media_stream == v->preferred)
		o->media_stream = -1;
}

static int64_t *single(int64_t stream, size_t *ret_n)
{
	int64_t *list = mem_alloc(1, sizeof *list);
	list[0] = stream;
	*ret_n = 1;
	return list;
}

void streams_moving(const struct video_info *v, int64_t **ret, size_t *ret_n)
{
	AUTO(mem_freep)
	int64_t *list = mem_alloc(json_array_size(v->video_streams) + 1, sizeof *list);
	size_t i, n = 0;
	const json_t *s;
	json_array_foreach (v->video_streams, i, s) {
		const char *kind = json_string_value(json_object_get(s, "kind"));
		if (kind && strcmp(kind, "video") == 0 && !json_is_true(json_object_get(s, "still")))
			list[n++] = json_integer_value(json_object_get(s, "index"));
	}
	*ret = n ? TAKE(list) : single(-1, &n);
	*ret_n = n;
}

int streams_probe(int fd, const struct analyze_options *o, struct cancel *cancel,
                  struct video_info *ret, struct err *err)
{
	const struct decoder_options options = analyze_decoder(o);
	AUTO(decoder_freep) struct decoder *d = NULL;
	int r = decoder_open(fd, &options, cancel, &d, err);
	return r < 0 ? r : decoder_probe(d, ret, err);
}

int streams_list(const char *path, const struct analyze_options *o, struct cancel *cancel,
                 int64_t **ret, size_t *ret_n, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(video_info_clear) struct video_info v = {0};
	if (o->media_stream != MEDIA_STREAM_ALL) {
		*ret = single(o->media_stream, ret_n);
		return 0;
	}
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	r = streams_probe(fd, o, cancel, &v, err);
	if (r < 0)
		return r == -ERR_CANCELED ? r : err_wrap(err, "%s", file_base(path));
	streams_moving(&v, ret, ret_n);
	return 0;
}
