/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/done.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "job/facts.h"
#include "report/folder.h"
#include "report/joins.h"

static int hash_plan(const struct analyze *a, char out[static HASH_HEX], struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	out[0] = '\0';
	int r = *a->options->plan_file ? file_open_input(a->options->plan_file, &fd, err) : 0;
	return r < 0 || fd < 0 ? r : hash_fd(fd, a->cancel, NULL, out, err);
}

int settings_find(struct settings *s, const struct analyze *a, struct err *err)
{
	const struct analyze_options *o = a->options;
	const struct video_info any = {.duration = INT64_MAX};
	char key[HASH_HEX], reference[HASH_HEX], plan[HASH_HEX], run[HASH_HEX], report[HASH_HEX];
	if (*s->text)
		return 0;
	int r = facts_hash_reference(o, a->cancel, reference, err);
	if (r == 0)
		r = hash_plan(a, plan, err);
	if (r < 0)
		return r;
	const struct facts_input in = {.options = o,
	                               .sha256 = "",
	                               .video = &any,
	                               .engine = engine_info(a->engine),
	                               .reference = reference};
	json_auto_t *parts = facts_key(&in, 0, key);
	const char *const of_run[] = {parts ? key : "", o->budget, plan};
	const char *const of_report[] = {
		o->verify, o->language, o->format, o->detail, o->full_path ? "full" : "", "second pass"};
	size_t n = ARRAY_LEN(of_report) - (o->passes < 2);
	hash_texts(of_run, ARRAY_LEN(of_run), run);
	hash_texts(of_report, n, report);
	snprintf(s->text, sizeof s->text, "%s-%s", run, report);
	return 0;
}

bool settings_differ(const struct settings *s, const char *of_result)
{
	return *s->text && *of_result && strncmp(s->text, of_result, HASH_HEX - 1) != 0;
}

bool done_before(const struct settings *s, const struct analyze *a, const char *out,
                 const struct store_member *row)
{
	const struct analyze_options *o = a->options;
	AUTO(store_job_clear) struct store_job job = {0};
	struct err ignored;
	/* What a budget allows depends on the video. */
	if (o->fresh || *o->budget || !*row->job || !*s->text || strcmp(row->settings, s->text) != 0 ||
	    store_job_find(a->store, row->job, &job, &ignored) < 0)
		return false;
	size_t n = strlen(out);
	bool here = strncmp(job.output, out, n) == 0 &&
	            file_base(job.output) == job.output + n + (out[n - 1] != '/');
	return job.state == STORE_JOB_COMPLETE && !report_joins_open(job.facts) && here &&
	       report_folder_holds(job.output, job.id);
}
