/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/commands.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "job/entry.h"
#include "store/queue.h"

static struct {
	bool json, force;
} own;
static const struct opt_row rows[] = {
	{"jobs.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "Print one JSON object per line.",
     OPT_COMMAND_ONLY},
	{"jobs.force", "force", OPT_BOOL, offsetof(__typeof__(own), force), "false", 0, 0, NULL, NULL,
     "Of rm: also results that a job of vdet serve shows.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Jobs", rows, ARRAY_LEN(rows)};

/* A job of the list. */
struct row {
	char *id, *name, *sha256, *dir;
	char *folder; /* enough of `dir` to distinguish it from others of the name; NULL = not needed */
	const char *state;
	int64_t created, chunks, done, holes;
};

struct listing {
	const char *locks_dir;
	struct store_entry *entries; /* of the server's queue */
	size_t n_entries;
	struct row *rows;
	size_t n, cap;
};

static void clear_listing(struct listing *l)
{
	for (size_t i = 0; i < l->n_entries; i++)
		store_entry_clear(&l->entries[i]);
	for (size_t i = 0; i < l->n; i++) {
		struct row *r = &l->rows[i];
		free(r->id);
		free(r->name);
		free(r->sha256);
		free(r->dir);
		free(r->folder);
	}
	free(l->entries);
	free(l->rows);
}

/* Of a job that no process works on: it may wait in the queue of the server. */
static const char *waiting_state(const struct listing *l, const char *job)
{
	for (size_t i = 0; i < l->n_entries; i++) {
		const struct store_entry *e = &l->entries[i];
		if (strcmp(e->journal, job) == 0 && e->state == STORE_ENTRY_QUEUED)
			return "queued";
		if (strcmp(e->journal, job) == 0 && e->state == STORE_ENTRY_PAUSED)
			return "paused";
	}
	return "interrupted";
}

static int add_row(void *ctx, const struct store_job *j)
{
	struct listing *l = ctx;
	json_auto_t *facts = json_loads(j->facts ? j->facts : "", 0, NULL);
	const char *sha256 = json_text(json_object_get(facts, "source"), "sha256");
	bool held = j->state != STORE_JOB_RUNNING || entry_is_held(l->locks_dir, j->id);
	l->rows = mem_room(l->rows, l->n, &l->cap, sizeof *l->rows);
	l->rows[l->n++] =
		(struct row){.id = mem_strdup(j->id),
	                 .name = mem_strdup(j->source_name),
	                 .sha256 = mem_strdup(sha256),
	                 .dir = mem_strdup(j->output),
	                 .state = held ? store_job_state_name(j->state) : waiting_state(l, j->id),
	                 .created = j->created,
	                 .chunks = j->chunks,
	                 .done = j->done,
	                 .holes = j->holes};
	return 0;
}

/* The last `parts` components of a path. */
static const char *path_end(const char *path, size_t parts)
{
	const char *end = path + strlen(path);
	while (end > path && (end[-1] != '/' || --parts))
		end--;
	return end;
}

static bool are_namesakes(const struct row *a, const struct row *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->sha256, b->sha256) != 0;
}

/* The folder of the report is of one video, and its path is in the journal: as
 * much of it as no other video of the name has; all of it where that is not
 * enough. */
static void add_folder(const struct listing *l, struct row *r)
{
	size_t parts = 1;
	bool several = false;
	for (size_t i = 0; i < l->n; i++) {
		const struct row *other = &l->rows[i];
		if (!are_namesakes(r, other))
			continue;
		several = true;
		while (strcmp(path_end(r->dir, parts), path_end(other->dir, parts)) == 0 &&
		       path_end(r->dir, parts) > r->dir)
			parts++;
	}
	if (several)
		r->folder = mem_strdup(path_end(r->dir, parts));
}

static void print_json(const struct row *r)
{
	char created[CLOCK_TEXT_MAX];
	json_auto_t *o = json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "job", r->id, "source", r->name, "sha256",
		r->sha256, "state", r->state, "chunks", (json_int_t)r->chunks, "done", (json_int_t)r->done,
		"holes", (json_int_t)r->holes, "created", clock_iso(r->created, created), "dir", r->dir);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
}

static void print_row(const struct row *r)
{
	char created[CLOCK_TEXT_MAX];
	printf("%-12s  %-20s  %-11s  %4lld/%-4lld  %s%s%s%s%.8s%s\n", r->id,
	       clock_iso(r->created, created), r->state, (long long)r->done, (long long)r->chunks,
	       r->name, r->folder ? "  (" : "", r->folder ? r->folder : "",
	       r->folder ? ", SHA-256 " : "", r->folder ? r->sha256 : "", r->folder ? ")" : "");
}

static int list(struct store *store, const char *locks_dir)
{
	struct err err;
	AUTO(clear_listing) struct listing l = {.locks_dir = locks_dir};
	if (store_entries_load(store, &l.entries, &l.n_entries, &err) < 0 ||
	    store_job_each(store, add_row, &l, &err) < 0)
		return app_fail(&err);
	if (!l.n && !own.json)
		puts("no jobs yet; vdet analyze FILE creates one");
	if (l.n && !own.json)
		printf("%-12s  %-20s  %-11s  %9s  %s\n", "JOB", "CREATED", "STATE", "CHUNKS", "VIDEO");
	for (size_t i = 0; i < l.n; i++) {
		add_folder(&l, &l.rows[i]);
		if (own.json)
			print_json(&l.rows[i]);
		else
			print_row(&l.rows[i]);
	}
	return EXIT_COMPLETE;
}

/* The page would show a job whose result is gone. */
static int check_not_served(struct store *store, const char *job, struct err *err)
{
	struct store_entry *entries = NULL;
	size_t n = 0;
	int r = store_entries_load(store, &entries, &n, err);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && strcmp(entries[i].journal, job) == 0)
			r = err_set(err, ERR_BUSY,
			            "job %s is the result of job %lld of vdet serve; delete that one on its "
			            "page, or add --force",
			            job, (long long)entries[i].id);
		store_entry_clear(&entries[i]);
	}
	free(entries);
	return r;
}

static int remove_jobs(struct store *store, int n, char **ids)
{
	struct err err;
	for (int i = 0; i < n; i++) {
		AUTO(store_job_clear) struct store_job j = {0};
		int r = store_job_find(store, ids[i], &j, &err);
		if (r == 0 && !own.force)
			r = check_not_served(store, j.id, &err);
		if (r == 0)
			r = store_job_remove(store, j.id, &err);
		if (r < 0)
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
	.text =
		"A job is running, complete, complete with holes, queued or paused in the queue of vdet\n"
		"serve, or interrupted: no process works on it, and the command that began it\n"
		"continues it. Where videos have the same name, the folder of the report and the\n"
		"SHA-256 of the video are added; --json has both of all.\n",
	.groups = GROUP_APP,
	.own = &group,
	.own_target = &own,
	.run = run,
};
