/* SPDX-License-Identifier: Apache-2.0 */
/* From the journal to the report of a case. Internal; blocks for the disk. */
#ifndef VDET_CASES_LOAD_H
#define VDET_CASES_LOAD_H

#include "cases/data.h"
#include "cases/done.h"
#include "cases/members.h"

struct case_place {
	const char *name;                /* of the case */
	const char *dir;                 /* of its report, absolute; NULL: no links */
	const struct settings *settings; /* of this run; NULL: any are as good */
	bool each;                       /* members of one content are videos of their own */
};

/* Everything but what this run alone knows (skipped files, faults of the walk,
 * links), and the summary. A member whose run is gone from the journal counts
 * as not analyzed. */
int case_report_load(const struct members *m, const struct case_place *at, struct case_report **ret,
                     struct err *err);

/* What people call a case of this name: the last part of a path. */
const char *case_title(const char *name);
/* The way from one folder to another as a URL; both are absolute. The caller
 * frees. */
char *case_link(const char *from, const char *to);

#endif
