/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet ask`: answers a question about videos that were analyzed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/ask-list.h"
#include "app/ask-scope.h"
#include "app/ask-watch.h"
#include "app/commands.h"
#include "app/fleet.h"
#include "app/ui.h"
#include "ask/ask.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "job/budget.h"

enum { CHOICES_BYTES = 64 << 10, PAGE_BYTES = 256 << 20 };

static struct {
	char *choices, *thread, *show, *job;
	bool thorough, again, analyze, json, watch, list;
} own;
#define AT(member) offsetof(__typeof__(own), member)
static const struct opt_row rows[] = {
	{"ask.thorough", "thorough", OPT_BOOL, AT(thorough), "false", 0, 0, NULL, NULL,
     "Examine every sampled frame for this question.", OPT_COMMAND_ONLY},
	{"ask.again", "again", OPT_BOOL, AT(again), "false", 0, 0, NULL, NULL,
     "Ask again, even if the journal has the answer.", OPT_COMMAND_ONLY},
	{"ask.thread", "thread", OPT_STRING, AT(thread), "", 0, 0, NULL, "ANSWER",
     "Id of an earlier answer that the question follows.", OPT_COMMAND_ONLY},
	{"ask.show", "show", OPT_STRING, AT(show), "", 0, 0, NULL, "ANSWER",
     "Print this earlier answer instead of asking.", OPT_COMMAND_ONLY},
	{"ask.job", "job", OPT_STRING, AT(job), "", 0, 0, NULL, "JOB",
     "Id of the job to ask of its video; empty: the newest one that ended.", OPT_COMMAND_ONLY},
	{"ask.list", "list", OPT_BOOL, AT(list), "false", 0, 0, NULL, NULL,
     "Instead of asking, list the questions that were asked, newest first; with files and folders: "
     "those about their videos. With --json one object a line.",
     OPT_COMMAND_ONLY},
	{"ask.choices", "choices", OPT_STRING, AT(choices), "", 0, 0, NULL, "FILE",
     "Possible answers, one per line, at most eight; the answer names the one that fits.",
     OPT_COMMAND_ONLY},
	{"ask.analyze", "analyze", OPT_BOOL, AT(analyze), "false", 0, 0, NULL, NULL,
     "First analyze the videos that are not analyzed yet.", OPT_COMMAND_ONLY},
	{"ask.watch", "watch", OPT_BOOL, AT(watch), "false", 0, 0, NULL, NULL,
     "Keep asking: each new video in the folders, or without folders each that is analyzed.",
     OPT_COMMAND_ONLY},
	{"ask.json", "json", OPT_BOOL, AT(json), "false", 0, 0, NULL, NULL,
     "Print the answer as JSON, format vdet-answer/1.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Ask", rows, ARRAY_LEN(rows)};

/* ---- progress */

struct shown {
	struct ui *ui;
	char last[200];
};

static void show_progress(void *ctx, const struct ask_progress *p)
{
	struct shown *s = ctx;
	char text[200], start[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *name = text_line(p->video, 60);
	if (*name)
		snprintf(text, sizeof text, "%s %s %s - %s", p->step, name, clock_short(p->start, start),
		         clock_short(p->end, end));
	else
		snprintf(text, sizeof text, "%s", p->step);
	if (strcmp(text, s->last) == 0)
		return;
	snprintf(s->last, sizeof s->last, "%s", text);
	progress_phase(ui_progress(s->ui), PHASE_ASKING, text);
}

/* ---- the result */

static int write_page(const char *dir, const char *name, const struct answer *a,
                      int (*print)(const struct answer *a, struct buf *out, struct err *err),
                      struct err *err)
{
	AUTO(buf_free) struct buf b = BUF(PAGE_BYTES);
	AUTO(mem_freep) char *path = file_join(dir, name);
	int r = print(a, &b, err);
	return r < 0 ? r : file_write(path, b.data, b.len, err);
}

static bool wants(const struct app *app, const char *format)
{
	return strstr(app->analyze.format, "all") || strstr(app->analyze.format, format);
}

/* That the folder of --output can be made, before the model is asked. */
static int check_output(const char *path, struct err *err)
{
	AUTO(mem_freep) char *at = mem_strdup(path);
	while (*at && !file_exists(at)) {
		char *slash = strrchr(at, '/');
		*(slash ? slash : at) = '\0';
	}
	const char *folder = *at ? at : *path == '/' ? "/" : ".";
	if (!file_is_dir(folder))
		return err_set(err, ERR_ARG,
		               "cannot write to the folder %s: %s is a file; name another folder with "
		               "--output",
		               path, folder);
	return !*path || access(folder, W_OK | X_OK) == 0
	           ? 0
	           : err_sys(err, errno, "cannot write to the folder %s", path);
}

/* Writes the files; *ret_page: where the page is, "" without one. */
static int write_files(const struct app *app, const struct answer *a, const char *json,
                       char **ret_page, struct err *err)
{
	AUTO(mem_freep) char *own_dir = mem_printf("answer-%s.vdet", a->id);
	const char *dir = *app->analyze.output ? app->analyze.output : own_dir;
	AUTO(mem_freep) char *path = file_join(dir, "answer.json");
	*ret_page = wants(app, "html") ? file_join(dir, "answer.html") : mem_strdup("");
	int r = file_mkdirs(dir, false, err);
	if (r == 0 && wants(app, "json"))
		r = file_write(path, json, strlen(json), err);
	if (r == 0 && wants(app, "md"))
		r = write_page(dir, "answer.md", a, answer_markdown, err);
	if (r == 0 && wants(app, "html"))
		r = write_page(dir, "answer.html", a, answer_html, err);
	return r;
}

static int exit_of(const struct answer *a)
{
	static const int codes[] = {[ANSWER_ANSWERED] = EXIT_COMPLETE,
	                            [ANSWER_PARTLY] = EXIT_HOLES,
	                            [ANSWER_NOT_FOUND] = EXIT_NOT_FOUND,
	                            [ANSWER_NOT_SEEN] = EXIT_NOT_SEEN,
	                            [ANSWER_FAILED] = EXIT_FAILED};
	return codes[a->state];
}

static int print_answer(const struct app *app, const struct answer *a, const char *json,
                        struct err *err)
{
	AUTO(mem_freep) char *page = NULL;
	AUTO(buf_free) struct buf text = BUF(PAGE_BYTES);
	int r = write_files(app, a, json, &page, err);
	if (r == 0)
		r = answer_text_page(a, page, &text, err);
	if (r < 0)
		return app_fail(err);
	if (own.json)
		puts(json);
	else
		fputs(buf_str(&text), stdout);
	return exit_of(a);
}

/* ---- asking */

/* The lines of a file, without empty ones; the caller frees the text. */
static int read_choices(const char *path, char **ret_text, const char **ret, size_t *ret_n,
                        struct err *err)
{
	AUTO(buf_free) struct buf b = BUF(CHOICES_BYTES);
	char *line;
	*ret_n = 0;
	if (!*path)
		return 0;
	int r = file_read(path, &b, err);
	if (r < 0)
		return r;
	if (!text_is_utf8(buf_str(&b)) || strlen(buf_str(&b)) != b.len)
		return err_set(err, ERR_ARG, "%s is not UTF-8 text", path);
	*ret_text = mem_strdup(buf_str(&b));
	for (char *rest = *ret_text; (line = strsep(&rest, "\r\n"));) {
		if (!*line)
			continue;
		if (*ret_n == ASK_CHOICES_MAX)
			return err_set(err, ERR_ARG, "%s has more than %d choices", path, ASK_CHOICES_MAX);
		ret[(*ret_n)++] = line;
	}
	return *ret_n >= 2 ? 0 : err_set(err, ERR_ARG, "%s has no two choices, one per line", path);
}

/* What is asked, without its videos; it points into `choices`, whose text the
 * caller frees. */
static int read_question(const struct app *app, const char *question, char **ret_text,
                         const char *choices[ASK_CHOICES_MAX], struct ask_request *ret,
                         struct err *err)
{
	*ret = (struct ask_request){.question = question,
	                            .thread = own.thread,
	                            .from = app->analyze.from,
	                            .to = app->analyze.to,
	                            .choices = choices,
	                            .language = app->analyze.language,
	                            .thorough = own.thorough,
	                            .again = own.again};
	int r = read_choices(own.choices, ret_text, choices, &ret->n_choices, err);
	if (r == 0 && *app->analyze.budget)
		r = budget_parse(app->analyze.budget, &ret->budget_time, &ret->budget_tokens, err);
	return r;
}

static int ask(struct app *app, struct ui *ui, struct store *store, struct ask_scope *scope,
               const char *question, struct answer **ret, char **ret_json, struct err *err)
{
	AUTO(engine_freep) struct engine *engine = NULL;
	AUTO(memory_freep) struct memory *memory = NULL;
	AUTO(app_head_freep) struct app_head *head = NULL;
	AUTO(mem_freep) char *choices_text = NULL;
	const char *choices[ASK_CHOICES_MAX];
	struct shown shown = {.ui = ui};
	struct ask_request q;
	int r = read_question(app, question, &choices_text, choices, &q, err);
	q.videos = scope->videos;
	q.n_videos = scope->n;
	q.unread = scope->unread;
	q.n_unread = scope->n_unread;
	if (r == 0)
		r = app_new_engine(app, NULL, NULL, &engine, err);
	if (r < 0)
		return r;
	app_count_spending(engine, store);
	app_warn_about(engine_info(engine), app);
	r = app_head_open(app, store, &head, err);
	if (r < 0)
		return r;
	memory = memory_open(&app->memory, engine);
	const struct ask_context c = {.engine = engine,
	                              .store = store,
	                              .memory = memory,
	                              .options = &app->analyze,
	                              .runner = app_head_runner(head),
	                              .cancel = app->cancel,
	                              .progress = show_progress,
	                              .ctx = &shown};
	return ask_run(&c, &q, ret, ret_json, err);
}

/* Analyzes what is not analyzed, and finds the scope again. */
static int analyze_first(struct app *app, struct store *store, char **paths, int n,
                         struct ask_scope *scope, struct err *err)
{
	char none[] = "", *budget = app->analyze.budget, *output = app->analyze.output;
	app->analyze.budget = app->analyze.output = none;
	int code = app_analyze(app, scope->unread_paths, (int)scope->n_paths);
	app->analyze.budget = budget;
	app->analyze.output = output;
	if (code == EXIT_INTERRUPTED)
		return err_set(err, ERR_CANCELED, "interrupted");
	ask_scope_clear(scope);
	return ask_scope_find(store, paths, (size_t)n, app->cancel, scope, err);
}

static int find_scope(struct app *app, struct store *store, char **paths, int n,
                      struct ask_scope *ret, struct err *err)
{
	if (!n && *own.thread)
		return ask_scope_of_answer(store, own.thread, ret, err);
	if (!n && *own.job)
		return 0; /* only the video of this job */
	return ask_scope_find(store, paths, (size_t)n, app->cancel, ret, err);
}

static int run_in(struct app *app, struct ui *ui, char **paths, int n, const char *question)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(ask_scope_clear) struct ask_scope scope = {0};
	AUTO(answer_freep) struct answer *answer = NULL;
	AUTO(mem_freep) char *json = NULL;
	struct err err;
	int r = check_output(app->analyze.output, &err);
	if (r == 0)
		r = app_open_store(app, &store, &err);
	if (r == 0 && *own.show)
		r = ask_load(store, own.show, &answer, &json, &err);
	else if (r == 0)
		r = find_scope(app, store, paths, n, &scope, &err);
	if (r == 0 && own.analyze && scope.n_paths)
		r = analyze_first(app, store, paths, n, &scope, &err);
	if (r == 0 && *own.job)
		r = ask_scope_choose(store, own.job, &scope, &err);
	if (r == 0 && !answer)
		r = ask(app, ui, store, &scope, question, &answer, &json, &err);
	if (r == -ERR_CANCELED)
		log_warning("interrupted; what was asked is kept, and the same command continues");
	return r < 0 ? app_fail(&err) : print_answer(app, answer, json, &err);
}

static int watch(struct app *app, struct ui *ui, char **folders, int n, const char *question)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(app_head_freep) struct app_head *head = NULL;
	AUTO(mem_freep) char *choices_text = NULL;
	const char *choices[ASK_CHOICES_MAX];
	struct shown shown = {.ui = ui};
	struct ask_request q;
	struct err err;
	int r = read_question(app, question, &choices_text, choices, &q, &err);
	if (r == 0)
		r = app_open_store(app, &store, &err);
	if (r == 0)
		r = app_head_open(app, store, &head, &err);
	const struct ask_watch w = {.app = app,
	                            .ui = ui,
	                            .store = store,
	                            .runner = app_head_runner(head),
	                            .folders = folders,
	                            .n = (size_t)n,
	                            .question = &q,
	                            .progress = show_progress,
	                            .ctx = &shown,
	                            .json = own.json};
	if (r == 0)
		r = ask_watch_run(&w, &err);
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

static int list(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	struct err err;
	if (own.watch || *own.show || *own.thread || *own.job || *own.choices)
		return app_usage(&cmd_ask, "--list takes only files and folders");
	int r = app_open_store(app, &store, &err);
	if (r == 0)
		r = ask_list(store, argv, (size_t)argc, own.json, app->cancel, &err);
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

static int run(struct app *app, int argc, char **argv)
{
	if (own.list)
		return list(app, argc, argv);
	if (argc < 1 && !*own.show)
		return app_usage(&cmd_ask, "no question given");
	if (argc && *own.show)
		return app_usage(&cmd_ask, "--show prints an earlier answer; it takes no question");
	if (own.watch && (*own.show || *own.thread || *own.job || own.again))
		return app_usage(&cmd_ask, "--watch does not go with --show, --thread, --job and --again");
	if (*own.show && *own.job)
		return app_usage(&cmd_ask, "--show prints an earlier answer; it takes no --job");
	AUTO(ui_freep) struct ui *ui = ui_new(app->options.progress);
	ui_start(ui);
	const char *question = argc ? argv[argc - 1] : "";
	if (argc == 1 && (file_is_dir(question) || file_exists(question)))
		return app_usage(&cmd_ask, "no question given after %s", question);
	if (own.watch)
		return watch(app, ui, argv, argc - 1, question);
	return run_in(app, ui, argv, argc ? argc - 1 : 0, question);
}

const struct command cmd_ask = {
	.name = "ask",
	.usage = "[FILE|FOLDER…] QUESTION",
	.summary = "answer a question about analyzed videos",
	.text =
		"Searches what is known of the videos, looks again at the moments found, in fresh and\n"
		"denser frames, and answers with citations that were checked by a second look. Without\n"
		"FILE or FOLDER, all analyzed videos are asked about. An answer is kept: the same\n"
		"command prints it again, unless something of its videos changed. Answer.html, .md and\n"
		".json are written to --output, or answer-ID.vdet in the current folder.\n"
		"With --watch each new video in a FOLDER is analyzed and asked once, until Ctrl-C;\n"
		"a hit is one line, and is sent to --notify and --webhook.\n"
		"--list lists what was asked, and --show prints one of these answers again.\n"
		"Exit codes: 0 answered, 3 answered partly, 4 not found, 5 not seen (every sampled\n"
		"frame was examined), 1 failed, 130 interrupted.\n",
	.groups = GROUP_RUN | GROUP_NOTIFY | GROUP_FLEET,
	.own = &group,
	.own_target = &own,
	.run = run,
};
