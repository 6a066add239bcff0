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
		items[i] = (struct member){.row = in->rows[i]};
	const struct members members = {.store = s, .case_id = in->id, .items = items, .n = in->n};
	const struct case_place place = {.name = in->title, .each = true};
	int r = case_report_load(&members, &place, ret, err);
	if (r < 0)
		return r;
	free((*ret)->title);
	(*ret)->title = mem_strdup(in->title);
	case_list_videos(*ret, in->without_summary);
	return 0;
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
	return r < 0 ? r : case_formats[i].write(report, out, err);
}
