/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts of a video for the page: poster, storyboard, and a proxy that
 * browsers can play. They are optional: if one cannot be made, the log says
 * why, and the page works without it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "board/board-internal.h"
#include "preview/preview.h"

enum { POSTER_SIZE = 640, PICTURE_SIZE = 160, PROXY_SIDE = 480, NICE = 10, VTT_MAX = 1 << 20 };

char *board_artifact_path(const struct board *b, int64_t id, const char *name)
{
	AUTO(mem_freep) char *folder = board_video_path(b, id, "made");

	return file_join(folder, name);
}

static bool has_artifact(const struct board *b, const struct video *v, const char *name)
{
	AUTO(mem_freep) char *path = board_artifact_path(b, v->row.id, name);

	return file_exists(path);
}

void board_note_artifacts(struct board *b, struct video *v)
{
	v->has_poster = has_artifact(b, v, "poster.jpg");
	v->has_storyboard = has_artifact(b, v, "storyboard.vtt");
	v->has_proxy = has_artifact(b, v, "proxy.mp4");
}

static struct preview_options options_of(const struct board *b, const struct board_input *in)
{
	const struct analyze_options *o = b->setup.analyze;
	return (struct preview_options){.decoder = {.timeout = o->media_timeout,
	                                            .memory = o->media_memory,
	                                            .sandbox = o->sandbox,
	                                            .feed = in->feed}};
}

static int make_poster(struct board *b, struct video *v, const struct board_input *in,
                       struct err *err)
{
	const struct preview_options o = options_of(b, in);
	AUTO(buf_free) struct buf jpeg = BUF(16 << 20);
	AUTO(mem_freep) char *path = board_artifact_path(b, v->row.id, "poster.jpg");
	int r = preview_poster(in->fd, &o, PREVIEW_CHOOSE, POSTER_SIZE, v->cancel, &jpeg, err);
	return r < 0 ? r : file_write(path, jpeg.data, jpeg.len, err);
}

static int make_storyboard(struct board *b, struct video *v, const struct board_input *in,
                           struct err *err)
{
	const struct preview_options o = options_of(b, in);
	AUTO(storyboard_clear) struct storyboard s = {0};
	AUTO(buf_free) struct buf vtt = BUF(VTT_MAX);
	int r = preview_storyboard(in->fd, &o, PICTURE_SIZE, v->cancel, &s, err);
	for (size_t i = 0; r == 0 && i < s.n_sheets; i++) {
		AUTO(mem_freep) char *name = mem_printf("sheet-%zu.jpg", i + 1);
		AUTO(mem_freep) char *path = board_artifact_path(b, v->row.id, name);
		r = file_write(path, s.sheets[i].data, s.sheets[i].len, err);
	}
	if (r < 0)
		return r;

	/* Sheets are named as in the API's paths. */
	storyboard_vtt(&s, "storyboard", &vtt);
	AUTO(mem_freep) char *path = board_artifact_path(b, v->row.id, "storyboard.vtt");
	return file_write(path, buf_str(&vtt), vtt.len, err);
}

void board_make_pictures(struct board *b, struct video *v, const char *path,
                         const struct board_input *in)
{
	static int (*const makers[])(struct board *, struct video *, const struct board_input *,
	                             struct err *) = {make_poster, make_storyboard};
	AUTO(mem_freep) char *folder = board_artifact_path(b, v->row.id, "");
	AUTO(board_close_input) struct board_input own = {.fd = -1};
	struct err err;
	int r = file_mkdirs(folder, true, &err);
	if (r == 0 && !in) {
		r = board_open_input(b, v, path, &own, &err);
		in = &own;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(makers); i++)
		if (makers[i](b, v, in, &err) < 0 && err.code != ERR_CANCELED)
			log_info("pictures of video %lld: %s", (long long)v->row.id, err.msg);

	AUTO(board_unlockp) struct board *locked = board_lock(b);
	board_note_artifacts(locked, v);
	board_publish_video(b, v);
}

/* ---- proxy */

struct copying {
	struct board *board;
	struct video *video;
	char *path;
};

static int make_proxy(struct board *b, struct video *v, const char *source, struct err *err)
{
	AUTO(mem_freep)
	char *path = board_artifact_path(b, v->row.id, "proxy.mp4"),
		 *part = mem_printf("%s.part", path);
	AUTO(mem_freep) char *folder = board_artifact_path(b, v->row.id, "");
	AUTO(board_close_input) struct board_input in = {.fd = -1};
	AUTO(fd_closep) int out = -1;
	int r = file_mkdirs(folder, true, err);
	if (r == 0)
		r = board_open_input(b, v, source, &in, err);
	if (r < 0)
		return r;
	const struct preview_options o = options_of(b, &in);
	out = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(err, errno, "cannot create %s", part);
	r = preview_proxy(in.fd, &o, PROXY_SIDE, out, v->cancel, err);
	if (r == 0 && (fsync(out) < 0 || rename(part, path) < 0))
		r = err_sys(err, errno, "cannot save %s", path);
	if (r < 0)
		unlink(part);
	return r;
}

static void copy_video(void *ctx)
{
	struct copying *c = ctx;
	struct err err;

	/* Of this thread, and so of the child that it starts: analyses have
	 * precedence. */
	setpriority(PRIO_PROCESS, 0, NICE);
	int r = make_proxy(c->board, c->video, c->path, &err);
	if (r < 0 && err.code != ERR_CANCELED)
		log_warning("cannot make a proxy of video %lld: %s", (long long)c->video->row.id, err.msg);
	AUTO(board_unlockp) struct board *b = board_lock(c->board);
	board_note_artifacts(b, c->video);
	c->video->makes_proxy = false;
	board_publish_video(b, c->video);
	board_wake(b);
	free(c->path);
	free(c);
}

void board_request_proxy(struct board *b, struct video *v)
{
	if (v->has_proxy || v->makes_proxy || !b->setup.options->proxy || !v->facts || board_plays(v) ||
	    b->stopping)
		return;
	struct copying *c = mem_alloc(1, sizeof *c);
	*c = (struct copying){.board = b, .video = v, .path = mem_strdup(v->row.path)};
	v->makes_proxy = true;
	pool_run(b->copying, copy_video, c);
}
