/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/examine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "config.h"
#include "job/streams.h"

/* An open file, and what is known of it. */
struct opened {
	const struct walk_file *file;
	int fd;
	char stamp[FILE_STAMP_MAX];
	int64_t changed; /* Unix time, microseconds */
};

bool examine_is_fresh(int64_t changed, int64_t now)
{
	return changed <= now + 10 * CLOCK_SECOND && now - changed < 10 * CLOCK_SECOND;
}

/* Nothing is asked again of a file that did not change: not of a video, whose
 * default stream is known, nor of another file, unless a newer version may
 * understand it. What failed is tried again. */
static bool is_known(struct members *m, const struct opened *f, const struct analyze *a)
{
	struct member *one = members_find(m, f->file->path, -1);
	if (!one || strcmp(one->row.stamp, f->stamp) != 0)
		return false;
	if (one->row.kind == STORE_MEMBER_OTHER)
		return strcmp(one->row.settings, VDET_VERSION) == 0;
	return one->row.kind == STORE_MEMBER_VIDEO && a->options->media_stream == -1;
}

/* Marks the members of this path, and gives them their present name. */
static int see(struct members *m, const struct walk_file *f, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < m->n && r == 0; i++) {
		struct member *one = &m->items[i];
		if (strcmp(one->row.path, f->path) != 0)
			continue;
		one->seen = true;
		if (strcmp(one->row.name, f->name) == 0)
			continue;
		member_set(&one->row.name, f->name);
		r = members_save(m, one, err);
	}
	return r;
}

static int put_stream(struct members *m, const struct opened *f, const struct video_info *v,
                      int64_t stream, struct err *err)
{
	const struct member *old = members_find(m, f->file->path, stream);
	bool same = old && old->row.kind == STORE_MEMBER_VIDEO;
	AUTO(mem_freep) char *source = mem_strdup(same ? old->row.source : "");
	AUTO(mem_freep) char *job = mem_strdup(same ? old->row.job : "");
	AUTO(mem_freep) char *settings = mem_strdup(same ? old->row.settings : "");
	struct member *put;
	const struct store_member row = {
		.path = f->file->path,
		.stream = stream,
		.name = f->file->name,
		.kind = STORE_MEMBER_VIDEO,
		.stamp = (char *)f->stamp,
		.source = source,
		.job = job,
		.settings = settings,
		.fault = "",
		.start = v->recorded ? v->recorded : f->changed - v->duration,
		.clock = v->recorded ? STORE_CLOCK_METADATA : STORE_CLOCK_FILE,
		.duration = v->duration,
	};
	return members_put(m, &row, &put, err);
}

static int put_streams(struct members *m, const struct opened *f, const struct video_info *v,
                       const struct analyze_options *o, struct err *err)
{
	AUTO(mem_freep) int64_t *streams = NULL;
	size_t n = 1;
	struct analyze_options one = *o;
	const struct member *old = members_find(m, f->file->path, -1);
	int r = old && old->row.kind != STORE_MEMBER_VIDEO ? members_forget(m, f->file->path, err) : 0;
	if (o->media_stream == MEDIA_STREAM_ALL)
		streams_moving(v, &streams, &n);
	for (size_t i = 0; i < n && r == 0; i++) {
		one.media_stream = streams ? streams[i] : o->media_stream;
		streams_settle(&one, v);
		r = put_stream(m, f, v, one.media_stream, err);
	}
	return r;
}

/* A file that is not a video, or a video that cannot be read: one that has the
 * name of a video, or whose failure is not about its format. The result of an
 * earlier run of the same bytes stays. */
static int put_failure(struct members *m, const struct opened *f, struct err *why,
                       enum examine_result *ret, struct err *err)
{
	bool format = why->code == ERR_FORMAT || why->code == ERR_UNSUPPORTED;
	bool video = !format || walk_is_video_name(f->file->path);
	struct member *old = members_find(m, f->file->path, -1), *put;
	walk_hide_path(why, f->file->path);
	*ret = video ? EXAMINE_FAILED : EXAMINE_DONE;
	if (old && old->row.kind == STORE_MEMBER_VIDEO) {
		member_set(&old->row.fault, why->msg);
		return members_save(m, old, err);
	}
	const struct store_member row = {.path = f->file->path,
	                                 .stream = -1,
	                                 .name = f->file->name,
	                                 .kind = video ? STORE_MEMBER_FAULT : STORE_MEMBER_OTHER,
	                                 .stamp = (char *)f->stamp,
	                                 .source = "",
	                                 .job = "",
	                                 .settings = VDET_VERSION,
	                                 .fault = (char *)why->msg,
	                                 .start = f->changed,
	                                 .clock = STORE_CLOCK_FILE};
	return members_put(m, &row, &put, err);
}

static int examine_open(struct members *m, const struct opened *f, const struct analyze *a,
                        enum examine_result *ret, struct err *why, struct err *err)
{
	AUTO(video_info_clear) struct video_info v = {0};
	*ret = EXAMINE_DONE;
	if (is_known(m, f, a))
		return 0;
	int r = members_replace(m, f->file->path, f->stamp, err);
	if (r < 0)
		return r;
	progress_phase(a->progress, PHASE_OPENING, f->file->name);
	r = streams_probe(f->fd, a->options, a->cancel, &v, why);
	if (r == -ERR_CANCELED || cancel_fired(a->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	return r == 0 ? put_streams(m, f, &v, a->options, err) : put_failure(m, f, why, ret, err);
}

int examine_file(struct members *m, const struct walk_file *file, const struct analyze *a,
                 enum examine_result *ret, struct err *ret_why, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	struct opened f = {.file = file};
	struct stat st;
	int r = file_open_input(file->path, &fd, ret_why);
	*ret = EXAMINE_GONE;
	if (r == -ERR_NOENT)
		return 0;
	if (r == 0 && fstat(fd, &st) == 0) {
		f.changed = st.st_mtim.tv_sec * CLOCK_SECOND + st.st_mtim.tv_nsec / 1000;
		f.fd = fd;
		file_stamp_all(fd, f.stamp);
	}
	if (r == 0 && examine_is_fresh(f.changed, clock_wall())) {
		*ret = EXAMINE_FRESH;
		r = 0;
	} else if (r == 0) {
		r = examine_open(m, &f, a, ret, ret_why, err);
	} else {
		r = put_failure(m, &f, ret_why, ret, err);
	}
	return r < 0 ? r : see(m, file, err);
}

int examine_hash(struct member *m, const struct analyze *a, bool *ret_same, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	char stamp[FILE_STAMP_MAX], sha256[HASH_HEX];
	*ret_same = false;
	int r = file_open_input(m->row.path, &fd, err);
	if (r < 0)
		return r;
	file_stamp_all(fd, stamp);
	if (strcmp(stamp, m->row.stamp) != 0)
		return 0;
	if (!*m->row.source) {
		progress_phase(a->progress, PHASE_HASHING, m->row.name);
		r = hash_fd(fd, a->cancel, NULL, sha256, err);
		if (r < 0)
			return r;
		file_stamp_all(fd, stamp);
		if (strcmp(stamp, m->row.stamp) != 0)
			return 0;
		member_set(&m->row.source, sha256);
	}
	*ret_same = true;
	return 0;
}
