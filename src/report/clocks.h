/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day of a recording, in the forms of the report. Pure, but for
 * report_clock_load(). */
#ifndef VDET_REPORT_CLOCKS_H
#define VDET_REPORT_CLOCKS_H

#include <jansson.h>

#include "base/buf.h"
#include "report/report.h"
#include "wallclock/wallclock.h"

/* What the journal has; what cannot be read is a fault of it. Blocks for the
 * disk. */
int report_clock_load(struct store *s, struct report *r, struct err *err);

/* "2026-11-30 14:05:09" at a time of the video; "" = not known. Returns out. */
const char *report_clock_at(const struct report *r, int64_t time,
                            char out[static WALLCLOCK_TEXT_MAX]);
/* The object `clock` of the JSON, or null: it was not looked for; and that text
 * as JSON, or null. The caller owns them. */
json_t *report_clock_json(const struct report *r);
json_t *report_clock_at_json(const struct report *r, int64_t time);

/* Whether there is something to say of it. */
bool report_clock_is_listed(const struct report *r);
size_t report_clock_breaks(const struct report *r);
/* "the clock in the picture shows 2026-11-30 14:05:09 at 00:00:00.000 …" of a
 * clock. */
void report_clock_text(const struct wallclock_clock *c, struct buf *out);
/* "the clock jumps by +37 s here: recording interrupted (the picture jumps,
 * too)" */
void report_break_text(const struct wallclock_clock *c, const struct wallclock_break *b,
                       struct buf *out);

#endif
