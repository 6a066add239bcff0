/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/ui.h"
#include "job/step-options.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "preview/preview.h"

static struct own {
	char *output;
	int64_t at, size;
} own;
enum { STEM_MAX = 200 /* bytes of the video's name in those of its files */ };
#define AT(member) offsetof(struct own, member)

static const struct opt_row rows[] = {
	{"preview.output", "output", OPT_STRING, AT(output), "", 0, 0, NULL, "FILE",
     "Output file; empty: a name derived from the video's, in the current folder.",
     OPT_COMMAND_ONLY},
	{"preview.size", "size", OPT_INT, AT(size), "0", 0, 8192, NULL, "PIXELS",
     "Long side of a poster (0 = 1280) or of one storyboard frame (0 = 160); short side of a "
     "proxy (0 = 480).",
     OPT_COMMAND_ONLY},
	{"preview.at", "at", OPT_TIME, AT(at), "0", 0, 3.2e8, NULL, "TIME",
     "Take the poster from the keyframe nearest to this time; 0 = choose the keyframe with the "
     "most detail.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Previews", rows, ARRAY_LEN(rows)};

struct task {
	struct app *app;
	int fd; /* the video */
	char *stem;
	struct preview_options options;
	struct ui *ui;
	struct ui_writing writing;
};

/* The output path, which the caller frees; by default the video's stem and
 * `suffix`. */
static char *output_name(const struct task *t, const char *suffix)
{
	return *own.output ? mem_strdup(own.output) : mem_printf("%s%s", t->stem, suffix);
}

static int wrote(const struct task *t, const char *path)
{
	AUTO(mem_freep) char *line = text_line(path, 4000);
	ui_say(t->ui, "%s", line);
	return 0;
}

static int make_poster(struct task *t, struct err *err)
{
	AUTO(buf_free) struct buf jpeg = BUF(64 << 20);
	AUTO(mem_freep) char *path = output_name(t, ".poster.jpg");
	int r = preview_poster(t->fd, &t->options, own.at ? own.at : PREVIEW_CHOOSE,
	                       own.size ? (int)own.size : 1280, t->app->cancel, &jpeg, err);
	if (r == 0)
		r = file_write(path, buf_str(&jpeg), jpeg.len, err);
	return r < 0 ? r : wrote(t, path);
}

static int write_storyboard(const struct task *t, const struct storyboard *s, const char *path,
                            struct err *err)
{
	AUTO(buf_free) struct buf vtt = BUF(1 << 20);
	const char *slash = strrchr(path, '/');
	AUTO(mem_freep) char *stem = file_stem(path);
	storyboard_vtt(s, stem, &vtt);
	for (size_t i = 0; i < s->n_sheets; i++) {
		AUTO(mem_freep)
		char *sheet =
			mem_printf("%.*s%s-%zu.jpg", slash ? (int)(slash - path + 1) : 0, path, stem, i + 1);
		int r = file_write(sheet, buf_str(&s->sheets[i]), s->sheets[i].len, err);
		if (r < 0)
			return r;
		wrote(t, sheet);
	}
	int r = file_write(path, buf_str(&vtt), vtt.len, err);
	return r < 0 ? r : wrote(t, path);
}

static int make_storyboard(struct task *t, struct err *err)
{
	AUTO(storyboard_clear) struct storyboard s = {0};
	AUTO(mem_freep) char *path = output_name(t, ".storyboard.vtt");
	int r = preview_storyboard(t->fd, &t->options, own.size ? (int)own.size : 160, t->app->cancel,
	                           &s, err);
	return r < 0 ? r : write_storyboard(t, &s, path, err);
}

/* A file that is written as NAME.part and renamed when it is complete. */
static int make_file(struct task *t, const char *suffix,
                     int (*fill)(const struct task *t, int fd, struct err *err), struct err *err)
{
	AUTO(mem_freep) char *path = output_name(t, suffix);
	AUTO(mem_freep) char *part = mem_printf("%s.part", path);
	if (file_is_at(t->fd, path) || file_is_at(t->fd, part))
		return err_set(err, ERR_ARG, "the output %s is the video itself; choose another name",
		               path);
	AUTO(fd_closep) int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(err, errno, "cannot write %s", part);
	int r = fill(t, fd, err);
	if (r == 0 && (fsync(fd) < 0 || rename(part, path) < 0))
		r = err_sys(err, errno, "cannot write %s", path);
	if (r < 0)
		unlink(part);
	return r < 0 ? r : wrote(t, path);
}

static int fill_proxy(const struct task *t, int fd, struct err *err)
{
	return preview_proxy(t->fd, &t->options, own.size ? (int)own.size : 480, fd, t->app->cancel,
	                     err);
}

static int make_proxy(struct task *t, struct err *err)
{
	return make_file(t, ".proxy.mp4", fill_proxy, err);
}

static int fill_sound(const struct task *t, int fd, struct err *err)
{
	return preview_sound(t->fd, &t->options, fd, t->app->cancel, err);
}

static int make_sound(struct task *t, struct err *err)
{
	return make_file(t, ".wav", fill_sound, err);
}

static const struct {
	const char *name;
	int (*make)(struct task *t, struct err *err);
} kinds[] = {
	{"poster", make_poster},
	{"storyboard", make_storyboard},
	{"proxy", make_proxy},
	{"sound", make_sound},
};

static int make(struct app *app, size_t kind, const char *path, struct err *err)
{
	const struct analyze_options *a = &app->analyze;
	AUTO(ui_freep) struct ui *ui = ui_new(app->options.progress);
	AUTO(fd_closep) int fd = -1;
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *whole = file_stem(path);
	AUTO(mem_freep) char *stem = file_short_name(whole, STEM_MAX);
	struct task t = {.app = app,
	                 .fd = fd,
	                 .stem = stem,
	                 .ui = ui,
	                 .writing = {.ui = ui, .name = kinds[kind].name, .shown = -1}};
	t.options = (struct preview_options){
		.decoder = analyze_decoder(a), .progress = ui_writing, .ctx = &t.writing};
	ui_start(ui);
	r = kinds[kind].make(&t, err);
	return r < 0 && r != -ERR_CANCELED ? err_wrap(err, "%s", file_base(path)) : r;
}

static int run(struct app *app, int argc, char **argv)
{
	struct err err;
	if (argc != 2)
		return app_usage(&cmd_preview, "a subcommand and one video are required");
	if (app->analyze.media_stream == MEDIA_STREAM_ALL)
		return app_usage(&cmd_preview,
		                 "--stream all: a preview is made of one stream; name its index");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(argv[0], kinds[i].name))
			return make(app, i, argv[1], &err) < 0 ? app_fail(&err) : EXIT_COMPLETE;
	return app_usage(&cmd_preview, "unknown subcommand \"%s\"", argv[0]);
}

const struct command cmd_preview = {
	.name = "preview",
	.usage = "poster|storyboard|proxy|sound FILE",
	.summary = "make a poster, a storyboard, a proxy, or extract the audio of a video",
	.text = "poster      one image (JPEG) that represents the video\n"
			"storyboard  thumbnails at even intervals on sheets (JPEG), and WebVTT\n"
			"that lists them for players\n"
			"proxy       a small copy (MP4, H.264, AAC) that any browser plays and\n"
			"that is fast to decode\n"
			"sound       the audio track as WAV: mono, 16 kHz\n",
	.groups = GROUP_APP | GROUP_MEDIA,
	.own = &group,
	.own_target = &own,
	.run = run,
};
