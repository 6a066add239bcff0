/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "base/mem.h"
#include "report/folder.h"
#include "report/report.h"

static struct {
	char *output, *format, *detail;
} own;
static const struct opt_row rows[] = {
	{"report.output", "output", OPT_STRING, 0, "", 0, 0, NULL, "FOLDER",
     "Output folder; empty: the folder of the job; \"-\": standard output, with one format.", 0},
	{"report.format", "format", OPT_STRING, sizeof(char *), "all", 0, 0, NULL, "LIST",
     "Formats, separated by commas: html, json, md, vtt, csv; or all.", 0},
	{"report.detail", "detail", OPT_CHOICE, 2 * sizeof(char *), "normal", 0, 0, REPORT_DETAILS,
     NULL, REPORT_DETAIL_HELP, 0},
};
static const struct opt_group group = {"Report", rows, ARRAY_LEN(rows)};

static int print(const struct report *r, struct err *err)
{
	AUTO(buf_free) struct buf out = BUF(1u << 30);
	int w = report_print(r, own.format, &out, err);
	if (w < 0)
		return err_wrap(err, "--output - takes one --format");
	return fwrite(out.data, 1, out.len, stdout) == out.len
	           ? 0
	           : err_set(err, ERR_IO, "cannot write to standard output");
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(report_freep) struct report *report = NULL;
	AUTO(store_job_clear) struct store_job job = {0};
	AUTO(mem_freep) char *earlier = NULL;
	struct err err;
	if (argc != 1)
		return app_usage(&cmd_report, "one job is required");
	int r = app_open_store(app, &store, &err);
	if (r == 0)
		r = store_job_find(store, argv[0], &job, &err);
	if (r == 0)
		r = report_load(store, job.id, report_detail_of(own.detail), &report, &err);
	if (r < 0)
		return app_fail(&err);
	const char *dir = *own.output ? own.output : job.output;
	bool to_stdout = strcmp(dir, "-") == 0;
	r = to_stdout ? print(report, &err)
	              : report_folder_write(report, dir, own.format, &earlier, &err);
	if (r < 0)
		return app_fail(&err);
	if (!to_stdout)
		printf("report: %s\n", dir);
	if (earlier)
		printf("the previous report is kept in %s\n", earlier);
	return report_has_holes(report) ? EXIT_HOLES : EXIT_COMPLETE;
}

const struct command cmd_report = {
	.name = "report",
	.usage = "JOB",
	.summary = "write the report of a job again, also of an unfinished one",
	.text = "",
	.groups = GROUP_APP,
	.own = &group,
	.own_target = &own,
	.run = run,
};
