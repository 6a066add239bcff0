/* SPDX-License-Identifier: Apache-2.0 */
/* What of a case is done: which options and which model each result is of, and
 * whether this run would make the same again. Internal; blocks for the disk. */
#ifndef VDET_CASES_DONE_H
#define VDET_CASES_DONE_H

#include <stdbool.h>

#include "base/hash.h"
#include "job/analyze.h"
#include "store/case.h"

/* What a result depends on beside its file: the SHA-256 of what the run depends
 * on, a hyphen, and that of what only its report depends on. */
struct settings {
	char text[2 * HASH_HEX]; /* "" = not known: the engine did not run yet */
};

/* With the engine as it is, which has to run; does nothing if they are known. */
int settings_find(struct settings *s, const struct analyze *a, struct err *err);
/* Whether a result is of a run with other options or another model; false where
 * that is not known. Pure. */
bool settings_differ(const struct settings *s, const char *of_result);

/* Whether the result of a member is what an analysis with these settings would
 * make, and its report is in a folder of its own in `out`. */
bool done_before(const struct settings *s, const struct analyze *a, const char *out,
                 const struct store_member *row);

#endif
