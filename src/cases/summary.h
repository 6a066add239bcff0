/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a case: sentences about the events of all its videos, made
 * from those of the videos' own summaries. Internal; blocks for the engine. */
#ifndef VDET_CASES_SUMMARY_H
#define VDET_CASES_SUMMARY_H

#include "cases/data.h"
#include "job/merge.h"

/* Sets the summary of the report: by the model, or, where that fails, the list
 * of the videos and the reason. Each answer is kept in the journal under the
 * SHA-256 of all that it depends on, so that none is asked for again. Fails
 * only with ERR_CANCELED. */
int case_summarize(const struct run_context *run, const struct merge_options *o,
                   struct case_report *r, struct err *err);

/* Sets the summary to the list of the videos, and says why. */
void case_list_videos(struct case_report *r, const char *why);

#endif
