/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out what a file of a case is: a video, or several video streams, a
 * damaged video, or another file; and when it begins. Internal; one thread;
 * blocks for the disk and for media children. */
#ifndef VDET_CASES_EXAMINE_H
#define VDET_CASES_EXAMINE_H

#include "base/file.h"
#include "cases/members.h"
#include "cases/walk.h"
#include "job/analyze.h"

enum examine_result {
	EXAMINE_DONE,  /* its members are up to date, and seen */
	EXAMINE_FRESH, /* it changed just now, so that it may not be whole */
	EXAMINE_GONE,
	EXAMINE_FAILED /* *ret_why: a video that cannot be read, or any file that cannot be opened */
};

/* Fails only if the journal does, or with ERR_CANCELED. A file that did not
 * change since an earlier run is not read. */
int examine_file(struct members *m, const struct walk_file *f, const struct analyze *a,
                 enum examine_result *ret, struct err *ret_why, struct err *err);

/* Whether a file that changed at this time may still be written to. Unix times
 * in microseconds; a time of change in the future does not count. Pure. */
bool examine_is_fresh(int64_t changed, int64_t now);

/* Hashes the file of a member whose hash is not known. *ret_same: false if the
 * file is no longer the one that was examined. The error is one of the file, or
 * ERR_CANCELED. */
int examine_hash(struct member *m, const struct analyze *a, bool *ret_same, struct err *err);

#endif
