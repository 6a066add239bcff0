/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a case's report: TITLE.vdet-case. vdet.json in it says which
 * case it belongs to. Internal; blocks for the disk. */
#ifndef VDET_CASES_FOLDER_H
#define VDET_CASES_FOLDER_H

#include "cases/data.h"

/* Takes TITLE.vdet-case in `parent` for the case `id`, or, where that is
 * another one's or not ours, TITLE-2.vdet-case, … *ret: absolute if `parent`
 * is; the caller frees. */
int case_folder_take(const char *parent, const char *title, const char *id, char **ret,
                     struct err *err);
/* Writes case.json, and case.FORMAT for each other of `formats` (as in
 * report_check_formats()) that cases have; each file atomically. */
int case_folder_write(const struct case_report *r, const char *dir, const char *formats,
                      struct err *err);

#endif
