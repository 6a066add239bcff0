/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements a model said to be one event: in the journal, and in a
 * report. Pure. */
#ifndef VDET_REPORT_JOINS_H
#define VDET_REPORT_JOINS_H

#include "report/report.h"

/* The members of a job's facts: the joins; and whether something that was to be
 * asked was not answered, so that the next run asks again. */
#define REPORT_JOINS "joins"
#define REPORT_JOINS_OPEN "joins_open"
bool report_joins_open(const char *facts);

/* For the journal: an array with, for each link, the places of both statements
 * and a key of what they say, so that it does not apply to what a chunk says
 * after it was described again. Links are indices of `parts`. The caller owns
 * it. */
json_t *report_joins_pack(const struct report_part *const *parts, const struct story_link *links,
                          size_t n);

/* Those of the journal whose statements are among the n parts, which are in
 * order of chunk and index; `joins` may be NULL. The caller frees. */
struct story_link *report_joins_find(const json_t *joins, const struct report_part *parts, size_t n,
                                     size_t *ret_n);

#endif
