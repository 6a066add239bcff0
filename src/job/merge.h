/* SPDX-License-Identifier: Apache-2.0 */
/* Merging: from the journal's chunks to one report. */
#ifndef VDET_JOB_MERGE_H
#define VDET_JOB_MERGE_H

#include <stdbool.h>

#include "job/run.h"

struct merge_options {
	const char *prompt;   /* what the user asks to look for; "" = nothing */
	const char *language; /* of the summary; "" = as the model wants */
};

/* Whether the job has no summary, or one in another language. */
bool merge_is_due(const struct store_job *job, const struct merge_options *o);

/* Sets the overall summary of `job` (summary, summary_by_model,
 * summary_fallback, sentences): by the model, or, where that fails, the plain
 * timeline and the reason. Each sentence is about events of the report; in a
 * video without any the summary is made from what the model said of the
 * chunks. Blocks for the engine. Fails only if the journal cannot be read or
 * the run was canceled (ERR_CANCELED). */
int merge_summary(const struct run_context *run, const struct merge_options *o,
                  struct store_job *job, struct err *err);

#endif
