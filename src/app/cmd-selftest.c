/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/ui.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "job/step-options.h"
#include "job/streams.h"
#include "job/survey.h"
#include "selftest/selftest.h"

static struct own {
	int64_t events, seed;
	char *keep;
	bool json;
} own;
#define AT(member) offsetof(struct own, member)

static const struct opt_row rows[] = {
	{"selftest.events", "events", OPT_INT, AT(events), "0", 0, PLANTS_MAX, NULL, "N",
     "Number of events to plant; 0 = one a minute, but at least five.", OPT_COMMAND_ONLY},
	{"selftest.seed", "seed", OPT_INT, AT(seed), "1", 0, 1e15, NULL, "N",
     "Other events for each number, the same on each run.", OPT_COMMAND_ONLY},
	{"selftest.keep", "keep", OPT_STRING, AT(keep), "", 0, 0, NULL, "FILE",
     "Keep the copy with the planted events as this MP4 file.", OPT_COMMAND_ONLY},
	{"selftest.json", "json", OPT_BOOL, AT(json), "false", 0, 0, NULL, NULL,
     "Print the result as JSON.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Self-test", rows, ARRAY_LEN(rows)};

/* Of a longer video, the part that is copied if no range is given. */
static const int64_t PART = 1200 * CLOCK_SECOND;

struct task {
	struct app *app;
	struct ui *ui;
	struct analyze_options options; /* its strings are owned by app */
	int copy;                       /* the file with the copy */
	char *part;                     /* its name until it is complete, with --keep */
	struct selftest test;
};

static void task_clear(struct task *t)
{
	if (t->part)
		unlink(t->part);
	free(t->part);
	if (t->copy >= 0)
		close(t->copy);
	selftest_clear(&t->test);
	ui_free(t->ui);
}

static void on_progress(void *ctx, double fraction)
{
	struct task *t = ctx;
	char text[80];
	snprintf(text, sizeof text, "copy with planted events %.0f %%", fraction * 100);
	progress_phase(ui_progress(t->ui), PHASE_PREVIEW, text);
}

static int probe(const struct task *t, int fd, struct video_info *ret, struct err *err)
{
	const struct decoder_options o = analyze_decoder(&t->options);
	AUTO(decoder_freep) struct decoder *d = NULL;
	int r = decoder_open(fd, &o, t->app->cancel, &d, err);
	return r < 0 ? r : decoder_probe(d, ret, err);
}

/* A file that has no name, so that nothing is left of it whatever happens. */
static int open_nameless(const char *dir, int *ret, struct err *err)
{
	int r = file_mkdirs(dir, true, err);
	if (r < 0)
		return r;
	*ret = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*ret >= 0)
		return 0;
	AUTO(mem_freep) char *name = mem_printf("%s/selftest-XXXXXX", dir);
	*ret = mkostemp(name, O_CLOEXEC);
	if (*ret < 0)
		return err_sys(err, errno, "cannot make a temporary file in %s", dir);
	unlink(name);
	return 0;
}

static int open_copy(struct task *t, struct err *err)
{
	if (!*own.keep)
		return open_nameless(t->app->data_dir, &t->copy, err);
	AUTO(mem_freep) char *part = mem_printf("%s.part", own.keep);
	t->copy = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (t->copy < 0)
		return err_sys(err, errno, "cannot write %s", part);
	t->part = TAKE(part);
	return 0;
}

static int keep_copy(struct task *t, struct err *err)
{
	if (!t->part)
		return 0;
	if (fsync(t->copy) < 0 || rename(t->part, own.keep) < 0)
		return err_sys(err, errno, "cannot write %s", own.keep);
	free(TAKE(t->part));
	return 0;
}

/* The range of the video to copy. */
static int choose_range(const struct task *t, int64_t duration, int64_t *ret_from, int64_t *ret_to,
                        struct err *err)
{
	int64_t from = t->options.from, to = t->options.to;
	to = to ? to : from + PART;
	to = to < duration ? to : duration;
	if (to <= from)
		return err_set(err, ERR_ARG, "the range is empty: the video ends before --from");
	*ret_from = from;
	*ret_to = to;
	return 0;
}

static int make_copy(struct task *t, const char *path, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(video_info_clear) struct video_info video = {0};
	int64_t from = 0, to = 0;
	int r = file_open_input(path, &fd, err);
	if (r == 0)
		r = probe(t, fd, &video, err);
	if (r == 0)
		r = choose_range(t, video.duration, &from, &to, err);
	if (r == 0)
		r = selftest_make(from, to, (size_t)own.events, (uint64_t)own.seed, &t->test, err);
	if (r == 0)
		r = open_copy(t, err);
	if (r < 0)
		return r;

	streams_settle(&t->options, &video);
	const struct decoder_options d = analyze_decoder(&t->options);
	r = selftest_copy(&t->test, fd, &d, on_progress, t, t->app->cancel, t->copy, err);
	return r < 0 ? r : keep_copy(t, err);
}

/* The plan of the copy, as `vdet analyze` would make it. */
static int judge_copy(struct task *t, struct err *err)
{
	struct analyze_options o = t->options;
	o.from = o.to = 0;
	o.media_stream = -1;
	o.reference = "";
	o.media_rate = 0;
	struct survey_options options = analyze_survey(&o);
	const struct run_context context = {.progress = ui_progress(t->ui), .cancel = t->app->cancel};
	AUTO(video_info_clear) struct video_info video = {0};
	AUTO(survey_clear)
	struct survey s = {.run = &context, .options = &options, .fd = t->copy};

	int r = probe(t, t->copy, &video, err);
	s.duration = video.duration;
	if (r == 0)
		r = plan_check(&options.plan, s.duration, err);
	while (r == 0 && !s.whole)
		r = survey_step(&s, NULL, err);
	if (r < 0)
		return r;
	if (*s.note)
		return err_set(err, ERR_FORMAT, "%s", s.note);
	selftest_judge(&t->test, &options.plan, s.plan, s.index);
	return 0;
}

static int print(const struct task *t, const char *path, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	AUTO(mem_freep) char *name = text_line(file_base(path), 1000);
	if (own.json) {
		json_auto_t *j = selftest_json(&t->test);
		json_object_set_new(j, "source", json_string(name));
		AUTO(mem_freep) char *line = json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
		buf_addf(&text, "%s\n", line);
	} else {
		selftest_text(&t->test, name, &text);
	}
	if (fputs(buf_str(&text), stdout) < 0 || fflush(stdout) != 0)
		return err_set(err, ERR_IO, "cannot write to standard output");
	return 0;
}

static int run(struct app *app, int argc, char **argv)
{
	const struct analyze_options *a = &app->analyze;
	AUTO(task_clear) struct task t = {.app = app, .options = *a, .copy = -1};
	struct err err;
	if (argc != 1)
		return app_usage(&cmd_selftest, "one video is required");
	if (a->media_stream == MEDIA_STREAM_ALL)
		return app_usage(&cmd_selftest, "--stream all: one stream is tested; name its index");
	if (*a->plan_file || *a->budget)
		return app_usage(&cmd_selftest, "--plan and --budget are not supported");
	if (strcmp(a->sample_seek, "exact") != 0)
		return app_usage(&cmd_selftest, "--sample-seek=keyframe is not supported: it changes the "
		                                "times of frames");

	t.ui = ui_new(app->options.progress);
	ui_start(t.ui);
	int r = make_copy(&t, argv[0], &err);
	if (r == 0)
		r = judge_copy(&t, &err);
	ui_free(TAKE(t.ui));
	if (r == 0)
		r = print(&t, argv[0], &err);
	if (r < 0 && r != -ERR_CANCELED)
		err_wrap(&err, "%s", file_base(argv[0]));
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_selftest = {
	.name = "selftest",
	.usage = "FILE",
	.summary = "report which short events these settings would miss in a recording",
	.text = "Makes a copy of the recording (of its first 20 minutes, or of --from to --to),\n"
			"draws events into it that are known (small moving objects, and other pictures,\n"
			"for 0.6 to 5 s), and prints how many of them get a frame. No model is needed.\n"
			"The copy is removed, unless --keep names a file.\n",
	.groups = GROUP_APP | GROUP_ANALYZE | GROUP_INDEX,
	.own = &group,
	.own_target = &own,
	.run = run,
};
