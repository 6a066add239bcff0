/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/doctor.h"
#include "app/ui.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/model-info.h"
#include "job/budget.h"
#include "job/survey.h"

static int print(const struct plan *p, json_t *estimate, struct err *err)
{
	json_auto_t *j = plan_json(p);
	json_object_set(j, "estimate", estimate);
	if (json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) < 0 || putchar('\n') < 0 ||
	    fflush(stdout) != 0)
		return err_set(err, ERR_IO, "cannot write to standard output");
	return 0;
}

static bool has_gpu(void)
{
	AUTO(buf_free) struct buf names = BUF(GPU_NAMES_MAX);
	doctor_name_gpus(&names);
	return names.len;
}

/* The memory that the engine may use: as configured, else of the GPU, else the
 * main memory, where the demo model always is. */
static void print_memory(const struct app *app, const struct model_look *look,
                         const struct estimate *e, int64_t frames, json_t *out)
{
	const struct engine_options *o = &app->engine;
	struct engine_places seen = {0};
	app_look_at_gpus(app, &seen);

	int64_t gpus =
		/* one server uses all of them; else each has its own */
		seen.gpus > 1 && !*o->devices ? seen.gpus : 1;
	bool main = look->demo || strcmp(o->devices, "none") == 0;
	int64_t memory = main        ? 0
	                 : o->memory ? o->memory
	                             : seen.gpu_memory * gpus,
			own = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	const char *only[] = {look->quantize, NULL};
	if (!memory && !main && has_gpu()) {
		fputs("memory: the GPU memory is unknown; set it with --gpu-memory 24G\n", stderr);
		return;
	}

	const struct fit_wish w = {
		.memory = memory ? memory : own,
		.in_use = o->memory ? 0 : seen.gpu_in_use * gpus,
		.goal = o->memory_goal,
		.main_memory = memory ? own / 2 : 0,
		.quantize = !look->here && strcmp(o->quantize, "as-is") != 0 ? look->quantize : NULL,
		.cache_type = o->cache_type,
		.slots = o->slots,
		.context = o->context,
		.frames = frames,
		.picture_width = e->width,
		.picture_height = e->height,
		.answer_tokens = app->analyze.max_tokens,
		.available = look->here && *look->quantize ? only : NULL};
	struct fit_plan p;
	struct err err;

	if (!memory) {
		fit_main(&look->shape, &w, &p);
	} else if (fit_make(&look->shape, &w, &p, &err) < 0) {
		fprintf(stderr, "memory: %s\n", err.msg);
		json_object_set_new(out, "memory", json_null());
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(p.why); i++)
		fprintf(stderr, "%s%s\n", i ? "        " : "memory: ", p.why[i]);

	json_object_set_new(
		out, "memory",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "total",
	              (json_int_t)p.need.total, "of", (json_int_t)w.memory, "weights",
	              (json_int_t)p.need.weights, "projector", (json_int_t)p.need.projector, "cache",
	              (json_int_t)p.need.cache, "compute", (json_int_t)p.need.compute, "margin",
	              (json_int_t)p.need.margin, "quantize", p.choice.quantize ? p.choice.quantize : "",
	              "slots", (json_int_t)p.choice.slots, "context", (json_int_t)p.choice.context,
	              "gpu_layers", (json_int_t)p.choice.gpu_layers));
}

static void print_estimate(const struct app *app, const struct model_look *look,
                           const struct estimate *e, const struct estimate_rates *rates,
                           const struct plan *plan, const char *verify, json_t *out)
{
	char time[CLOCK_TEXT_MAX];
	size_t most = 0;
	for (size_t i = 0; i < plan->n_chunks; i++)
		most = plan->chunks[i].n_times > most ? plan->chunks[i].n_times : most;
	fprintf(stderr, "plan:   %lld chunk%s, %lld frame%s of %lldx%lld\n", (long long)e->chunks,
	        text_s(e->chunks), (long long)e->frames, text_s(e->frames), (long long)e->width,
	        (long long)e->height);
	if (plan->bursts)
		fprintf(stderr, "seen:   %zu of %zu burst%s of activity get a frame%s\n", plan->seen,
		        plan->bursts, text_s((int64_t)plan->bursts),
		        plan->seen < plan->bursts
		            ? "; raise --chunk-frames or shorten --chunk-duration to see more"
		            : "");
	if (e->checks)
		fprintf(stderr, "checks: about %lld request%s (--verify %s)\n", (long long)e->checks,
		        text_s(e->checks), verify);
	fprintf(stderr, "tokens: %lld a frame, %lld to read, about %lld to write%s\n",
	        (long long)e->picture_tokens, (long long)e->prompt, (long long)e->output,
	        look && look->shape.parameters ? ""
	                                       : " (the model is unknown; estimated for a common one)");
	if (look && look->shape.parameters)
		print_memory(app, look, e, (int64_t)most, out);
	else if (look && *look->name && !look->endpoint)
		fprintf(stderr, "memory: unknown: how %s is built is known once it is downloaded\n",
		        look->name);
	if (e->time >= 0)
		fprintf(stderr, "time:   about %s, as %zu chunk%s with %s took before\n",
		        clock_short(e->time, time), rates->chunks, text_s((int64_t)rates->chunks),
		        look->name);
	else
		fputs("time:   unknown: no earlier job used this model\n", stderr);
}

static int estimate(struct app *app, struct store *store, const struct model_look *look,
                    const struct plan *plan, const struct video_info *video,
                    const struct analyze_options *o, json_t **ret, struct err *err)
{
	struct estimate_rates rates = {0};
	int r = look && *look->name ? estimate_rates(store, look->name, &rates, err) : 0;
	if (r < 0)
		return r;
	const struct fit_model *shape = look && look->shape.parameters ? &look->shape : NULL;
	int64_t frames = 0;
	for (size_t i = 0; i < plan->n_chunks; i++)
		frames += (int64_t)plan->chunks[i].n_times;
	const struct estimate e =
		estimate_make((int64_t)plan->n_chunks, frames, video, o, shape, &rates);
	*ret = estimate_json(&e, &rates);
	print_estimate(app, look, &e, &rates, plan, o->verify, *ret);
	return 0;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(plan_freep) struct plan *plan = NULL;
	AUTO(model_look_clear) struct model_look look = {0};
	AUTO(video_info_clear) struct video_info video = {0};
	json_auto_t *costs = NULL;
	struct err err;
	if (argc != 1)
		return app_usage(&cmd_plan, "one video is required");
	if (app->analyze.media_stream == MEDIA_STREAM_ALL)
		return app_usage(&cmd_plan, "--stream all: a plan is made for one stream; name its index");

	AUTO(store_freep) struct store *store = NULL;
	int r = app_open_store(app, &store, &err);
	if (r < 0)
		return app_fail(&err);

	const struct engine_places places = {.models_dir = app->models_dir, .demo_dir = app->demo_dir};
	bool known = model_look(&app->engine, &places, app->model.catalogue, &look, &err) == 0;
	if (!known)
		log_warning("%s", err.msg);

	AUTO(progress_freep) struct progress *progress = progress_new(NULL, NULL);
	struct analyze_options options = app->analyze; /* its strings are owned by app */
	const struct run_context context = {
		.store = store, .progress = progress, .cancel = app->cancel};
	const struct fit_model *shape = known && look.shape.parameters ? &look.shape : NULL;
	r = survey_file(&context, argv[0], known ? look.name : "", shape, &options, &plan, &video,
	                &err);
	if (r == 0)
		r = estimate(app, store, known ? &look : NULL, plan, &video, &options, &costs, &err);
	if (r == 0)
		r = print(plan, costs, &err);
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_plan = {
	.name = "plan",
	.usage = "FILE",
	.summary = "estimate the cost of an analysis, and print its plan as JSON",
	.text = "Starts nothing. `vdet analyze FILE --plan PLAN` follows the plan, edited\n"
			"or not: chunks may be\n"
			"moved, joined, split or left out, and their times changed. The report names\n"
			"what is left out, and is not complete then; the exit code stays 0.\n"
			"The plan is printed to stdout; tokens, memory and time to stderr.\n",
	.groups = GROUP_RUN | GROUP_MODEL,
	.run = run,
};
