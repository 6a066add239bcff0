/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/ui.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
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
     "Number of events to plant; 0 = one a minute, but at least five where there is room for them: "
     "8 s each.",
     OPT_COMMAND_ONLY},
	{"selftest.seed", "seed", OPT_INT, AT(seed), "1", 0, 1e15, NULL, "N",
     "Other events for each number, the same on each run.", OPT_COMMAND_ONLY},
	{"selftest.keep", "keep", OPT_STRING, AT(keep), "", 0, 0, NULL, "FILE",
     "Keep the copy with the planted events as this MP4 file, which must not exist yet.",
     OPT_COMMAND_ONLY},
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
	json_t *gaps;                   /* time without pictures in the recording; owned */
	struct selftest test;
};

static void task_clear(struct task *t)
{
	json_decref(t->gaps);
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
	progress_phase(ui_progress(t->ui), PHASE_SELFTEST, text);
}

/* The copy has no name until the result is known: nothing is left of it,
 * whatever happens, and nothing is overwritten. */
static int open_copy(struct task *t, struct err *err)
{
	const char *slash = strrchr(own.keep, '/');
	if (!*own.keep) {
		int r = file_mkdirs(t->app->data_dir, true, err);
		return r < 0 ? r : file_open_nameless(t->app->data_dir, &t->copy, err);
	}
	AUTO(mem_freep)
	char *dir = slash ? mem_printf("%.*s", (int)(slash - own.keep + 1), own.keep) : mem_strdup(".");
	if (file_exists(own.keep))
		return err_set(err, ERR_ARG, "--keep: %s exists already; choose another name", own.keep);
	return file_open_nameless(dir, &t->copy, err);
}

/* The range of the video to copy. */
static int choose_range(const struct task *t, int64_t duration, int64_t *ret_from, int64_t *ret_to,
                        struct err *err)
{
	int64_t from = t->options.from, to = t->options.to;
	char end[CLOCK_TEXT_MAX];
	to = to ? to : from + PART;
	to = to < duration ? to : duration;
	if (to <= from)
		return err_set(
			err, ERR_ARG,
			"the range is empty: --from is not before --to, or the end of the video (%s)",
			clock_text(duration, end));
	*ret_from = from;
	*ret_to = to;
	return 0;
}

/* The options of the plan of the copy, which begins at zero. */
static struct survey_options copy_options(const struct task *t)
{
	static char none[] = "";
	struct analyze_options o = t->options;
	o.from = o.to = 0;
	o.media_stream = -1;
	o.media_rate = 0;
	o.reference = none;
	return analyze_survey(&o);
}

static int make_copy(struct task *t, const char *path, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(video_info_clear) struct video_info video = {0};
	int64_t from = 0, to = 0;
	int r = file_open_input(path, &fd, err);
	if (r == 0)
		r = streams_probe(fd, &t->options, t->app->cancel, &video, err);
	if (r == 0)
		r = choose_range(t, video.duration, &from, &to, err);
	if (r == 0)
		r = selftest_make(from, to, (size_t)own.events, (uint64_t)own.seed, &t->test, err);
	const struct survey_options survey = copy_options(t);
	if (r == 0)
		r = plan_check(&survey.plan, to - from, err);
	if (r == 0)
		r = open_copy(t, err);
	if (r < 0)
		return r;

	if (*video.warning)
		log_warning("%s: %s", file_base(path), video.warning);
	t->gaps = json_incref(video.gaps);
	streams_settle(&t->options, &video);
	const struct decoder_options d = analyze_decoder(&t->options);
	r = selftest_copy(&t->test, fd, &d, on_progress, t, t->app->cancel, t->copy, err);
	return r < 0 ? err_wrap(err, "the copy with planted events") : 0;
}

/* The gaps of the recording at their times in the copy. */
static json_t *gaps_of_copy(const struct task *t)
{
	json_t *list = json_array();
	size_t i;
	const json_t *gap;
	json_array_foreach (t->gaps, i, gap) {
		json_t *moved = json_deep_copy(gap);
		int64_t end = json_integer_value(json_object_get(gap, "time_us")) - t->test.from;
		json_object_set_new(moved, "time_us", json_integer(end));
		if (end > 0 && end <= t->test.duration)
			json_array_append(list, moved);
		json_decref(moved);
	}
	return list;
}

/* The plan of the copy, as `vdet analyze` would make it. */
static int judge_copy(struct task *t, struct err *err)
{
	const struct survey_options options = copy_options(t);
	const struct run_context context = {.progress = ui_progress(t->ui), .cancel = t->app->cancel};
	json_auto_t *gaps = gaps_of_copy(t);
	AUTO(survey_clear)
	struct survey s = {.run = &context, .options = &options, .fd = t->copy, .gaps = gaps};

	int r = selftest_drop_hidden(&t->test, t->copy, &options.decoder, t->app->cancel, err);
	s.duration = t->test.duration;
	while (r == 0 && !s.whole)
		r = survey_step(&s, NULL, err);
	if (r == 0 && *s.note)
		r = err_set(err, ERR_FORMAT, "%s", s.note);
	if (r < 0)
		return err_wrap(err, "the copy with planted events");

	selftest_judge(&t->test, &options.plan, s.plan, s.index);
	return *own.keep ? file_give_name(t->copy, own.keep, err) : 0;
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
			"The copy is removed, unless --keep names a new file. Options of chunks,\n"
			"sampling and the index have the effect that they have in vdet analyze;\n"
			"those of prompts and reports have none.\n",
	.groups = GROUP_APP | GROUP_ANALYZE | GROUP_INDEX,
	.own = &group,
	.own_target = &own,
	.run = run,
};
