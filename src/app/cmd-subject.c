/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/commands.h"
#include "base/clock.h"
#include "base/mem.h"
#include "report/report.h"
#include "report/subject-text.h"
#include "report/text.h"

static struct {
	bool json;
} own;
static const struct opt_row rows[] = {
	{"subject.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL,
     "Print the subjects as one JSON object, as report.json has them.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Subjects", rows, 1};

enum { INTERVALS_SHOWN = 3, EVENTS_SHOWN = 12 };

/* ---- the list */

static int print_json(const struct report *r)
{
	json_auto_t *all = json_pack("{s:s, s:o, s:o}", "job", r->job, "subjects",
	                             report_subjects_json(r), "edits", report_subject_edits_json(r));
	json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
	putchar('\n');
	return EXIT_COMPLETE;
}

static void add_ids(struct buf *out, const char *kind, const size_t *items, size_t n)
{
	for (size_t i = 0; i < n && i < EVENTS_SHOWN; i++)
		buf_addf(out, "%s%s%zu", out->len ? " " : "", kind, items[i] + 1);
	if (n > EVENTS_SHOWN)
		buf_adds(out, " …");
}

static void print_subject(const struct report_subject *s)
{
	AUTO(buf_free) struct buf possible = BUF(1 << 16), ids = BUF(1 << 16);
	AUTO(mem_freep) char *name = report_line(report_subject_name(s), 0);
	AUTO(mem_freep) char *description = report_line(s->description, 0);
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	printf("%6lld  %s", (long long)s->number, name);
	if (!report_is_empty(s->name))
		printf(" (%s)", description);
	add_ids(&ids, "", s->events, s->n_events);
	add_ids(&ids, "s", s->states, s->n_states);
	printf("\n        events %s\n        ", buf_str(&ids));
	for (size_t i = 0; i < s->n_intervals && i < INTERVALS_SHOWN; i++)
		printf("%s%s – %s", i ? ", " : "", clock_text(s->intervals[i].start, a),
		       clock_text(s->intervals[i].end, b));
	puts(s->n_intervals > INTERVALS_SHOWN ? ", …" : "");
	report_possible_text(s, &possible);
	if (possible.len)
		printf("        %s\n", buf_str(&possible));
}

static int print_list(const struct report *r)
{
	if (own.json)
		return print_json(r);
	if (!r->n_subjects)
		puts("no subjects: no event of this job says who or what it is about");
	for (size_t i = 0; i < r->n_subjects; i++)
		print_subject(&r->subjects[i]);
	if (report_count_not_applied(r))
		puts("edits that were not applied:");
	for (size_t i = 0; i < r->n_subject_edits; i++) {
		AUTO(buf_free) struct buf b = BUF(1 << 20);
		if (!r->subject_edits[i].fault)
			continue;
		report_edit_text(&r->subject_edits[i], &b);
		printf("        %s\n", buf_str(&b));
	}
	return EXIT_COMPLETE;
}

static int list(struct store *store, const char *job)
{
	AUTO(report_freep) struct report *r = NULL;
	struct err err;
	int e = report_load_text(store, job, REPORT_NORMAL, &r, &err);
	if (e == 0)
		e = report_subjects_keep(store, r, &err);
	return e < 0 ? app_fail(&err) : print_list(r);
}

/* ---- changes */

static bool read_number(const char *text, long long *ret)
{
	char *end;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *ret > 0;
}

static int read_subject(const char *text, int64_t *ret)
{
	long long n = 0;
	if (!read_number(text, &n))
		return app_usage(&cmd_subject, "\"%s\" is not the number of a subject", text);
	*ret = n;
	return 0;
}

static int read_subjects(int n, char **args, int64_t *numbers, struct report_subject_change *c)
{
	for (int i = 0; i < n; i++) {
		int r = read_subject(args[i], &numbers[i]);
		if (r)
			return r;
	}
	c->numbers = numbers;
	c->n = (size_t)n;
	return 0;
}

/* "12" or "e12" is an event, "s3" a state. */
static int read_events(int n, char **args, size_t *events, size_t *states,
                       struct report_subject_change *c)
{
	for (int i = 0; i < n; i++) {
		bool state = *args[i] == 's';
		long long at = 0;
		if (!read_number(args[i] + (state || *args[i] == 'e'), &at))
			return app_usage(&cmd_subject,
			                 "\"%s\" is not an event; give its number, as 12, or s3 of a state",
			                 args[i]);
		if (state)
			states[c->n_states++] = (size_t)at - 1;
		else
			events[c->n_events++] = (size_t)at - 1;
	}
	c->events = events;
	c->states = states;
	return 0;
}

/* What an undo undoes. */
static void print_last_edit(const struct report *r)
{
	const struct report_subject_edit *e = &r->subject_edits[r->n_subject_edits - 1];
	AUTO(mem_freep) char *text = report_line(e->text, 0), *subject = report_line(e->subject, 0);
	printf("undone: %s of %s%s%s%s", e->kind, subject, *text ? " to " : "", text,
	       e->fault ? ", which did not apply here" : "");
}

static int change(struct store *store, const char *job, const struct report_subject_change *c)
{
	AUTO(report_freep) struct report *r = NULL, *before = NULL;
	struct err err;
	if ((c->undo && report_load_text(store, job, REPORT_NORMAL, &before, &err) < 0) ||
	    report_subjects_change(store, job, c, &r, &err) < 0)
		return app_fail(&err);
	if (own.json)
		return print_json(r);
	if (before && before->n_subject_edits)
		print_last_edit(before);
	else
		printf("saved");
	printf("; to write the report again: vdet report %s\n", r->job);
	return EXIT_COMPLETE;
}

static int read_change(int argc, char **argv, int64_t *numbers, size_t *events, size_t *states,
                       struct report_subject_change *c)
{
	const char *what = argv[0];
	c->undo = strcmp(what, "undo") == 0;
	c->op = subject_op_of_name(what);
	if (!c->undo && c->op == SUBJECT_OPS)
		return app_usage(&cmd_subject,
		                 "unknown subcommand \"%s\"; use rename, merge, split or undo", what);
	if (c->undo)
		return argc == 1 ? 0 : app_usage(&cmd_subject, "undo takes no arguments");
	if (argc < 3 || (c->op == SUBJECT_RENAME && argc != 3))
		return app_usage(&cmd_subject, "%s",
		                 c->op == SUBJECT_RENAME  ? "rename takes a number and one text"
		                 : c->op == SUBJECT_MERGE ? "merge takes at least two numbers"
		                                          : "split takes a number and its events");
	int r = read_subjects(c->op == SUBJECT_MERGE ? argc - 1 : 1, argv + 1, numbers, c);
	if (r == 0 && c->op == SUBJECT_SPLIT)
		r = read_events(argc - 2, argv + 2, events, states, c);
	c->text = c->op == SUBJECT_RENAME ? argv[2] : "";
	return r;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(mem_freep) int64_t *numbers = mem_alloc((size_t)argc + 1, sizeof *numbers);
	AUTO(mem_freep) size_t *events = mem_alloc((size_t)argc + 1, sizeof *events);
	AUTO(mem_freep) size_t *states = mem_alloc((size_t)argc + 1, sizeof *states);
	struct report_subject_change c = {0};
	struct err err;
	if (argc < 1)
		return app_usage(&cmd_subject, "no job given");
	int r = argc > 1 ? read_change(argc - 1, argv + 1, numbers, events, states, &c) : 0;
	if (r)
		return r;
	if (app_open_store(app, &store, &err) < 0)
		return app_fail(&err);
	return argc > 1 ? change(store, argv[0], &c) : list(store, argv[0]);
}

const struct command cmd_subject = {
	.name = "subject",
	.usage = "JOB [rename N TEXT | merge N M… | split N EVENT… | undo]",
	.summary = "list who appears in a video, and correct it",
	.text =
		"A subject is who or what several events are about, by the words of the model. Without\n"
		"a subcommand they are listed with their events; s3 is a state.\n"
		"  rename N TEXT      gives subject N a name\n"
		"  merge N M…         makes them one, which keeps the number N\n"
		"  split N EVENT…     makes these events a subject of their own\n"
		"  undo               undoes the last of these for this video\n"
		"Edits also apply to other analyses of the same video, where these cite the same frames.\n",
	.groups = GROUP_APP,
	.own = &group,
	.own_target = &own,
	.run = run,
};
