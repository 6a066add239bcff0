/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of the events of a report, by requests to the model. */
#ifndef VDET_JOB_MERGE_EVENTS_H
#define VDET_JOB_MERGE_EVENTS_H

#include "job/merge.h"
#include "report/report.h"

/* Asks for the sentences about the events of `r`, at least one; at most `max`
 * bytes of them at once. Requests run in parallel as the engine allows. Each
 * answer is journaled, so that none is asked for again. Fails only with
 * ERR_CANCELED. */
int merge_events(const struct run_context *run, const struct merge_options *o,
                 const struct report *r, size_t max, struct story_summary *ret, struct err *err);

#endif
