/* SPDX-License-Identifier: Apache-2.0 */
/* The report of videos that someone else keeps together: those of a case of the
 * server. Nothing is analyzed, and no file is written. */
#ifndef VDET_CASES_PRINT_H
#define VDET_CASES_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/requests.h"
#include "job/merge.h"
#include "store/case.h"

struct case_input {
	const char *id, *title;
	/* Borrowed; of each row path, stream, name, kind (STORE_MEMBER_VIDEO),
	 * source, job, fault, start, clock, duration, with settings "". */
	const struct store_member *rows;
	const bool *away; /* of each: it is not a file, so that its path need not exist; NULL = none */
	size_t n;
	const char *summary;         /* of case_sum_up(); NULL = none */
	const char *without_summary; /* why there is none; for people */
};

/* Appends the report as "json", "html", "md" or "csv"; ERR_ARG for another
 * format. A summary of other events than those of the rows is not shown. Blocks
 * for the disk. */
int case_print(struct store *s, const struct case_input *in, const char *format, struct buf *out,
               struct err *err);

/* Has the model write a summary from what is known of the videos; the members
 * of `in` about a summary are not read. Its answers are kept in `answers`.
 * *ret, which the caller frees, is a text for case_print(). ERR_ENGINE with the
 * reason if the model writes none; ERR_CANCELED. The engine has been started;
 * blocks for it. */
int case_sum_up(const struct run_context *run, const struct case_input *in,
                const struct merge_options *o, const struct reply_journal *answers, char **ret,
                struct err *err);

#endif
