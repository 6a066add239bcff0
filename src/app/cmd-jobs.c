/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/commands.h"
#include "base/clock.h"
#include "base/file.h"
#include "job/entry.h"

static struct {
	bool json;
} own;
static const struct opt_row rows[] = {
	{"jobs.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "Print one JSON object per line.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Jobs", rows, 1};

struct listing {
	const char *locks_dir;
	size_t n;
};

static const char *state_of(const struct listing *l, const struct store_job *j)
{
	bool held = j->state != STORE_JOB_RUNNING || entry_is_held(l->locks_dir, j->id);
	return held ? store_job_state_name(j->state) : "interrupted";
}

static int print_job(void *ctx, const struct store_job *j)
{
	char created[CLOCK_TEXT_MAX];
	struct listing *l = ctx;
	clock_iso(j->created, created);
	if (own.json) {
		json_auto_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "job", j->id,
		                           "source", j->source_name, "state", state_of(l, j), "chunks",
		                           (json_int_t)j->chunks, "done", (json_int_t)j->done, "holes",
		                           (json_int_t)j->holes, "created", created, "dir", j->output);
		json_dumpf(o, stdout, JSON_COMPACT);
		putchar('\n');
		return 0;
	}
	if (!l->n++)
		printf("%-12s  %-20s  %-11s  %9s  %s\n", "JOB", "CREATED", "STATE", "CHUNKS", "VIDEO");
	printf("%-12s  %-20s  %-11s  %4lld/%-4lld  %s\n", j->id, created, state_of(l, j),
	       (long long)j->done, (long long)j->chunks, j->source_name);
	return 0;
}

static int list(struct store *store, const char *locks_dir)
{
	struct err err;
	struct listing l = {.locks_dir = locks_dir};
	if (store_job_each(store, print_job, &l, &err) < 0)
		return app_fail(&err);
	if (!l.n && !own.json)
		puts("no jobs yet; vdet analyze FILE creates one");
	return EXIT_COMPLETE;
}

static int remove_jobs(struct store *store, int n, char **ids)
{
	struct err err;
	for (int i = 0; i < n; i++) {
		AUTO(store_job_clear) struct store_job j = {0};
		if (store_job_find(store, ids[i], &j, &err) < 0 || store_job_remove(store, j.id, &err) < 0)
			return app_fail(&err);
		bool kept = *j.output && file_is_dir(j.output);
		printf("removed job %s (%s)%s%s\n", j.id, j.source_name,
		       kept ? "; its report is kept: " : "", kept ? j.output : "");
	}
	return EXIT_COMPLETE;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	struct err err;
	bool rm = argc && strcmp(argv[0], "rm") == 0;
	if (argc && !rm)
		return app_usage(&cmd_jobs, "unknown subcommand \"%s\"; use rm", argv[0]);
	if (rm && argc < 2)
		return app_usage(&cmd_jobs, "no job given");
	if (app_open_store(app, &store, &err) < 0)
		return app_fail(&err);
	return rm ? remove_jobs(store, argc - 1, argv + 1) : list(store, app->locks_dir);
}

const struct command cmd_jobs = {
	.name = "jobs",
	.usage = "[rm JOB…]",
	.summary = "list jobs, or remove some",
	.text = "A job is running, complete, complete with holes, or interrupted: no process works on\n"
			"it, and the command that began it continues it. Jobs that wait in the queue of vdet\n"
			"serve are interrupted, too.\n",
	.groups = GROUP_APP,
	.own = &group,
	.own_target = &own,
	.run = run,
};
