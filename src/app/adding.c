/* SPDX-License-Identifier: Apache-2.0 */
#include "app/adding.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "job/analyze.h"
#include "mcp/library.h"

enum { ANALYSES_MAX = 1000 };

enum analysis_state { QUEUED, RUNNING, DONE, HOLES, FAILED };

struct analysis {
	struct adding *adding;
	size_t number;
	char *path; /* real path */
	struct progress *progress;
	/* With the lock. */
	enum analysis_state state;
	bool reported; /* that it failed */
	char *job, *fault;
};

struct adding {
	struct app *app;
	struct store *store;
	const char *const *folders;
	const char *output;
	struct cancel *stop, *signals; /* app->cancel meanwhile and before */
	struct pool *pool;             /* of one thread */
	pthread_mutex_t starting;      /* the engine; guards both */
	struct engine *engine;
	struct memory *memory;
	pthread_mutex_t lock;
	struct analysis **all;
	size_t n, cap;
};

struct adding *adding_new(struct app *app, struct store *store, const char *const *folders,
                          const char *output)
{
	struct adding *a = mem_alloc(1, sizeof *a);
	*a = (struct adding){.app = app,
	                     .store = store,
	                     .folders = folders,
	                     .output = output,
	                     .stop = cancel_new(),
	                     .signals = app->cancel};
	app->cancel = a->stop;
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->starting, NULL);
	a->pool = pool_new(1);
	return a;
}

void adding_free(struct adding *a)
{
	if (!a)
		return;
	cancel_fire(a->stop);
	pool_free(a->pool);
	memory_free(a->memory);
	engine_free(a->engine);
	for (size_t i = 0; i < a->n; i++) {
		progress_free(a->all[i]->progress);
		free(a->all[i]->path);
		free(a->all[i]->job);
		free(a->all[i]->fault);
		free(a->all[i]);
	}
	free(a->all);
	a->app->cancel = a->signals;
	cancel_free(a->stop);
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->starting);
	free(a);
}

/* ---- the thread */

int adding_engine(void *ctx, struct engine **ret, struct memory **ret_memory, struct err *err)
{
	struct adding *a = ctx;
	int r = 0;
	pthread_mutex_lock(&a->starting);
	if (!a->engine)
		r = app_new_engine(a->app, NULL, NULL, &a->engine, err);
	if (r == 0 && !a->memory) {
		app_count_spending(a->engine, a->store);
		app_warn_about(engine_info(a->engine), a->app);
		a->memory = memory_open(&a->app->memory, a->engine);
	}
	*ret = a->engine;
	*ret_memory = a->memory;
	pthread_mutex_unlock(&a->starting);
	return r;
}

static int analyze(struct analysis *one, struct analyze_result *ret, struct err *err)
{
	struct adding *a = one->adding;
	struct analyze_options options = a->app->analyze;
	char none[] = "";
	options.output = none; /* a folder of its own in the one that may be written */
	struct engine *engine;
	struct memory *memory;
	int r = adding_engine(a, &engine, &memory, err);
	if (r < 0)
		return r;
	const struct analyze how = {.options = &options,
	                            .engine = engine,
	                            .store = a->store,
	                            .memory = memory,
	                            .reports_dir = a->output,
	                            .locks_dir = a->app->locks_dir,
	                            .progress = one->progress,
	                            .cancel = a->stop};
	return analyze_file(&how, one->path, ret, err);
}

static void set_state(struct analysis *one, enum analysis_state state)
{
	pthread_mutex_lock(&one->adding->lock);
	one->state = state;
	pthread_mutex_unlock(&one->adding->lock);
}

static void run(void *ctx)
{
	struct analysis *one = ctx;
	struct adding *a = one->adding;
	AUTO(analyze_result_clear) struct analyze_result result = {0};
	struct err err;
	set_state(one, RUNNING);
	int r = cancel_fired(a->stop) ? err_set(&err, ERR_CANCELED, "stopped")
	                              : analyze(one, &result, &err);
	bool empty = r == 0 && result.outcome == ANALYZE_EMPTY;
	if (r < 0 && err.code != ERR_CANCELED)
		log_error("%s", err.msg);

	pthread_mutex_lock(&a->lock);
	one->state = r < 0 || empty ? FAILED : result.outcome == ANALYZE_HOLES ? HOLES : DONE;
	one->job = r < 0 || empty ? NULL : TAKE(result.job);
	one->fault = r < 0 ? mem_strdup(err.msg) : empty ? mem_strdup(result.first_hole) : NULL;
	one->reported = false;
	pthread_mutex_unlock(&a->lock);
}

/* ---- calls */

/* The same error for files outside and files that do not exist, so that clients
 * cannot find out which files exist. */
static int resolve(const struct adding *a, const char *path, char **ret, struct err *err)
{
	AUTO(mem_freep)
	char *whole = path[0] == '/' ? mem_strdup(path) : file_join(a->folders[0], path);
	AUTO(mem_freep) char *real = realpath(whole, NULL);
	for (size_t i = 0; real && a->folders[i]; i++) {
		AUTO(fd_closep) int fd = -1;
		if (!file_is_below(real, a->folders[i]))
			continue;
		int r = file_open_input(real, &fd, err);
		if (r < 0)
			return r;
		if (!library_is_inside(fd, a->folders[i]))
			break;
		*ret = TAKE(real);
		return 0;
	}
	return err_set(err, ERR_NOENT,
	               "there is no file %.200s in the folders that this server may read", path);
}

/* With the lock. */
static struct analysis *find(const struct adding *a, const char *path)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->all[i]->path, path) == 0)
			return a->all[i];
	return NULL;
}

/* With the lock; takes `path`. NULL: there are too many. */
static struct analysis *start(struct adding *a, struct analysis *known, char *path)
{
	if (!known && a->n == ANALYSES_MAX) {
		free(path);
		return NULL;
	}
	struct analysis *one = known ? known : mem_alloc(1, sizeof *one);
	if (known) {
		free(known->fault);
		known->fault = NULL;
		free(path);
	} else {
		a->all = mem_room(a->all, a->n, &a->cap, sizeof(struct analysis *));
		a->all[a->n++] = one;
		*one = (struct analysis){
			.adding = a, .number = a->n, .path = path, .progress = progress_new(NULL, NULL)};
	}
	one->state = QUEUED;
	pool_run(a->pool, run, one);
	return one;
}

/* With the lock. */
static void describe(struct analysis *one, struct mcp_added *ret)
{
	static const char *const states[] = {"queued", "running", "done", "holes", "failed"};
	struct progress_view view;
	progress_read(one->progress, &view);
	bool ended = one->state == DONE || one->state == HOLES;
	*ret = (struct mcp_added){.state = states[one->state],
	                          .progress = ended                   ? 1
	                                      : one->state == RUNNING ? view.fraction
	                                                              : 0,
	                          .video = mem_strdup(one->job)};
	snprintf(ret->handle, sizeof ret->handle, "analysis-%zu", one->number);
	if (one->fault)
		ret->message = mem_strdup(one->fault);
	else if (one->state == RUNNING)
		ret->message = mem_printf("%s %s", progress_phase_name(view.phase), view.detail);
	one->reported = one->reported || one->state == FAILED;
}

int adding_add(void *ctx, const char *path, const char *url, struct mcp_added *ret, struct err *err)
{
	struct adding *a = ctx;
	AUTO(mem_freep) char *real = NULL;
	if (url)
		return err_set(err, ERR_UNSUPPORTED,
		               "this server fetches no videos; name a file, or use vdet serve");
	int r = resolve(a, path, &real, err);
	if (r < 0)
		return r;

	pthread_mutex_lock(&a->lock);
	struct analysis *one = find(a, real);
	if (!one || (one->state == FAILED && one->reported))
		one = start(a, one, TAKE(real));
	if (one)
		describe(one, ret);
	pthread_mutex_unlock(&a->lock);
	return one ? 0
	           : err_set(err, ERR_LIMIT, "%d videos were added; start vdet mcp again",
	                     ANALYSES_MAX);
}
