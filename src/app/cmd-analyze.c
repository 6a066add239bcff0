/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/ui.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cases/cases.h"
#include "engine/model-info.h"
#include "job/streams.h"
#include "remote/web.h"
#include "report/report.h"

/* The path relative to the current folder, if it is below it. */
static const char *short_path(const char *path)
{
	static char cwd[4096];
	extern char *getcwd(char *, size_t);
	size_t n = getcwd(cwd, sizeof cwd) ? strlen(cwd) : 0;
	return n > 1 && strncmp(path, cwd, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

static void print_report(struct ui *ui, const struct analyze_result *r, const char *format)
{
	static const char *const names[] = {"html", "json", "md", "vtt", "csv"};
	AUTO(buf_free) struct buf others = BUF(200);
	const char *main = NULL;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(format, "all") != 0 && !strstr(format, names[i]))
			continue;
		if (main)
			buf_addf(&others, "%s.%s", others.len ? " " : "", names[i]);
		else
			main = names[i];
	}
	ui_say(ui, "report: %s/report.%s%s%s%s", short_path(r->dir), main, others.len ? "  (" : "",
	       buf_str(&others), others.len ? ")" : "");
	if (r->earlier)
		ui_say(ui, "the previous report is kept in %s", short_path(r->earlier));
	const struct progress_event event = {.type = PROGRESS_REPORT,
	                                     .report = {.job = r->job,
	                                                .dir = r->dir,
	                                                .chunks = r->chunks,
	                                                .holes = r->holes,
	                                                .resumed = r->resumed}};
	progress_emit(ui_progress(ui), &event);
}

static void show_result(struct ui *ui, const struct analyze_result *r, const char *format)
{
	if (r->resumed)
		ui_say(ui, "%zu of %zu chunks were done before", r->resumed, r->chunks);
	print_report(ui, r, format);
}

static int exit_of(const struct analyze_result *r)
{
	char t[CLOCK_TEXT_MAX];
	if (r->left_out)
		log_warning("the given plan leaves out %s of the video: nothing is known of what happened "
		            "there",
		            clock_short(r->left_out, t));
	if (r->missed)
		log_warning(
			"%zu burst%s of activity without a frame, so that the model did not see %s; the "
			"report has more; to see more, raise --chunk-frames or shorten "
			"--chunk-duration",
			r->missed, text_s((int64_t)r->missed), r->missed == 1 ? "it" : "them");
	if (r->damaged)
		log_warning("%zu of %zu frames are damaged; what the report says of them may be wrong",
		            r->damaged, r->pictures);
	if (r->outcome == ANALYZE_COMPLETE)
		return EXIT_COMPLETE;
	if (r->outcome == ANALYZE_EMPTY) {
		log_error(r->chunks == 1 ? "%zu chunk failed: %s" : "all %zu chunks failed; the first: %s",
		          r->chunks, r->first_hole);
		return EXIT_FAILED;
	}
	log_warning("%zu of %zu chunks are holes; the same command tries them again. The first: %s",
	            r->holes, r->chunks, r->first_hole);
	return EXIT_HOLES;
}

static void emit_error(struct ui *ui, const char *file, const struct err *err)
{
	const struct progress_event event = {
		.type = PROGRESS_ERROR,
		.error = {.file = file,
	              .code = err_code_name(err->code),
	              .message = err->code == ERR_CANCELED ? "interrupted" : err->msg}};

	progress_emit(ui_progress(ui), &event);
}

static int analyze_one(const struct analyze *a, struct ui *ui, const char *file)
{
	AUTO(analyze_result_clear) struct analyze_result result = {0};
	AUTO(mem_freep) char *name = remote_is_address(file) ? remote_address_name(file) : NULL;
	struct err err;
	int r = analyze_file(a, file, &result, &err);
	if (r < 0) {
		emit_error(ui, file_base(name ? name : file), &err);
		if (err.code == ERR_CANCELED)
			log_warning(
				"interrupted; finished chunks are kept, and the same command continues from there");
		else if (err.code == ERR_NOSPC)
			err_add(&err, "finished chunks are kept, and the same command continues once there is "
			              "space");
		return app_fail(&err);
	}
	show_result(ui, &result, a->options->format);
	return exit_of(&result);
}

static int worse(int a, int b)
{
	static const int order[] = {EXIT_INTERRUPTED, EXIT_FAILED, EXIT_USAGE, EXIT_HOLES};
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_COMPLETE;
}

/* Each stream that the options name, as a video of its own. */
static int analyze_streams(const struct analyze *a, struct ui *ui, const char *file)
{
	AUTO(mem_freep) int64_t *streams = NULL;
	struct analyze_options options = *a->options;
	struct analyze one = *a;
	size_t n = 0;
	struct err err;
	int code = EXIT_COMPLETE;
	int r = streams_list(file, a->options, a->cancel, &streams, &n, &err);
	if (r < 0) {
		emit_error(ui, file_base(file), &err);
		return app_fail(&err);
	}
	one.options = &options;
	for (size_t i = 0; i < n && code != EXIT_INTERRUPTED; i++) {
		options.media_stream = streams[i];
		if (n > 1) {
			AUTO(mem_freep) char *name = text_line(file_base(file), 1000);
			ui_say(ui, "%s: stream %lld", name, (long long)streams[i]);
		}
		code = worse(code, analyze_one(&one, ui, file));
	}
	return code;
}

/* The options of this command alone. */
static struct analyze_own {
	char *name;
	bool forget_missing;
} own;

/* A case while it is analyzed. */
struct case_shown {
	struct ui *ui;
	const struct analyze_options *options;
	int code; /* the worst so far */
};

static void on_case_file(void *ctx, const char *name, const struct analyze_result *result,
                         const struct err *err)
{
	struct case_shown *c = ctx;
	if (result) {
		show_result(c->ui, result, c->options->format);
		c->code = worse(c->code, exit_of(result));
	} else {
		emit_error(c->ui, name, err);
		app_fail(err);
		c->code = worse(c->code, EXIT_FAILED);
	}
}

static int analyze_case(const struct analyze *a, struct ui *ui, char **paths, int n)
{
	AUTO(case_result_clear) struct case_result result = {0};
	struct case_shown shown = {.ui = ui, .options = a->options, .code = EXIT_COMPLETE};
	const struct case_options o = {.analyze = a,
	                               .name = *own.name ? own.name : NULL,
	                               .forget_missing = own.forget_missing,
	                               .paths = paths,
	                               .n = (size_t)n,
	                               .on_file = on_case_file,
	                               .ctx = &shown};
	struct err err;
	if (case_analyze(&o, &result, &err) < 0) {
		emit_error(ui, NULL, &err);
		if (err.code == ERR_CANCELED)
			log_warning(
				"interrupted; finished videos and chunks are kept, and the same command continues");
		return worse(shown.code, app_fail(&err));
	}
	if (result.lost)
		log_warning("%zu file%s missing now, and never looked at; --forget-missing leaves %s out",
		            result.lost, result.lost == 1 ? " is" : "s are",
		            result.lost == 1 ? "it" : "them");
	if (*result.lacks && result.dir)
		log_warning("the case is not complete: %s", result.lacks);
	if (result.before)
		ui_say(ui, "%zu of %zu videos were done before", result.before, result.now);
	if (result.dir)
		ui_say(ui, "case: %s/case.%s", short_path(result.dir),
		       strstr(a->options->format, "html") || strstr(a->options->format, "all") ? "html"
		                                                                               : "json");
	else {
		log_error("no video was found (%zu other files)", result.others);
		return EXIT_FAILED;
	}
	return *result.lacks ? worse(shown.code, EXIT_HOLES) : shown.code;
}

static int analyze_all(struct app *app, struct ui *ui, struct engine *engine, struct store *store,
                       const struct runner *runner, char **files, int n, bool is_case)
{
	AUTO(memory_freep) struct memory *memory = memory_open(&app->memory, engine);
	struct analyze_options options = app->analyze;
	char none[] = "";
	/* With several files or streams each gets a folder of its own inside
	 * --output. */
	bool several = n > 1 || is_case || options.media_stream == MEDIA_STREAM_ALL;
	const char *reports_dir = several && *options.output ? options.output : NULL;
	if (reports_dir)
		options.output = none;

	/* For a budget: how many tokens a picture takes. */
	AUTO(model_look_clear) struct model_look look = {0};
	const struct engine_places places = {.models_dir = app->demo ? NULL : app->models_dir,
	                                     .demo_dir = app->demo_dir};
	struct err ignored;
	bool known = *options.budget &&
	             model_look(&app->engine, &places, app->model.catalogue, &look, &ignored) == 0;
	const struct speech_places speech = app_speech_places(app);
	const struct analyze a = {.options = &options,
	                          .speech = &app->speech,
	                          .speech_places = &speech,
	                          .shape = known && look.shape.parameters ? &look.shape : NULL,
	                          .engine = engine,
	                          .store = store,
	                          .memory = memory,
	                          .reports_dir = reports_dir,
	                          .locks_dir = app->locks_dir,
	                          .runner = runner,
	                          .web = app->videos,
	                          .expected = app->videos && *app->web.sha256 ? app->web.sha256 : NULL,
	                          .progress = ui_progress(ui),
	                          .cancel = app->cancel};

	int code = is_case ? analyze_case(&a, ui, files, n) : EXIT_COMPLETE;
	for (int i = 0; i < n && !is_case && code != EXIT_INTERRUPTED; i++)
		code = worse(code, analyze_streams(&a, ui, files[i]));
	progress_emit(ui_progress(ui),
	              &(struct progress_event){.type = PROGRESS_END, .exit_code = code});
	return code;
}

static void note_engine(void *ctx, const char *what)
{
	progress_phase(ctx, PHASE_ENGINE, what);
}

void app_warn_about(const struct engine_info *i, const struct app *app)
{
	if (*i->warning)
		log_warning("%s", i->warning);
	if (i->demo_model && !app->demo)
		log_warning(
			"no model is configured, so the bundled demo model answers: it understands only the "
			"scenes that "
			"`vdet demo` draws. Put a GGUF model and its mmproj into %s, or name an --engine",
			app->models_dir);
}

static int start(struct app *app, char **files, int n, bool is_case)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(engine_freep) struct engine *engine = NULL;
	AUTO(remote_web_freep) struct remote_web *web = NULL;
	AUTO(app_head_freep) struct app_head *head = NULL;
	AUTO(ui_freep) struct ui *ui = ui_new(app->options.progress);
	struct err err;
	ui_start(ui);
	int r = report_check_formats(app->analyze.format, &err);
	if (r == 0)
		r = app_open_store(app, &store, &err);
	if (r == 0)
		r = app_new_engine(app, note_engine, ui_progress(ui), &engine, &err);
	if (r == 0)
		r = app_web_open(app, store, false, &web, &err);
	app->videos = web;
	if (r == 0)
		r = app_head_open(app, store, &head, &err);
	if (r < 0) {
		emit_error(ui, NULL, &err);
		return app_fail(&err);
	}
	app_count_spending(engine, store);
	app_warn_about(engine_info(engine), app);
	return analyze_all(app, ui, engine, store, app_head_runner(head), files, n, is_case);
}

int app_analyze(struct app *app, char **files, int n)
{
	return start(app, files, n, false);
}

static const struct opt_row own_rows[] = {
	{"case.name", "case", OPT_STRING, offsetof(struct analyze_own, name), "", 0, 0, NULL, "NAME",
     "Name of the case that the files belong to; empty: the real path of the first folder. The "
     "same name adds files to the same case.",
     OPT_COMMAND_ONLY},
	{"case.forget_missing", "forget-missing", OPT_BOOL,
     offsetof(struct analyze_own, forget_missing), "false", 0, 0, NULL, NULL,
     "Leave out of the case the files that are missing now and were never looked at: those that "
     "failed, and videos without a result.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group own_group = {"Case", own_rows, ARRAY_LEN(own_rows)};

static int run(struct app *app, int argc, char **argv)
{
	bool is_case = *own.name;
	if (argc < 1)
		return app_usage(&cmd_analyze, "no video given");
	for (int i = 0; i < argc; i++)
		is_case |= file_is_dir(argv[i]);
	for (int i = 0; i < argc; i++)
		if (remote_is_address(argv[i]) &&
		    (is_case || app->analyze.media_stream == MEDIA_STREAM_ALL))
			return app_usage(&cmd_analyze,
			                 is_case ? "an address cannot be part of a case; analyze it alone"
			                         : "of a video at an address, --media-stream names one stream");
	if (*app->web.sha256 && (argc > 1 || is_case))
		return app_usage(&cmd_analyze, "--source-sha256 is that of one video");
	return start(app, argv, argc, is_case);
}

const struct command cmd_analyze = {
	.name = "analyze",
	.usage = "FILE|FOLDER|ADDRESS…",
	.summary = "analyze videos and write reports",
	.text =
		"Analyzes each video chunk by chunk, and writes report.html, .json, .md, .vtt and .csv.\n"
		"Every finished chunk is kept; after an interruption the same command continues.\n"
		"All videos in and below a FOLDER are one case: each is analyzed, and case.html,\n"
		".json, .md and .csv report on all of them. The next run does only what is new\n"
		"or changed. Nothing is written into FOLDER.\n"
		"An ADDRESS is http://…, https://… or s3://BUCKET/KEY: docs/sources.md.\n"
		"Exit codes: 0 complete, 3 finished with holes, or a case that is not complete,\n"
		"1 failed, or every chunk is a hole, 2 wrong usage, 130 interrupted.\n",
	.groups = GROUP_RUN | GROUP_MODEL | GROUP_FLEET | GROUP_WEB,
	.own = &own_group,
	.own_target = &own,
	.run = run,
};
