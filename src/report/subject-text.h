/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects and their edits in words. Pure. */
#ifndef VDET_REPORT_SUBJECT_TEXT_H
#define VDET_REPORT_SUBJECT_TEXT_H

#include "report/report.h"

/* The name that a person gave, else the description. */
const char *report_subject_name(const struct report_subject *s);
/* "subject 3 (red jacket)". */
void report_subject_text(const struct report_subject *s, struct buf *out);
/* "possibly the same as 1, 2 and others"; nothing where it is none. */
void report_possible_text(const struct report_subject *s, struct buf *out);
/* "rename of red car (00:00:01.000) to Bob", with the reason where it does not
 * apply. */
void report_edit_text(const struct report_subject_edit *e, struct buf *out);
size_t report_count_not_applied(const struct report *r);

#endif
