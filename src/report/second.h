/* SPDX-License-Identifier: Apache-2.0 */
/* What a second pass did with the chunks of a report (job/second.h). Internal;
 * pure but for loading. */
#ifndef VDET_REPORT_SECOND_H
#define VDET_REPORT_SECOND_H

#include "report/report.h"

/* Sets `second` of the chunks. Blocks for the disk. */
int report_seconds_load(struct store *s, struct report *r, struct err *err);
void report_second_clear(struct report_second *s);

/* The member `second_pass` of a chunk; NULL where it was not chosen. */
json_t *report_second_json(const struct report_second *s);
/* "Described twice; the first pass said: …", or why the second time failed.
 * Nothing where it was not chosen. */
void report_second_text(const struct report_second *s, struct buf *out);

#endif
