/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/print.h"

#include <stdlib.h>
#include <string.h>

#include "cases/load.h"
#include "cases/summary.h"
#include "cases/writers.h"

const struct case_format case_formats[CASE_FORMATS_N] = {
	{"json", case_json}, {"html", case_html}, {"md", case_markdown}, {"csv", case_csv}};

static int load(struct store *s, const struct case_input *in, struct case_report **ret,
                struct err *err)
{
	AUTO(mem_freep) struct member *items = mem_alloc(in->n, sizeof *items);
	for (size_t i = 0; i < in->n; i++)
		items[i] = (struct member){.row = in->rows[i], .seen = in->away && in->away[i]};
	const struct members members = {.store = s, .case_id = in->id, .items = items, .n = in->n};
	const struct case_place place = {.name = in->title, .each = true};
	int r = case_report_load(&members, &place, ret, err);
	if (r < 0)
		return r;
	free((*ret)->title);
	(*ret)->title = mem_strdup(in->title);
	return 0;
}

static void set_summary(const struct case_input *in, struct case_report *report)
{
	if (!in->summary)
		case_list_videos(report, in->without_summary);
	else if (!case_summary_unpack(report, in->summary))
		case_list_videos(report, "other events are known now than when it was written");
}

int case_print(struct store *s, const struct case_input *in, const char *format, struct buf *out,
               struct err *err)
{
	AUTO(case_report_freep) struct case_report *report = NULL;
	size_t i = 0;
	while (i < CASE_FORMATS_N && strcmp(case_formats[i].name, format) != 0)
		i++;
	if (i == CASE_FORMATS_N)
		return err_set(err, ERR_ARG, "format is one of json, html, md, csv");
	int r = load(s, in, &report, err);
	if (r < 0)
		return r;
	set_summary(in, report);
	return case_formats[i].write(report, out, err);
}

int case_sum_up(const struct run_context *run, const struct case_input *in,
                const struct merge_options *o, const struct reply_journal *answers, char **ret,
                struct err *err)
{
	AUTO(case_report_freep) struct case_report *report = NULL;
	int r = load(run->store, in, &report, err);
	if (r == 0)
		r = case_summarize(run, o, answers, report, err);
	if (r < 0)
		return r;
	if (!report->summary_by_model)
		return err_set(err, ERR_ENGINE, "%s",
		               *report->summary_fallback ? report->summary_fallback
		                                         : "no video of the case has an event");
	*ret = case_summary_pack(report);
	return 0;
}
