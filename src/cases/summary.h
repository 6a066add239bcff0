/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a case, from those of its videos. Each answer of the model is
 * kept in the journal under the SHA-256 of all that it depends on, so that the
 * same notes are not asked about twice, and an interrupted summary continues.
 * Internal; blocks for the engine. */
#ifndef VDET_CASES_SUMMARY_H
#define VDET_CASES_SUMMARY_H

#include "cases/data.h"
#include "job/run.h"

/* Sets the summary of the report: by the model, or, where that fails, the list
 * of the videos and the reason. `prompt`: what the user asks to look for. Fails
 * only with ERR_CANCELED, or if the journal does. */
int case_summarize(const struct run_context *run, const char *prompt, struct case_report *r,
                   struct err *err);

#endif
