/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet advise [JOB]`: how fast a job was, and what to change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advise/performance.h"
#include "app/commands.h"

static struct {
	bool json;
} own;
static const struct opt_row rows[] = {
	{"advise.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "Print one JSON object.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Advice", rows, 1};

static int take_newest(void *ctx, const struct store_job *j)
{
	char **id = ctx;
	if (!*id)
		*id = mem_strdup(j->id);
	return 0;
}

static double number(const json_t *p, const char *key)
{
	return json_number_value(json_object_get(p, key));
}

static void print_line(const char *name, double v, const char *unit, int digits)
{
	if (v > 0)
		printf("%-22s %.*f %s\n", name, digits, v, unit);
}

static void print_text(const struct report *r, const json_t *p, const struct advice *a, size_t n)
{
	const json_t *engine = json_object_get(p, "engine_time"),
				 *decode = json_object_get(p, "decode_time");
	printf("job %s  %s\n\n", r->job, r->source_name);
	print_line("processing time", number(p, "wall_time"), "s", 1);
	print_line("video per second", number(p, "video_a_second"), "s", 1);
	print_line("frames per second", number(p, "frames_a_second"), "", 2);
	print_line("tokens read", number(p, "prefill_rate"), "per second", 0);
	print_line("tokens written", number(p, "decode_rate"), "per second", 0);
	print_line("engine busy", 100 * number(p, "engine_busy"), "% of the time", 0);
	if (json_is_object(engine))
		printf("%-22s median %.1f s, 90 %% within %.1f s, longest %.1f s\n", "a chunk, model",
		       number(engine, "p50"), number(engine, "p90"), number(engine, "max"));
	if (json_is_object(decode))
		printf("%-22s median %.2f s, 90 %% within %.2f s, longest %.2f s\n", "a chunk, decoding",
		       number(decode, "p50"), number(decode, "p90"), number(decode, "max"));
	for (size_t i = 0; i < r->n_steps; i++)
		printf("%-22s %s (%s)\n", i ? "" : "memory", r->steps[i].what, r->steps[i].why);
	puts("");
	for (size_t i = 0; i < n; i++)
		printf("%s %s\n  → %s\n", a[i].warning ? "!" : "-", a[i].text, a[i].action);
	if (!n)
		puts("No recommendations.");
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(report_freep) struct report *report = NULL;
	AUTO(mem_freep) char *newest = NULL;
	struct advice advice[ADVICE_MANY];
	struct advice_facts facts;
	struct err err;

	if (argc > 1)
		return app_usage(&cmd_advise, "name one job, or none for the newest");
	int r = app_open_store(app, &store, &err);
	if (r == 0 && !argc)
		r = store_job_each(store, take_newest, &newest, &err);
	if (r == 0 && !argc && !newest)
		r = err_set(&err, ERR_NOENT, "no jobs yet; vdet analyze FILE creates one");
	if (r == 0)
		r = report_load_text(store, argc ? argv[0] : newest, REPORT_NORMAL, &report, &err);
	if (r < 0)
		return app_fail(&err);

	performance_facts(report, NULL, NULL, &facts);
	facts.slots = app->engine.slots > 0 ? app->engine.slots : facts.slots;
	size_t n = advice_give(&facts, advice);
	json_auto_t *p = performance_of(report);
	if (own.json) {
		json_auto_t *all =
			json_pack("{s:O, s:o}", "performance", p, "recommendations", advice_json(advice, n));
		json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		print_text(report, p, advice, n);
	}
	return EXIT_COMPLETE;
}

const struct command cmd_advise = {
	.name = "advise",
	.usage = "[JOB]",
	.summary = "show how fast a job was, and what to change",
	.text = "Without a job: the newest one. Each recommendation names the measurement\n"
			"and the option to change.\n",
	.groups = GROUP_APP | GROUP_ENGINE,
	.own = &group,
	.own_target = &own,
	.run = run,
};
