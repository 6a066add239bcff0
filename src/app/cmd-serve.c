/* SPDX-License-Identifier: Apache-2.0 */
/* vdet serve: the board behind the net, until it is stopped. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "advise/performance.h"
#include "app/commands.h"
#include "base/file.h"
#include "base/log.h"
#include "board/events.h"
#include "remote/web.h"

struct serving {
	struct app *app;
	struct store *store;
	/* the engine outlives the first signal: chunks in progress are finished */
	struct cancel *engine_stop;
	struct engine *engine;
	struct memory *memory;
	struct remote_web *web; /* reads videos at addresses */
	struct app_head *head;  /* of a fleet; NULL without one */
	struct performance *performance;
	struct events *events;
	struct board *board;
	struct net *net;
	int lock, inherited;
	struct speech_places speech;
};

/* Notifies systemd (sd_notify); does nothing without NOTIFY_SOCKET. */
static void notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
		return;
	memcpy(to.sun_path, path, strlen(path));
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	AUTO(fd_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		log_debug("cannot notify %s", path);
}

/* Warnings go to the page, too. */
static void on_log(void *ctx, enum log_level level, const char *line)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	fprintf(stderr, "%s\n", line);
	if (level <= LOG_WARNING)
		events_post(ctx, EVENT_LOG, 0,
		            json_pack("{s:s, s:s}", "level", names[level], "text", line));
}

/* Two servers on one data folder would do every job twice. */
static int lock_folder(struct serving *s, struct err *err)
{
	AUTO(mem_freep) char *path = file_join(s->app->data_dir, "serve.lock");
	int r = file_mkdirs(s->app->data_dir, true, err);
	if (r < 0)
		return r;
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return err_sys(err, errno, "cannot open %s", path);
	if (file_lock_now(s->lock) < 0)
		return err_set(err, ERR_BUSY,
		               "another vdet serve uses %s; stop it, or choose another --data-dir",
		               s->app->data_dir);
	return 0;
}

static void note_engine(void *ctx, const char *what)
{
	(void)ctx;
	log_info("%s", what);
}

static int start_engine(struct serving *s, struct err *err)
{
	struct cancel *stop = s->app->cancel;
	s->engine_stop = cancel_new();
	s->app->cancel = s->engine_stop;
	int r = app_new_engine(s->app, note_engine, NULL, &s->engine, err);
	s->app->cancel = stop;
	if (r < 0)
		return r;
	app_count_spending(s->engine, s->store);
	s->memory = memory_open(&s->app->memory, s->engine);
	app_warn_about(engine_info(s->engine), s->app);
	return 0;
}

static json_t *publish_performance(void *ctx)
{
	struct serving *s = ctx;
	json_t *j = board_performance(s->board);
	performance_publish(s->performance, j);
	const struct api_fleet *fleet = app_head_api(s->head);
	if (fleet) {
		json_auto_t *view = fleet->view(fleet->ctx);
		json_array_extend(json_object_get(j, "recommendations"),
		                  json_object_get(view, "recommendations"));
	}
	return j;
}

static void add_metrics(void *ctx, json_t *sample)
{
	performance_add(ctx, sample);
}

static int set_up(struct serving *s, const struct opt_set *settings, struct err *err)
{
	struct app *app = s->app;
	int r = lock_folder(s, err);
	if (r == 0)
		r = app_open_store(app, &s->store, err);
	if (r == 0)
		r = start_engine(s, err);
	if (r == 0)
		r = app_web_open(app, s->store, true, &s->web, err);
	app->videos = s->web;
	if (r == 0)
		r = app_head_open(app, s->store, &s->head, err);
	if (r < 0)
		return r;

	s->events = events_new((size_t)app->net.events);
	s->performance = performance_new(s->engine, s->memory, s->store);
	s->speech = app_speech_places(app);
	const struct board_setup board = {.options = &app->board,
	                                  .speech = &app->speech,
	                                  .speech_places = &s->speech,
	                                  .analyze = &app->analyze,
	                                  .settings = settings,
	                                  .engine = s->engine,
	                                  .memory = s->memory,
	                                  .runner = app_head_runner(s->head),
	                                  .store = s->store,
	                                  .web = s->web,
	                                  .notify = &app->notify,
	                                  .events = s->events,
	                                  .data_dir = app->data_dir,
	                                  .locks_dir = app->locks_dir,
	                                  .add_metrics = add_metrics,
	                                  .metrics_ctx = s->performance,
	                                  .abort = s->engine_stop};

	r = board_new(&board, &s->board, err);
	const struct net_setup net = {
		.options = &app->net,
		.board = s->board,
		.events = s->events,
		.mcp = {.store = s->store, .web = s->web, .options = &app->analyze},
		.engine = s->engine,
		.memory = s->memory,
		.data_dir = app->data_dir,
		.inherited = s->inherited,
		.performance = publish_performance,
		.performance_ctx = s,
		.fleet = app_head_api(s->head)};
	return r < 0 ? r : net_new(&net, &s->net, err);
}

static void tear_down(struct serving *s)
{
	log_set_sink(NULL, NULL);
	net_free(s->net);
	board_free(s->board);
	app_head_free(s->head);
	remote_web_free(s->web);
	performance_free(s->performance);
	memory_free(s->memory);
	engine_free(s->engine);
	cancel_free(s->engine_stop);
	store_free(s->store);
	events_free(s->events);
	fd_closep(&s->lock);
}

static int serve(struct serving *s, struct err *err)
{
	log_set_sink(on_log, s->events);
	printf("vdet serves on %s\n", net_url(s->net));
	fflush(stdout);
	notify("READY=1\nSTATUS=serving");
	int r = net_run(s->net, s->app->cancel, err);
	notify("STOPPING=1");
	log_info("stopping: finishing the chunks in progress; the rest continues after the next start");
	board_stop(s->board);
	return r;
}

static int run(struct app *app, int argc, char **argv)
{
	struct serving s = {.app = app, .lock = -1, .inherited = net_inherited()};
	struct opt_bind binds[APP_BINDS_MAX];
	const struct opt_set settings = app_options_of(&cmd_serve, app, binds);
	struct err err;
	if (argc)
		return app_usage(&cmd_serve, "unexpected argument \"%s\"; add videos to the running server",
		                 argv[0]);
	if (*app->web.sha256)
		return app_usage(&cmd_serve, "--source-sha256 is of one video, as vdet analyze takes it");
	int r = set_up(&s, &settings, &err);
	if (r == 0)
		r = serve(&s, &err);
	tear_down(&s);
	/* A stop by a signal is the normal end of a server. */
	return r < 0 && err.code != ERR_CANCELED ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_serve = {
	.name = "serve",
	.usage = "",
	.summary = "serve the case board: a page, an API, a queue of videos",
	.text = "Open the printed address in a browser, and drop videos on the page.\n"
			"Everything is stored: after a stop or a crash the next start continues.\n"
			"Exit codes: 0 stopped by a signal, 1 failed, 2 wrong usage.\n",
	.groups = GROUP_ALL,
	.run = run,
};
