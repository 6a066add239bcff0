/* SPDX-License-Identifier: Apache-2.0 */
/* Merging: from the journal's chunks to one report. */
#ifndef VDET_JOB_MERGE_H
#define VDET_JOB_MERGE_H

#include "job/run.h"

/* Sets the overall summary of `job` (summary, summary_by_model,
 * summary_fallback): by the model, or, where that fails, the plain timeline and
 * the reason. `prompt`: what the user asks to look for, "" = nothing. Blocks
 * for the engine. Fails only if the journal cannot be read or the run was
 * canceled (ERR_CANCELED). */
int merge_summary(const struct run_context *run, const char *prompt, struct store_job *job,
                  struct err *err);

#endif
