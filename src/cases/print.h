/* SPDX-License-Identifier: Apache-2.0 */
/* The report of videos that someone else keeps together: those of a case of the
 * server. Nothing is analyzed, and no file is written. */
#ifndef VDET_CASES_PRINT_H
#define VDET_CASES_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/case.h"

struct case_input {
	const char *id, *title;
	/* Borrowed; of each row path, stream, name, kind (STORE_MEMBER_VIDEO),
	 * source, job, fault, start, clock, duration, with settings "". */
	const struct store_member *rows;
	size_t n;
	const char *without_summary; /* why there is none by the model; for people */
};

/* Appends the report as "json", "html", "md" or "csv"; ERR_ARG for another
 * format. Blocks for the disk. */
int case_print(struct store *s, const struct case_input *in, const char *format, struct buf *out,
               struct err *err);

#endif
