/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of a case's report: each is a pure function of it, and appends to
 * `out`; ERR_LIMIT if that is too small. docs/case.schema.json describes the
 * JSON. */
#ifndef VDET_CASES_WRITERS_H
#define VDET_CASES_WRITERS_H

#include <jansson.h>

#include "base/buf.h"
#include "cases/data.h"

int case_json(const struct case_report *r, struct buf *out, struct err *err);
/* One page without pictures, below 5 MB for a thousand videos: of many events
 * it lists the first of each video. */
int case_html(const struct case_report *r, struct buf *out, struct err *err);
int case_markdown(const struct case_report *r, struct buf *out, struct err *err);
int case_csv(const struct case_report *r, struct buf *out, struct err *err); /* events, RFC 4180 */

/* The sentences of the summary: [{"text", "events": [index…]}…]. */
json_t *case_sentences_json(const struct case_report *r);

/* All of them, in the order in which they are written. */
struct case_format {
	const char *name;
	int (*write)(const struct case_report *r, struct buf *out, struct err *err);
};
enum { CASE_FORMATS_N = 4 };
extern const struct case_format case_formats[CASE_FORMATS_N];

#endif
