/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet engine list|test|forget`: which endpoints there are, whether each does
 * what an analysis needs, and what was learned of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/commands.h"
#include "engine/endpoint-config.h"
#include "engine/learned.h"
#include "job/conformance.h"
#include "openai/endpoint.h"

static struct {
	bool json;
} own;
static const struct opt_row rows[] = {
	{"engine_tool.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "JSON instead of a table.",
     OPT_COMMAND_ONLY},
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
	printf("%-14s %-6s %-9s %5s %8s %-9s %-28s %s\n", "NAME", "TIER", "STATE", "SLOTS", "CONTEXT",
	       "PICTURES", "MODEL", "ADDRESS");
	json_array_foreach (all, i, e) {
		const char *error = json_string_value(json_object_get(e, "error"));
		json_int_t context = json_integer_value(json_object_get(e, "context"));
		char number[24] = "-";
		if (context > 0)
			snprintf(number, sizeof number, "%lld", (long long)context);
		bool child = strcmp(text_of(e, "kind"), "child") == 0;
		printf("%-14s %-6s %-9s %5lld %8s %-9s %-28s %s\n", text_of(e, "name"), text_of(e, "tier"),
		       text_of(e, "state"), (long long)json_integer_value(json_object_get(e, "slots")),
		       number, json_is_false(json_object_get(e, "images")) ? "no" : "yes",
		       text_of(e, "model"), child ? "local llama-server" : text_of(e, "url"));
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

/* ---- test */

static void print_row(void *ctx, const struct conformance_row *row)
{
	static const char *const marks[] = {"ok   ", "note ", "FAULT", "-    "};
	(void)ctx;
	if (!own.json)
		printf("%s  %-9s %s\n", marks[row->state], row->name, row->found);
	fflush(stdout);
}

static void print_rows_json(const struct conformance_row *rows_, size_t n, bool fit)
{
	static const char *const names[] = {"ok", "note", "fault", "not tested"};
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "check", rows_[i].name, "state",
		                                      names[rows_[i].state], "found", rows_[i].found));
	json_auto_t *all = json_pack("{s:b, s:o}", "fit", fit, "checks", list);
	json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
}

/* The engine of this address, or the endpoint of this name alone. */
static int choose(struct app *app, const char *what, struct err *err)
{
	if (strstr(what, "://") || strncmp(what, "unix:", 5) == 0 || strcmp(what, "auto") == 0) {
		free(app->engine.url);
		free(app->engine.endpoints);
		app->engine.url = mem_strdup(what);
		app->engine.endpoints = mem_strdup("");
		return 0;
	}
	size_t n = strlen(what);
	for (const char *p = app->engine.endpoints; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		if (strncmp(p, what, n) != 0 || p[n] != '=')
			continue;
		char *one = mem_printf("%.*s", (int)strcspn(p, "\n"), p);
		free(app->engine.endpoints);
		free(app->engine.url);
		app->engine.endpoints = one;
		app->engine.url = mem_strdup("auto");
		return 0;
	}
	return err_set(err, ERR_ARG,
	               "\"%s\" is neither an address nor the name of an endpoint that is configured",
	               what);
}

static int test(struct app *app, const char *what)
{
	AUTO(engine_freep) struct engine *engine = NULL;
	struct conformance_row found[CONFORMANCE_MANY];
	struct err err = {0};
	int r = what ? choose(app, what, &err) : 0;
	app->engine.retries = 0; /* a fault is what is looked for */
	app->learn_again = true;
	if (r == 0)
		r = app_new_engine(app, NULL, NULL, &engine, &err);
	if (r == 0)
		r = engine_start(engine, NULL, NULL, &err);
	if (r < 0)
		return app_fail(&err);
	size_t n = conformance_try(engine, (size_t)app->analyze.chunk_frames, app->cancel, print_row,
	                           NULL, found);
	if (cancel_fired(app->cancel))
		return EXIT_INTERRUPTED;
	bool fit = true;
	for (size_t i = 0; i < n; i++)
		fit &= found[i].state != CONFORMANCE_FAIL;
	if (own.json)
		print_rows_json(found, n, fit);
	return fit ? EXIT_COMPLETE : EXIT_FAILED;
}

/* ---- forget */

/* The address under which what was learned of `what` is kept. */
static int address_of(struct app *app, const char *what, char **ret, struct err *err)
{
	int r = choose(app, what, err);
	const char *url = app->engine.url;
	struct endpoint_config *list_ = NULL;
	size_t n = 0;
	if (r == 0 && *app->engine.endpoints)
		r = endpoint_config_parse(app->engine.endpoints, &list_, &n, err);
	if (r == 0 && n)
		url = list_[0].url;
	struct endpoint *e = NULL;
	if (r == 0 && strcmp(url, "auto") == 0)
		r = err_set(err, ERR_ARG, "\"%s\" is a local llama-server: nothing is kept of it", what);
	if (r == 0)
		r = endpoint_new(url, "", "", &(struct endpoint_limits){0}, &e, err);
	if (r == 0)
		*ret = mem_strdup(endpoint_url(e));
	endpoint_free(e);
	for (size_t i = 0; i < n; i++)
		endpoint_config_clear(&list_[i]);
	free(list_);
	return r;
}

static int forget(struct app *app, const char *what)
{
	AUTO(mem_freep) char *url = NULL;
	struct err err = {0};
	size_t n = 0;
	int r = what ? address_of(app, what, &url, &err) : 0;
	if (r == 0)
		r = learned_forget(app->learned_path, url ? url : "", &n, &err);
	if (r < 0)
		return app_fail(&err);
	if (n)
		printf("forgot what %s refused (%zu %s)\n", url ? url : "all endpoints", n,
		       n == 1 ? "entry" : "entries");
	else
		printf("nothing is kept of %s\n", url ? url : "any endpoint");
	return EXIT_COMPLETE;
}

static int run(struct app *app, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "list") == 0)
		return list(app);
	if (argc >= 1 && argc <= 2 && strcmp(argv[0], "test") == 0)
		return test(app, argc > 1 ? argv[1] : NULL);
	if (argc >= 1 && argc <= 2 && strcmp(argv[0], "forget") == 0)
		return forget(app, argc > 1 ? argv[1] : NULL);
	return app_usage(&cmd_engine,
	                 argc ? "\"%s\" is not list, test or forget" : "say list, test or forget",
	                 argc ? argv[0] : "");
}

const struct command cmd_engine = {
	.name = "engine",
	.usage = "list | test [URL|NAME] | forget [URL|NAME]",
	.summary = "list the configured engines, test one with sample images, forget what one refused",
	.text =
		"list starts or queries each engine. test checks what an analysis needs:\n"
		"several images in\n"
		"order, as many as chunk.frames, JSON Schema, streaming, cancellation, the context size.\n"
		"Exit code 1 if a check fails. What an endpoint refuses is kept for later\n"
		"runs; test learns it\n"
		"again, forget removes it (of all endpoints, or of one).\n",
	.groups = GROUP_APP | GROUP_ENGINE | GROUP_ANALYZE | GROUP_MODEL,
	.own = &group,
	.own_target = &own,
	.run = run,
};
