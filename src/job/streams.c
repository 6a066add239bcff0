/* SPDX-License-Identifier: Apache-2.0 */
#include "job/streams.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
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

/* Of a list of streams as probing makes it. */
static bool is_moving(const json_t *stream)
{
	return strcmp(json_text(stream, "kind"), "video") == 0 &&
	       !json_is_true(json_object_get(stream, "still"));
}

void streams_moving(const struct video_info *v, int64_t **ret, size_t *ret_n)
{
	AUTO(mem_freep)
	int64_t *list = mem_alloc(json_array_size(v->video_streams) + 1, sizeof *list);
	size_t i, n = 0;
	const json_t *s;
	json_array_foreach (v->video_streams, i, s)
		if (is_moving(s))
			list[n++] = json_integer_value(json_object_get(s, "index"));
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

/* ---- what no run is about */

/* Notes which streams of its file a run is about: in `files`, by SHA-256,
 * {"name", "streams": {"0": true, …}}. */
static void note_run(json_t *files, const json_t *source, const char *name)
{
	const char *sha256 = json_text(source, "sha256");
	json_t *file = json_object_get(files, sha256), *stream;
	size_t i;
	if (!file) {
		file = json_pack("{s:s, s:{}}", "name", name, "streams");
		json_object_set_new(files, sha256, file);
	}
	json_t *streams = json_object_get(file, "streams");
	json_array_foreach (json_object_get(source, "streams"), i, stream) {
		AUTO(mem_freep)
		char *index =
			mem_printf("%lld", (long long)json_integer_value(json_object_get(stream, "index")));
		if (json_is_true(json_object_get(stream, "chosen")))
			json_object_set_new(streams, index, json_true());
		else if (is_moving(stream) && !json_object_get(streams, index))
			json_object_set_new(streams, index, json_false());
	}
}

static int read_run(struct store *s, const struct streams_run *run, json_t *files, struct err *err)
{
	AUTO(store_job_clear) struct store_job job = {0};
	int r = store_job_find(s, run->job, &job, err);
	if (r < 0)
		return r == -ERR_NOENT ? 0 : r;
	json_auto_t *facts = json_loads(job.facts ? job.facts : "", 0, NULL);
	note_run(files, json_object_get(facts, "source"), run->name);
	return 0;
}

int streams_left_out(struct store *s, const struct streams_run *runs, size_t n, char ***ret,
                     size_t *ret_n, struct err *err)
{
	json_auto_t *files = json_object();
	const char *sha256, *index;
	json_t *file, *used;
	size_t cap = 0;
	for (size_t i = 0; i < n; i++) {
		int r = read_run(s, &runs[i], files, err);
		if (r < 0)
			return r;
	}
	*ret = NULL;
	*ret_n = 0;
	json_object_foreach (files, sha256, file)
		json_object_foreach (json_object_get(file, "streams"), index, used) {
			if (json_is_true(used))
				continue;
			*ret = mem_room(*ret, *ret_n, &cap, sizeof **ret);
			(*ret)[(*ret_n)++] = mem_printf("%s, stream %s", json_text(file, "name"), index);
		}
	return 0;
}
