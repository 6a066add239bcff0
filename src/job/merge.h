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

/* Whether the summary of `job` is missing, in another language, or was made
 * from other statements than those that are not withdrawn now. Reads the
 * journal. */
int merge_needed(const struct run_context *run, const struct merge_options *o,
                 const struct store_job *job, bool *ret, struct err *err);

/* Sets the overall summary of `job` (summary, summary_by_model,
 * summary_fallback, sentences, and in its facts what was withdrawn then): by
 * the model, or, where that fails, the plain timeline and the reason. Each
 * sentence is about events of the report; in a video without any the summary is
 * made from what the model said of the chunks. Blocks for the engine. Fails
 * only if the journal cannot be read or the run was canceled (ERR_CANCELED). */
int merge_summary(const struct run_context *run, const struct merge_options *o,
                  struct store_job *job, struct err *err);

#endif
