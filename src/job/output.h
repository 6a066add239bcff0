/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a report. `named`: the one that the user named, "" = none;
 * `parent`: of those that are not named, NULL = the current folder. Blocks for
 * the disk. */
#ifndef VDET_JOB_OUTPUT_H
#define VDET_JOB_OUTPUT_H

#include "base/err.h"
#include "report/folder.h"

/* Checks it as far as possible before the hash of the source is known: whether
 * it is writable. */
int output_check(const char *named, const char *parent, struct err *err);

/* *ret is absolute, so that `vdet report` finds it from anywhere; the caller
 * frees it. `path`: of the video. */
int output_choose(const char *named, const char *parent, const char *path,
                  const struct report_source *source, char **ret, struct err *err);

#endif
