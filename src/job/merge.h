/* SPDX-License-Identifier: Apache-2.0 */
/* Merging: from the journal's chunks to one report. */
#ifndef VDET_JOB_MERGE_H
#define VDET_JOB_MERGE_H

#include "job/analyze.h"

/* Writes the overall summary into `job` (summary, summary_by_model,
 * summary_fallback): by the model if it can, else the plain timeline with the
 * reason. Fails only if the journal cannot be read or the run was cancelled. */
int merge_summary(const struct analyze *a, struct store_job *job, struct err *err);

#endif
