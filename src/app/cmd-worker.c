/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/ui.h"
#include "base/file.h"
#include "base/log.h"
#include "job/step-options.h"
#include "work/serve.h"

static void note_engine(void *ctx, const char *what)
{
	progress_phase(ctx, PHASE_ENGINE, what);
}

struct teller {
	struct ui *ui;
	const char *name;
};

static void tell(void *ctx, const char *text)
{
	const struct teller *t = ctx;
	ui_say(t->ui, "worker %s: %s", t->name, text);
}

static int serve(struct app *app, const struct fleet_options *link, struct engine *engine,
                 struct ui *ui, struct cancel *drain, struct err *err)
{
	AUTO(memory_freep) struct memory *memory = memory_open(&app->memory, engine);
	AUTO(mem_freep) char *cache = file_join(app->data_dir, "fleet-cache");
	const struct app_fleet *o = &app->fleet;
	const struct speech_places speech = app_speech_places(app);
	struct teller teller = {ui, link->name};
	const struct work_serve with = {.link = *link,
	                                .engine = engine,
	                                .memory = memory,
	                                .decoder = analyze_decoder(&app->analyze),
	                                .texts = {.text = analyze_screentext(&app->analyze),
	                                          .speech = &app->speech,
	                                          .places = &speech},
	                                .cache_dir = cache,
	                                .cache_limit = o->cache,
	                                .path_map = o->path_map,
	                                .ca_file = o->ca,
	                                .slots = o->slots,
	                                .say = tell,
	                                .say_ctx = &teller};
	return work_serve(&with, drain, NULL, err);
}

/* The first signal drains, the second ends at once: see main.c. The engine
 * outlives the first. */
static int start(struct app *app, const struct fleet_options *link, struct ui *ui, struct err *err)
{
	AUTO(engine_freep) struct engine *engine = NULL;
	struct cancel *drain = app->cancel, *stop = cancel_new();
	app->cancel = stop;
	int r = file_mkdirs(app->data_dir, true, err);
	if (r == 0)
		r = app_new_engine(app, note_engine, ui_progress(ui), &engine, err);
	if (r == 0) {
		app_warn_about(engine_info(engine), app);
		r = engine_start(engine, note_engine, ui_progress(ui), err);
	}
	if (r == 0) {
		ui_say(ui, "worker %s: %s; Ctrl-C ends it after the units in progress", link->name,
		       engine_info(engine)->model);
		r = serve(app, link, engine, ui, drain, err);
		if (r == 0)
			ui_say(ui, "worker %s has ended", link->name);
	}
	app->cancel = drain;
	engine_free(TAKE(engine));
	cancel_free(stop);
	return r;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(ui_freep) struct ui *ui = NULL;
	char host[FLEET_NAME_MAX + 1];
	struct fleet_options link;
	struct err err;
	if (argc)
		return app_usage(&cmd_worker, "unknown argument \"%s\"", argv[0]);
	if (app_fleet_link(&app->fleet, host, &link, &err) < 0)
		return app_fail(&err);

	/* For what the context of a local model is planned. */
	app->analyze.chunk_frames = 6;
	app->analyze.frame_size = 1280;
	app->analyze.max_tokens = 2048;
	app->analyze.media_stream = -1; /* a unit names it */
	ui = ui_new(app->options.progress);
	ui_start(ui);
	return start(app, &link, ui, &err) < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_worker = {
	.name = "worker",
	.usage = "--fleet ADDRESS",
	.summary = "do work for the analyses and questions of other machines",
	.text = "Takes chunks of videos from all heads that it finds through a NATS server, decodes\n"
			"their frames, describes them with its own engine, and sends the results back. A head\n"
			"is a vdet analyze or vdet serve with --fleet, and must have the same model.\n"
			"Where they are installed, it also reads text in pictures and transcribes speech.\n"
			"docs/fleet.md shows how to begin. The first signal ends it after the chunks in\n"
			"progress; the second at once, and another worker does them.\n"
			"Exit codes: 0 ended by a signal or drained, 1 failed, 2 wrong usage.\n",
	.groups = GROUP_APP | GROUP_ENGINE | GROUP_DECODER | GROUP_TEXT | GROUP_SPEECH | GROUP_MODEL |
              GROUP_FLEET,
	.run = run,
};
