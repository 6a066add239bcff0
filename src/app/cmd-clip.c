/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/ui.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "clip/clip.h"
#include "job/step-options.h"

static struct own {
	int64_t from, to;
	char *output;
	bool overwrite, json;
} own;
#define AT(member) offsetof(struct own, member)

static const struct opt_row rows[] = {
	{"clip.from", "from", OPT_TIME, AT(from), "0", 0, 3.2e8, NULL, "TIME",
     "The clip begins with the first frame that begins at this time or later.", OPT_COMMAND_ONLY},
	{"clip.to", "to", OPT_TIME, AT(to), "0", 0, 3.2e8, NULL, "TIME",
     "The clip ends with the last frame that begins before this time; 0 = the end of the video.",
     OPT_COMMAND_ONLY},
	{"clip.output", "output", OPT_STRING, AT(output), "", 0, 0, NULL, "FILE",
     "Output file, NAME.mp4; empty: a name made of the video's and the times, in the current "
     "folder.",
     OPT_COMMAND_ONLY},
	{"clip.overwrite", "overwrite", OPT_BOOL, AT(overwrite), "false", 0, 0, NULL, NULL,
     "Replace a file that is there already.", OPT_COMMAND_ONLY},
	{"clip.json", "json", OPT_BOOL, AT(json), "false", 0, 0, NULL, NULL,
     "Print what was made as JSON.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Clips", rows, ARRAY_LEN(rows)};

static int print(const char *video, const char *path, const struct clip_result *r)
{
	AUTO(mem_freep) char *output = text_line(path, 4000);
	if (!own.json) {
		AUTO(mem_freep) char *text = clip_text(r);
		printf("%s\n%s\n", output, text);
		return 0;
	}
	AUTO(mem_freep) char *source = text_line(file_base(video), 1000);
	json_auto_t *j = clip_json(r);
	json_object_set_new(j, "source", json_string(source));
	json_object_set_new(j, "output", json_string(output));
	AUTO(mem_freep) char *line = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));
	puts(line);
	return 0;
}

static int make(struct app *app, const char *video, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	struct clip_result result;
	int r = file_open_input(video, &fd, err);
	if (r < 0)
		return r;
	struct ui *ui = ui_new(app->options.progress);
	struct ui_writing writing = {.ui = ui, .name = "clip", .shown = -1};
	const struct clip_options o = {.decoder = analyze_decoder(&app->analyze),
	                               .from = own.from,
	                               .to = own.to ? own.to : INT64_MAX,
	                               .overwrite = own.overwrite,
	                               .progress = ui_writing,
	                               .ctx = &writing};
	AUTO(mem_freep) char *path = *own.output ? mem_strdup(own.output) : NULL;

	ui_start(ui);
	r = path ? clip_write(fd, path, &o, app->cancel, &result, err)
	         : clip_write_named(fd, "", video, &o, app->cancel, &path, &result, err);
	ui_free(ui);
	if (r < 0)
		return r == -ERR_CANCELED ? r : err_wrap(err, "%s", file_base(video));
	return print(video, path, &result);
}

static bool is_mp4(const char *path)
{
	size_t n = strlen(path);
	return n > 4 && (!strcasecmp(path + n - 4, ".mp4") || !strcasecmp(path + n - 4, ".m4v"));
}

static int run(struct app *app, int argc, char **argv)
{
	struct err err;
	if (argc != 1)
		return app_usage(&cmd_clip, "one video is required");
	if (!own.from && !own.to)
		return app_usage(&cmd_clip, "name the range with --from and --to");
	if (*own.output && !is_mp4(own.output))
		return app_usage(&cmd_clip, "a clip is an MP4 file; its name must end with .mp4");
	if (app->analyze.media_stream == MEDIA_STREAM_ALL)
		return app_usage(&cmd_clip, "--stream all: a clip is made of one stream; name its index");
	return make(app, argv[0], &err) < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_clip = {
	.name = "clip",
	.usage = "FILE --from TIME --to TIME",
	.summary = "write a part of a video as MP4, exact to the frame",
	.text = "The clip has the frames that begin in the range, with their sound. Frames\n"
			"are copied without loss; only those that cannot be copied, at the start\n"
			"and at the end, are encoded again. An existing file is not replaced.\n",
	.groups = GROUP_APP | GROUP_MEDIA,
	.own = &group,
	.own_target = &own,
	.run = run,
};
