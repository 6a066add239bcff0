/* SPDX-License-Identifier: Apache-2.0 */
/* From the statements of the model to the events of the report. Internal; pure. */
#ifndef VDET_REPORT_EVENTS_H
#define VDET_REPORT_EVENTS_H

#include "report/report.h"

/* Sets the events and states of `r`, which has its chunks and its `detail`,
 * from the n parts, which are in order of chunk and index. What they point to
 * belongs to the report afterwards, not the array. `joins`: see report/joins.h,
 * may be NULL. */
void report_events_set(struct report *r, struct report_part *parts, size_t n, const json_t *joins);
void report_events_free(struct report_event *events, size_t n);

#endif
