/* SPDX-License-Identifier: Apache-2.0 */
/* A case: several videos, most often those of a folder, each analyzed as by
 * itself, and one report about all of them.
 *
 * case_analyze() reads top to bottom: which files → which of them are videos →
 * analyze each that is not done → one summary → the report. A case has a record
 * in the journal (store/case.h): its members, and for each its run. So the same
 * call again does only what is new or changed, and members whose files are gone
 * stay in the report. Nothing is written below a folder that is analyzed.
 *
 * Blocks for hours; one thread, beside those of the analyses. */
#ifndef VDET_CASES_CASES_H
#define VDET_CASES_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "job/analyze.h"

struct case_options {
	/* How each video is analyzed. Its reports_dir gets the folders of all
	 * reports; NULL = the current folder. options->output is empty. */
	const struct analyze *analyze;
	const char *name;   /* NULL = the real path of the first folder */
	char *const *paths; /* files and folders */
	size_t n;
	/* Leaves out what is gone and was never looked at: failed files, and videos
	 * without a result. */
	bool forget_missing;
	/* After each file that was analyzed or failed; one of `result` and `err` is
	 * NULL. On the caller's thread. */
	void (*on_file)(void *ctx, const char *name, const struct analyze_result *result,
	                const struct err *err);
	void *ctx;
};

struct case_result {
	char *id;       /* of the case; the caller frees with case_result_clear() */
	char *dir;      /* of its report, absolute; NULL: there is no video to report */
	size_t videos;  /* in the report, each content once */
	size_t now;     /* of them, those of this call */
	size_t before;  /* of those, the ones that were complete before */
	size_t failed;  /* files that failed; on_file() was called for each */
	size_t skipped; /* files that are still changing: the next call takes them */
	size_t others;  /* files that are not videos */
	size_t lost;    /* files that are gone, and were never looked at */
	char *lacks;    /* why the case is not complete, for people; "" = it is */
};
void case_result_clear(struct case_result *r);

/* A file that fails does not end it. ERR_ARG: the reports would be written
 * below a folder that is analyzed; ERR_BUSY: another process works on this
 * case; ERR_CANCELED: everything that is finished is kept, and the same call
 * continues. */
int case_analyze(const struct case_options *o, struct case_result *ret, struct err *err);

#endif
