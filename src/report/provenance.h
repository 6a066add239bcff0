/* SPDX-License-Identifier: Apache-2.0 */
/* How a report was made, as rows of name and value: the same for every format
 * that people read. Pure. */
#ifndef VDET_REPORT_PROVENANCE_H
#define VDET_REPORT_PROVENANCE_H

#include "report/text.h"

struct report_row {
	const char *group; /* its heading */
	const char *name, *value;
	bool hash; /* nothing to read, only to compare */
};

/* Calls `fn` for each row that has a value; rows of one group follow each
 * other. What is passed is valid during the call. */
void report_made_each(const struct report *r, const struct report_sums *s,
                      void (*fn)(void *ctx, const struct report_row *row), void *ctx);

#endif
