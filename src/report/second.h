/* SPDX-License-Identifier: Apache-2.0 */
/* What a second pass did with the chunks of a report (job/second.h).
 * Pure but for loading. */
#ifndef VDET_REPORT_SECOND_H
#define VDET_REPORT_SECOND_H

#include "report/report.h"

/* The member of a job's facts that says that its chunks were chosen. */
#define REPORT_SECOND_PASS "second_pass"

/* Sets `second` of the chunks of `r`, which has its events. Blocks for the
 * disk. */
int report_seconds_load(struct store *s, struct report *r, struct err *err);
void report_second_clear(struct report_second *s);

/* The member `second_pass` of a chunk; NULL where it was not chosen. */
json_t *report_second_json(const struct report_second *s);
/* "It was in doubt, and described twice. The first pass reported: …", or why
 * the second time failed. Nothing where the chunk was not chosen. */
void report_second_text(const struct report_second *s, struct buf *out);
/* "3 of 25 chunks were in doubt, …"; nothing where there was no second pass. */
void report_second_sum(const struct report *r, struct buf *out);

#endif
