/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a report in the form in which checks are chosen. Pure. */
#ifndef VDET_JOB_STATEMENTS_H
#define VDET_JOB_STATEMENTS_H

#include "report/report.h"
#include "story/check-plan.h"

struct statements {
	struct check_video video; /* borrows from the members below and from the report */
	struct check_chunk *chunks;
	struct check_statement *items;
	const struct report_part **parts; /* of each statement */
	int64_t *times;                   /* of the frames of all of them */
	int64_t *seen;                    /* frames that the model was shown, of the whole video */
	size_t n_seen;
};

/* Of every statement, also of those that are withdrawn; `key` is the run's.
 * Both are borrowed. */
void statements_collect(const struct report *r, const char *key, struct statements *ret);
void statements_clear(struct statements *s);

/* Bytes of a statement in a request, and of its subject, at most. */
enum { STATEMENT_MAX = 300 };
/* Appends "[00:00:05 - 00:00:09] A red car enters.", for a request; the subject
 * comes first where the statement does not name it. */
void statement_print(const struct story_part *p, struct buf *to);

#endif
