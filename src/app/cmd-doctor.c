/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <jansson.h>

#include "app/commands.h"
#include "app/doctor.h"

static struct {
	bool json;
} own;
static const struct opt_row rows[] = {
	{"doctor.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "Print one JSON object.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Doctor", rows, 1};

static const char *const state_names[] = {"ok", "note", "fault"};

static void print_text(const struct checks *c)
{
	static const char *const marks[] = {"ok   ", "note ", "FAULT"};
	for (size_t i = 0; i < c->n; i++) {
		printf("%s  %-18s %s\n", marks[c->items[i].state], c->items[i].name, c->items[i].found);
		if (*c->items[i].advice)
			printf("%*s→ %s\n", 26, "", c->items[i].advice);
	}
}

static void print_json(const struct checks *c, bool healthy)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "check", c->items[i].name,
		                                      "state", state_names[c->items[i].state], "found",
		                                      c->items[i].found, "advice", c->items[i].advice));
	json_auto_t *root = json_pack("{s:b, s:o}", "healthy", healthy, "checks", list);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
}

static int run(struct app *app, int argc, char **argv)
{
	(void)argv;
	if (argc)
		return app_usage(&cmd_doctor, "it takes no arguments");
	AUTO(checks_clear) struct checks c = {0};
	doctor_media(&c);
	doctor_machine(&c, app);
	doctor_engine(&c, app);
	doctor_vectors(&c, app);
	doctor_speech(&c, app);
	bool healthy = true;
	for (size_t i = 0; i < c.n; i++)
		healthy &= c.items[i].state != CHECK_FAULT;
	if (own.json)
		print_json(&c, healthy);
	else
		print_text(&c);
	return healthy ? EXIT_COMPLETE : EXIT_FAILED;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "",
	.summary = "check libraries, decoders, engine, model, GPU and disk",
	.text = "Exit code 0 if an analysis can run, 1 otherwise.\n",
	.groups = GROUP_APP | GROUP_ENGINE | GROUP_SPEECH,
	.own = &group,
	.own_target = &own,
	.run = run,
};
