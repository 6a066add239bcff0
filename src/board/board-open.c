/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a video, its artifacts and single frames, for requests. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "board/board-internal.h"
#include "decoder/decoder.h"
#include "job/step-options.h"

enum { FRAME_QUALITY = 90, FRAME_SIZE_MAX = 8192 };

static int keep_frame(void *ctx, size_t i, struct frame *f)
{
	struct frame *to = ctx;
	(void)i;
	to->pts = f->pts;
	to->jpeg = TAKE(f->jpeg);
	to->jpeg_len = f->jpeg_len;
	to->fault = f->fault ? mem_strdup(f->fault) : NULL;
	return 0;
}

static int take_frame(struct decoder *d, int64_t time, int size, int quality, struct frame *ret,
                      struct err *err)
{
	const struct frame_request req = {.times = &time, .n = 1, .size = size, .quality = quality};
	int r = decoder_frames(d, &req, keep_frame, ret, err);
	if (r == 0 && !ret->jpeg)
		r = err_set(err, ERR_FORMAT, "no picture could be decoded there: %s",
		            ret->fault ? ret->fault : "");
	return r;
}

/* Opens the file if it is still the one that the video is about. If that is not
 * known, it is found out on another thread. */
static int open_current(struct board *b, int64_t id, const char *path, int *ret_fd, struct err *err)
{
	struct video *v;
	pthread_mutex_lock(&b->lock);
	int r = board_need_video(b, id, &v, err);
	AUTO(mem_freep) char *sha256 = r == 0 ? board_file_hash(v) : NULL;
	AUTO(mem_freep) char *stamp = r == 0 ? mem_strdup(v->row.stamp) : NULL;
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		r = board_open_file(b->setup.store, path, sha256, stamp, ret_fd, err);
	if (r != -ERR_BUSY)
		return r;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	v = board_find_video(locked, id);
	if (v)
		board_verify(b, v);
	return err_set(err, ERR_NOENT,
	               "the file of this video was changed since its SHA-256 was computed; it is "
	               "being read again, try again later");
}

/* Opens the file of a video; *ret_type names what it is. */
static int open_source(struct board *b, int64_t id, int *ret_fd, const char **ret_type,
                       struct err *err)
{
	struct video *v;
	pthread_mutex_lock(&b->lock);
	int r = board_need_video(b, id, &v, err);
	AUTO(mem_freep) char *path = r == 0 ? mem_strdup(v->row.path) : NULL;
	bool named = r == 0 && strcmp(v->row.origin, "path") == 0;
	*ret_type = r == 0 ? board_type_of(v) : "";
	pthread_mutex_unlock(&b->lock);
	if (r == 0 && !*path)
		r = err_set(err, ERR_NOENT, "the video is not here yet");
	if (r == 0 && named) {
		AUTO(mem_freep) char *given = TAKE(path);
		r = board_check_video_path(b, given, &path, err);
	}
	if (r == 0)
		r = open_current(b, id, path, ret_fd, err);
	return r;
}

int board_video_open(struct board *b, int64_t id, enum board_file which, int *ret_fd,
                     const char **ret_type, struct err *err)
{
	static const char *const names[] = {"",
	                                    "proxy.mp4",
	                                    "poster.jpg",
	                                    "storyboard.vtt",
	                                    "sheet-1.jpg",
	                                    "sheet-2.jpg",
	                                    "sheet-3.jpg",
	                                    "sheet-4.jpg"};
	static const char *const types[] = {"",           "video/mp4",  "image/jpeg", "text/vtt",
	                                    "image/jpeg", "image/jpeg", "image/jpeg", "image/jpeg"};
	struct video *v;
	if (which == BOARD_SOURCE)
		return open_source(b, id, ret_fd, ret_type, err);
	pthread_mutex_lock(&b->lock);
	int r = board_need_video(b, id, &v, err);
	pthread_mutex_unlock(&b->lock);
	if (r < 0)
		return r;
	if ((size_t)which >= ARRAY_LEN(names))
		return err_set(err, ERR_NOENT, "the storyboard has no such sheet");
	AUTO(mem_freep) char *path = board_artifact_path(b, id, names[which]);
	*ret_type = types[which];
	return file_exists(path)
	           ? file_open_input(path, ret_fd, err)
	           : err_set(err, ERR_NOENT, "%s of this video does not exist yet", names[which]);
}

static int frame_of(const struct board *b, const struct board_input *in, int stream, int64_t time,
                    int size, struct buf *out, int64_t *ret_pts, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(frame_clear) struct frame f = {0};
	int r = board_open_decoder(b, in, stream, NULL, &d, err);
	if (r == 0)
		r = take_frame(d, time, size ? size : FRAME_SIZE_MAX, FRAME_QUALITY, &f, err);
	if (r < 0)
		return r;
	buf_add(out, f.jpeg, f.jpeg_len);
	*ret_pts = f.pts;
	return buf_check(out, "the frame", err);
}

int board_frame(struct board *b, int64_t id, int stream, int64_t time, int size, struct buf *out,
                int64_t *ret_pts, struct err *err)
{
	AUTO(away_clear) struct away a = {0};
	struct board_input in = {.fd = -1};
	struct video *v;
	const char *type;
	if (time < 0 || size < 0 || size > FRAME_SIZE_MAX)
		return err_set(err, ERR_ARG, "a frame is at a time from 0 on, and at most %d pixels long",
		               FRAME_SIZE_MAX);
	pthread_mutex_lock(&b->lock);
	int r = board_need_video(b, id, &v, err);
	bool away = r == 0 && board_take_away(v, &a);
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		r = away ? board_open_request(b, &a, &in, err) : open_source(b, id, &in.fd, &type, err);
	if (r < 0)
		return r;
	r = frame_of(b, &in, stream, time, size, out, ret_pts, err);
	if (away && r < 0 && remote_video_fault(in.away, err))
		r = -(int)err->code;
	board_close_input(&in);
	return r;
}
