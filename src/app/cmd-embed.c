/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet embed`: makes the vectors that analyses lack. */
#include <stdio.h>
#include <stdlib.h>

#include "app/commands.h"
#include "app/ui.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/embed.h"
#include "job/embed.h"
#include "search/scope.h"

static struct {
	char *video;
} own;
static const struct opt_row rows[] = {
	{"embed.video", "video", OPT_STRING, offsetof(__typeof__(own), video), "", 0, 0, NULL, "TEXT",
     "Only of videos in whose name this occurs, or whose SHA-256 begins so.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Embed", rows, ARRAY_LEN(rows)};

struct shown {
	struct ui *ui;
	const struct scope_run *run;
};

static void show(void *ctx, const struct embed_done *d)
{
	struct shown *s = ctx;
	char text[200];
	AUTO(mem_freep) char *name = text_line(s->run->name, 100);
	snprintf(text, sizeof text, "%s: %zu text%s, %zu picture%s", name, d->texts,
	         text_s((int64_t)d->texts), d->pictures, text_s((int64_t)d->pictures));
	progress_phase(ui_progress(s->ui), PHASE_VECTORS, text);
}

static int embed_all(struct app *app, struct ui *ui, struct engine *engine, struct store *store,
                     struct err *err)
{
	AUTO(scope_clear) struct scope scope = {0};
	AUTO(mem_freep) char *no_pictures = NULL;
	size_t texts = 0, pictures = 0;
	int r = scope_load(store, own.video, &scope, err);
	for (size_t i = 0; r == 0 && i < scope.n; i++) {
		AUTO(embed_done_clear) struct embed_done done = {0};
		struct shown shown = {ui, &scope.runs[i]};
		r = embed_run(engine, store, scope.runs[i].job, app->cancel, show, &shown, &done, err);
		texts += done.texts;
		pictures += done.pictures;
		if (!no_pictures)
			no_pictures = TAKE(done.no_pictures);
	}
	printf("made vectors of %zu text%s and %zu picture%s; %zu video%s\n", texts,
	       text_s((int64_t)texts), pictures, text_s((int64_t)pictures), scope.n,
	       text_s((int64_t)scope.n));
	if (no_pictures)
		puts(no_pictures);
	return r;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(ui_freep) struct ui *ui = NULL;
	AUTO(store_freep) struct store *store = NULL;
	AUTO(engine_freep) struct engine *engine = NULL;
	struct err err;
	if (argc)
		return app_usage(&cmd_embed, "\"%s\": use --video to name videos", argv[0]);
	if (!*app->engine.embed)
		return app_usage(&cmd_embed, "nothing makes vectors: name a model or a URL with --embed");
	ui = ui_new(app->options.progress);
	ui_start(ui);
	int r = app_open_store(app, &store, &err);
	if (r == 0)
		r = app_new_embedder(app, &engine, &err);
	if (r == 0)
		r = embed_all(app, ui, engine, store, &err);
	if (r == -ERR_CANCELED)
		log_warning("interrupted; what was made is kept, and the same command continues");
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_embed = {
	.name = "embed",
	.usage = "",
	.summary = "make vectors of what was analyzed, for questions",
	.text = "By vectors, a question finds what was said in other words, and frames that no one\n"
			"described. With --embed, an analysis makes them at its end. This command makes those\n"
			"that the newest ended job of each video lacks: of jobs from before, of what failed,\n"
			"and of another model. It goes on where it was interrupted.\n",
	.groups = GROUP_RUN,
	.own = &group,
	.own_target = &own,
	.run = run,
};
