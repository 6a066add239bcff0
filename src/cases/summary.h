/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a case: sentences about the events of all its videos, made
 * from those of the videos' own summaries. Internal; blocks for the engine. */
#ifndef VDET_CASES_SUMMARY_H
#define VDET_CASES_SUMMARY_H

#include "cases/data.h"
#include "job/requests.h"
#include "job/merge.h"

/* The answers about a case of the command line; borrows everything. */
struct case_answers {
	struct store *store;
	const struct case_report *report;
};
struct reply_journal case_answers_of(struct case_answers *answers);

/* Sets the summary of the report: by the model, or, where that fails, the list
 * of the videos and the reason, "" if there is nothing to sum up. Each answer
 * is kept under the SHA-256 of all that it depends on, so that none is asked
 * for again. Fails only with ERR_CANCELED. */
int case_summarize(const struct run_context *run, const struct merge_options *o,
                   const struct reply_journal *answers, struct case_report *r, struct err *err);

/* Sets the summary to the list of the videos, and says why. */
void case_list_videos(struct case_report *r, const char *why);

/* A summary by the model as text that is kept; the caller frees. */
char *case_summary_pack(const struct case_report *r);
/* Sets the summary to one that was kept. False, and nothing changes, if it was
 * written about other events than those that the report has now. */
bool case_summary_unpack(struct case_report *r, const char *packed);

#endif
