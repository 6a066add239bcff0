/* `vdet engine list|test`: which endpoints there are, and whether each does what an analysis needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/app.h"

static struct {
	bool json;
} own;
static const struct opt_row rows[] = {
	{"engine_tool.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "JSON instead of a table.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Engine tool", rows, 1};

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s && *s ? s : "-";
}

static void print_list(const json_t *all)
{
	size_t i;
	json_t *e;
	printf("%-14s %-6s %-9s %5s %8s %-9s %-28s %s\n", "NAME", "TIER", "STATE", "SLOTS", "CONTEXT", "PICTURES", "MODEL",
	       "ADDRESS");
	json_array_foreach (all, i, e) {
		const char *error = json_string_value(json_object_get(e, "error"));
		json_int_t context = json_integer_value(json_object_get(e, "context"));
		char number[24] = "-";
		if (context > 0)
			snprintf(number, sizeof number, "%lld", (long long)context);
		bool child = strcmp(text_of(e, "kind"), "child") == 0;
		printf("%-14s %-6s %-9s %5lld %8s %-9s %-28s %s\n", text_of(e, "name"), text_of(e, "tier"), text_of(e, "state"),
		       (long long)json_integer_value(json_object_get(e, "slots")), number,
		       json_is_false(json_object_get(e, "images")) ? "no" : "yes", text_of(e, "model"),
		       child ? "llama-server of ours" : text_of(e, "url"));
		if (error && *error)
			printf("%-14s %s\n", "", error);
	}
}

static int list(struct app *app)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(engine_freep) struct engine *engine = NULL;
	struct err err = {0};
	int r = app_open_store(app, &store, &err);
	if (r == 0)
		r = app_new_engine(app, NULL, NULL, &engine, &err);
	if (r < 0)
		return app_fail(&err);
	app_count_spending(engine, store);
	r = engine_start(engine, NULL, NULL, &err);
	if (r == -ERR_CANCELED)
		return EXIT_INTERRUPTED;
	json_auto_t *all = engine_endpoints_json(engine);
	if (own.json) {
		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		print_list(all);
	}
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

static int run(struct app *app, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "list") == 0)
		return list(app);
	return app_usage(&cmd_engine, argc ? "\"%s\" is not list" : "say list", argc ? argv[0] : "");
}

const struct command cmd_engine = {
	.name = "engine",
	.usage = "list",
	.summary = "list the engines that are configured, as they are now",
	.text = "Starts or asks each of them.\n",
	.groups = GROUP_APP | GROUP_ENGINE,
	.own = &group,
	.own_target = &own,
	.run = run,
};
