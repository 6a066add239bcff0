/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "gpu/gpu.h"
#include "sign/sign.h"
#include "store/ask.h"

#define GPU_LEAST ((int64_t)2 << 30)

#define AT(member) offsetof(struct app_options, member)

static const struct opt_row rows[] = {
	{"ui.progress", "progress", OPT_CHOICE, AT(progress), "auto", 0, 0, "auto|plain|json", NULL,
     "Progress display: auto shows a bar on a terminal and plain lines elsewhere, plain always "
     "lines, json one JSON object per line.",
     0},
	{"ui.log_level", "log-level", OPT_CHOICE, AT(log_level), "warning", 0, 0,
     "error|warning|info|debug", NULL, "Log verbosity on stderr.", 0},
	{"store.dir", "data-dir", OPT_STRING, AT(data_dir), "", 0, 0, NULL, "FOLDER",
     "Data folder: jobs, models, logs. Empty: $XDG_DATA_HOME/vdet or ~/.local/share/vdet.", 0},
	{"config.file", "config", OPT_STRING, AT(config), "", 0, 0, NULL, "FILE",
     "Configuration file to read instead of $XDG_CONFIG_HOME/vdet/vdet.conf.", OPT_COMMAND_ONLY},
};

const struct opt_group app_opt_group = {"General", rows, sizeof rows / sizeof *rows};

struct opt_set app_options_of(const struct command *c, struct app *app,
                              struct opt_bind binds[static APP_BINDS_MAX])
{
	size_t n = 0;
	if (c->own)
		binds[n++] = (struct opt_bind){c->own, c->own_target};
	if (c->groups & GROUP_ANALYZE)
		binds[n++] = (struct opt_bind){&analyze_opt_group, &app->analyze};
	if (c->groups & (GROUP_INDEX | GROUP_ANALYZE)) /* an analysis begins with an index */
		binds[n++] = (struct opt_bind){&index_opt_group, &app->analyze};
	if (c->groups & (GROUP_INDEX | GROUP_ANALYZE | GROUP_MEDIA))
		binds[n++] = (struct opt_bind){&media_opt_group, &app->analyze};
	else if (c->groups & GROUP_DECODER)
		binds[n++] = (struct opt_bind){&decoder_opt_group, &app->analyze};
	if (c->groups & (GROUP_TEXT | GROUP_ANALYZE))
		binds[n++] = (struct opt_bind){&text_opt_group, &app->analyze};
	if (c->groups & GROUP_SPEECH)
		binds[n++] = (struct opt_bind){&speech_opt_group, &app->speech};
	if (c->groups & GROUP_ENGINE) {
		binds[n++] = (struct opt_bind){&engine_opt_group, &app->engine};
		binds[n++] = (struct opt_bind){&memory_opt_group, &app->memory};
	}
	if (c->groups & GROUP_NET)
		binds[n++] = (struct opt_bind){&net_opt_group, &app->net};
	if (c->groups & GROUP_MODEL)
		binds[n++] = (struct opt_bind){&model_opt_group, &app->model};
	if (c->groups & GROUP_QUEUE)
		binds[n++] = (struct opt_bind){&board_opt_group, &app->board};
	if (c->groups & GROUP_NOTIFY)
		binds[n++] = (struct opt_bind){&notify_opt_group, &app->notify};
	if (c->groups & GROUP_FLEET)
		binds[n++] = (struct opt_bind){&fleet_opt_group, &app->fleet};
	if (c->groups & GROUP_WEB)
		binds[n++] = (struct opt_bind){&web_opt_group, &app->web};
	if (c->groups & GROUP_APP)
		binds[n++] = (struct opt_bind){&app_opt_group, &app->options};
	return (struct opt_set){binds, n};
}

const struct command *command_find(const struct command_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->all[i]->name, name) == 0)
			return list->all[i];
	return NULL;
}

int app_fail(const struct err *err)
{
	if (err->code == ERR_CANCELED)
		return EXIT_INTERRUPTED;
	log_error("%s", err->msg);
	return err->code == ERR_ARG ? EXIT_USAGE : EXIT_FAILED;
}

int app_usage(const struct command *c, const char *fmt, ...)
{
	char text[500];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_error("%s; usage: vdet %s %s (more: vdet help %s)", text, c->name, c->usage, c->name);
	return EXIT_USAGE;
}

/* An answer that cannot be signed is still an answer. */
static char *sign_answer(void *ctx, const char *answer)
{
	const struct app *app = ctx;
	char *text = NULL;
	struct err err;
	if (sign_text(answer, app->data_dir, &text, &err) < 0)
		log_warning("the answer is not signed: %s", err.msg);
	return text;
}

int app_open_store(const struct app *app, struct store **ret, struct err *err)
{
	AUTO(mem_freep) char *path = file_join(app->data_dir, "vdet.db");
	int r = file_mkdirs(app->data_dir, true, err);
	if (r == 0)
		r = store_open(path, ret, err);
	if (r == 0)
		store_ask_sign_with(*ret, sign_answer, (void *)app);
	return r;
}

static int spend(void *ctx, const char *endpoint, const struct engine_spending *add,
                 struct engine_spending *ret_today, struct err *err)
{
	const struct store_spending more = {add->requests, add->prompt_tokens, add->output_tokens,
	                                    add->money};
	struct store_spending sum;
	int r = store_spend(ctx, endpoint, clock_wall() / (86400 * CLOCK_SECOND), &more, &sum, err);
	if (r == 0)
		*ret_today =
			(struct engine_spending){sum.requests, sum.prompt_tokens, sum.output_tokens, sum.money};
	return r;
}

void app_count_spending(struct engine *engine, struct store *store)
{
	engine_count_spending(engine, spend, store);
}

void app_look_at_gpus(const struct app *app, struct engine_places *p)
{
	const struct gpu_options o = {.nvml = app->memory.nvml && *app->memory.nvml ? app->memory.nvml
	                                                                            : NULL};
	AUTO(gpu_freep) struct gpu *g = gpu_open(&o);
	struct gpu_device d[GPU_MANY];
	size_t n = gpu_read(g, d);
	for (size_t i = 0; i < n; i++) {
		const struct gpu_sample *s = &d[i].now;
		if (s->lost || s->total < GPU_LEAST)
			continue;
		p->gpu_memory = p->gpus++ == 0 || s->total < p->gpu_memory ? s->total : p->gpu_memory;
		p->gpu_in_use = s->used > p->gpu_in_use ? s->used : p->gpu_in_use;
	}
}

static struct engine_places places_of(const struct app *app)
{
	return (struct engine_places){.models_dir = app->demo ? NULL : app->models_dir,
	                              .demo_dir = app->demo_dir,
	                              .runtime_dir = app->runtime_dir,
	                              .setup = app->setup,
	                              .made_dir = app->made_dir,
	                              .log_path = app->engine_log,
	                              .learned_path = app->learned_path,
	                              .learn_again = app->learn_again,
	                              .catalogue = app->model.catalogue,
	                              .frames = app->analyze.chunk_frames,
	                              .frame_size = app->analyze.frame_size,
	                              .answer_tokens = app->analyze.max_tokens};
}

int app_new_engine(struct app *app, void (*note)(void *ctx, const char *what), void *ctx,
                   struct engine **ret, struct err *err)
{
	struct engine_places places = places_of(app);
	places.note = note;
	places.note_ctx = ctx;
	app_look_at_gpus(app, &places);
	return engine_new(&app->engine, &places, app->cancel, ret, err);
}

struct speech_places app_speech_places(const struct app *app)
{
	return (struct speech_places){.models_dir = app->models_dir,
	                              .runtime_dir = app->runtime_dir,
	                              .setup = app->setup,
	                              .log_path = app->speech_log};
}

int app_new_embedder(struct app *app, struct engine **ret, struct err *err)
{
	struct engine_places places = places_of(app);
	places.embed_only = true;
	return engine_new(&app->engine, &places, app->cancel, ret, err);
}
