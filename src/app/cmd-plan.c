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
		fputs("memory:  the GPU memory is unknown; set it with --gpu-memory 24G\n", stderr);
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
		fprintf(stderr, "memory:  %s\n", err.msg);
		json_object_set_new(out, "memory", json_null());
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(p.why); i++)
		fprintf(stderr, "%s%s\n", i ? "         " : "memory:  ", p.why[i]);

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

/* What is estimated. */
struct costs {
	const struct model_look *look; /* NULL = nothing is known of the model */
	struct estimate_rates rates;
	struct estimate estimate;
	const struct plan *plan;
	const struct analyze_options *options;
};

static bool knows_shape(const struct model_look *look)
{
	return look && look->shape.parameters;
}

static void print_plan(const struct costs *c)
{
	const struct plan *plan = c->plan;
	const struct estimate *e = &c->estimate;
	fprintf(stderr, "plan:    %lld chunk%s, %lld frame%s of %lldx%lld\n", (long long)e->chunks,
	        text_s(e->chunks), (long long)e->frames, text_s(e->frames), (long long)e->width,
	        (long long)e->height);
	if (plan->bursts)
		fprintf(stderr, "seen:    %zu of %zu burst%s of activity get a frame%s\n", plan->seen,
		        plan->bursts, text_s((int64_t)plan->bursts),
		        plan->seen < plan->bursts
		            ? "; raise --chunk-frames or shorten --chunk-duration to see more"
		            : "");
}

/* One line a step that sends requests. */
static void print_steps(const struct costs *c)
{
	bool all = strcmp(c->options->verify, "all") == 0;
	const struct {
		const char *name, *most;
	} steps[] = {[COST_DESCRIBE] = {"chunks", ""},
	             [COST_JOIN] = {"joins", "at most "},
	             [COST_CHECK] = {"checks", all ? "about " : "at most "},
	             [COST_SECOND] = {"second", "at most "},
	             [COST_SUMMARY] = {"summary", "about "}};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const struct estimate_cost *k = &c->estimate.steps[i];
		if (!k->requests)
			continue;
		AUTO(mem_freep)
		char *why = i == COST_CHECK    ? mem_printf(" (--verify %s)", c->options->verify)
		            : i == COST_SECOND ? mem_strdup(" (--passes 2)")
		                               : NULL;
		fprintf(stderr, "%s:%*s%s%lld request%s%s, %lld tokens to read, %lld to write\n",
		        steps[i].name, (int)(8 - strlen(steps[i].name)), "", steps[i].most,
		        (long long)k->requests, text_s(k->requests), why ? why : "", (long long)k->prompt,
		        (long long)k->output);
	}
}

static void print_time(const struct costs *c)
{
	char time[CLOCK_TEXT_MAX];
	if (c->estimate.time >= 0)
		fprintf(stderr, "time:    about %s, as %zu chunk%s with %s took before\n",
		        clock_short(c->estimate.time, time), c->rates.chunks,
		        text_s((int64_t)c->rates.chunks), c->look->name);
	else
		fputs("time:    unknown: no earlier job used this model\n", stderr);
}

/* Whether the plan keeps the budget: one that was decided on before may not, as
 * more was measured since. */
static int print_budget(const struct app *app, const struct costs *c, json_t *out, struct err *err)
{
	const char *budget = c->options->budget;
	const struct estimate *e = &c->estimate;
	int64_t time, tokens;
	char takes[CLOCK_TEXT_MAX];
	if (!*budget)
		return 0;
	int r = budget_parse(budget, &time, &tokens, err);
	if (r < 0)
		return r;
	bool met = time ? e->time <= time : e->total <= tokens;
	AUTO(mem_freep)
	char *cost = time ? mem_printf("about %s", clock_short(e->time, takes))
	                  : mem_printf("about %lld tokens", (long long)e->total);
	fprintf(stderr, "budget:  %s is %s: the plan takes %s\n", budget, met ? "met" : "exceeded",
	        cost);
	/* A plan does not contain the size of pictures. */
	if (c->options->frame_size != app->analyze.frame_size)
		fprintf(stderr, "         with --plan, add --frame-size %lld, which this cost is for\n",
		        (long long)c->options->frame_size);
	json_object_set_new(out, "budget", json_pack("{s:s, s:b}", "limit", budget, "met", met));
	return 0;
}

static int print_costs(const struct app *app, const struct costs *c, json_t *out, struct err *err)
{
	const struct model_look *look = c->look;
	const struct estimate *e = &c->estimate;
	size_t most = 0;
	for (size_t i = 0; i < c->plan->n_chunks; i++)
		most = c->plan->chunks[i].n_times > most ? c->plan->chunks[i].n_times : most;

	print_plan(c);
	print_steps(c);
	fprintf(stderr, "tokens:  %lld a frame, %lld to read, about %lld to write%s\n",
	        (long long)e->picture_tokens, (long long)e->prompt, (long long)e->output,
	        knows_shape(look) ? "" : " (the model is unknown; estimated for a common one)");
	if (knows_shape(look))
		print_memory(app, look, e, (int64_t)most, out);
	else if (look && *look->name && !look->endpoint)
		fprintf(stderr, "memory:  unknown: how %s is built is known once it is downloaded\n",
		        look->name);
	print_time(c);
	return print_budget(app, c, out, err);
}

static int estimate(struct app *app, struct store *store, const struct estimate_model *model,
                    struct costs *c, const struct video_info *video, json_t **ret, struct err *err)
{
	int64_t frames = 0;
	int r = *model->name ? estimate_rates(store, model, &c->rates, err) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->plan->n_chunks; i++)
		frames += (int64_t)c->plan->chunks[i].n_times;
	c->estimate =
		estimate_make((int64_t)c->plan->n_chunks, frames, video, c->options, model, &c->rates);
	*ret = estimate_json(&c->estimate, &c->rates);
	return print_costs(app, c, *ret, err);
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
	const struct estimate_model model = {.name = known ? look.name : "",
	                                     .shape = known && knows_shape(&look) ? &look.shape : NULL,
	                                     .demo = known && look.demo};
	r = survey_file(&context, argv[0], &model, &options, &plan, &video, &err);
	if (r == 0) {
		struct costs c = {.look = known ? &look : NULL, .plan = plan, .options = &options};
		r = estimate(app, store, &model, &c, &video, &costs, &err);
	}
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
			"The plan is printed to stdout; requests, tokens, memory and time to stderr.\n",
	.groups = GROUP_RUN | GROUP_MODEL,
	.run = run,
};
