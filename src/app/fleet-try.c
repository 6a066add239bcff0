/* SPDX-License-Identifier: Apache-2.0 */
#include "app/fleet-try.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/demo-video.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

/* Folders of the data of this command: the journal of the analysis without a
 * fleet, which a second run finds done, and what ends with each run. */
struct folders {
	char *alone, *run;
	int lock;
};

static void folders_clear(struct folders *f)
{
	struct err err;
	if (f->lock >= 0 && file_remove_tree(f->run, &err) < 0)
		log_warning("%s", err.msg);
	fd_closep(&f->lock);
	free(f->alone);
	free(f->run);
}

/* What a run left that was killed is removed. */
static int folders_take(const struct app *app, struct folders *f, struct err *err)
{
	AUTO(mem_freep) char *base = file_join(app->data_dir, "fleet-try");
	f->alone = file_join(base, "alone");
	f->run = file_join(base, "run");
	int r = file_mkdirs(base, true, err);
	if (r < 0)
		return r;
	AUTO(fd_closep) int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open the folder %s", base);
	if (file_lock_now(fd) < 0)
		return err_set(err, ERR_BUSY, "another vdet fleet try is running with the data folder %s",
		               app->data_dir);
	f->lock = fd;
	fd = -1;
	r = file_remove_tree(f->run, err);
	return r < 0 ? r : file_mkdirs(f->run, true, err);
}

/* A line of results; with --progress json those of the analyses are the only
 * ones on standard output. */
static void say(const struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct app *app, const char *fmt, ...)
{
	char text[1000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	AUTO(mem_freep) char *line = text_line(text, sizeof text);
	const char *progress = app->options.progress;
	FILE *to = progress && strcmp(progress, "json") == 0 ? stderr : stdout;
	fprintf(to, "%s\n", line);
	fflush(to);
}

static char *report_folder(const char *video, const char *dir, const char *kind)
{
	AUTO(mem_freep) char *stem = file_stem(video);
	AUTO(mem_freep) char *name = mem_printf("%s.%s.vdet", stem, kind);
	return file_join(dir, name);
}

/* Units are chunks and looks at frames. Those that were settled after the last
 * look are not counted. */
static void print_counts(const struct try_run *t, size_t chunks)
{
	say(t->app, "the recording has %zu chunks", chunks);
	for (int i = 0; i < TRY_WORKERS; i++) {
		const struct try_worker *w = &t->workers[i];
		say(t->app, "%s: %" PRId64 " units of work", w->name, w->done);
	}
}

static void print_comparison(const struct app *app, const struct try_comparison *c)
{
	say(app, "%zu event%s with the fleet and without it: %s", c->events, text_s((int64_t)c->events),
	    c->same ? "the same" : "not the same");
	char *rest = c->differences.data;
	for (char *line; rest && (line = strsep(&rest, "\n"));)
		if (*line)
			say(app, "  %s", line);
	if (!c->same && !c->differences.len)
		say(app, "  they are in another order");
}

/* Both analyses. *ret_code: the worse exit code. */
static int analyze(struct try_run *t, const struct folders *f, const char *video,
                   const char *const output[2], int *ret_code, struct err *err)
{
	AUTO(mem_freep) char *data = file_join(f->run, "head");
	const struct try_analysis fleet = {video, data, output[0], false},
							  alone = {video, f->alone, output[1], true};
	int r = try_run_analyze(t, &fleet, ret_code, err);
	try_run_stop(t);
	if (r < 0 || *ret_code != EXIT_COMPLETE)
		return r;
	say(t->app, "the same analysis without a fleet:");
	return try_run_analyze(t, &alone, ret_code, err);
}

static int run(struct app *app, const struct fleet_try_options *o, const struct folders *f,
               const char *video, int *ret_code, struct err *err)
{
	AUTO(try_run_clear) struct try_run t = {0};
	struct try_comparison c = {0};
	AUTO(mem_freep) char *with = report_folder(video, o->dir, "fleet");
	AUTO(mem_freep) char *without = report_folder(video, o->dir, "alone");
	const char *const output[] = {with, without};
	int r = try_run_start(app, f->run, &t, err);
	if (r < 0)
		return r;
	say(app, "a NATS server at %s, %s and %s, for this run", t.url, t.workers[0].name,
	    t.workers[1].name);
	r = analyze(&t, f, video, output, ret_code, err);
	if (r < 0 || *ret_code != EXIT_COMPLETE)
		return r;
	r = try_compare(with, without, &c, err);
	if (r < 0)
		return r;
	print_counts(&t, c.chunks);
	print_comparison(app, &c);
	*ret_code = c.same ? EXIT_COMPLETE : EXIT_FAILED;
	buf_free(&c.differences);
	return 0;
}

int app_fleet_try(struct app *app, const struct fleet_try_options *o)
{
	AUTO(folders_clear) struct folders f = {.lock = -1};
	AUTO(mem_freep) char *video = NULL, *setup = places_setup("build");
	struct world_video drawn = {0};
	struct err err;
	int code = EXIT_COMPLETE;
	if (!fleet_supported()) {
		log_error("this vdet was built without libnats, which a fleet needs; `%s` brings it if "
		          "there is a package, then build vdet again in a new build folder",
		          setup);
		return EXIT_FAILED;
	}
	int r = folders_take(app, &f, &err);
	if (r == 0)
		r = demo_video_draw(o->dir, strtoll(DEMO_SEED, NULL, 10), o->hours, app->cancel, &drawn,
		                    &video, &err);
	if (r == 0)
		r = run(app, o, &f, video, &code, &err);
	if (r < 0)
		return app_fail(&err);
	return code;
}
