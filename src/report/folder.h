/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a report, NAME.vdet: which source and run it belongs to is
 * recorded in it (vdet.json), so that a report is not overwritten by one of
 * another source, and one of another run of the same source is kept.
 *
 * All calls block for the disk, and hold a lock on the folder meanwhile:
 * several processes may write reports side by side. */
#ifndef VDET_REPORT_FOLDER_H
#define VDET_REPORT_FOLDER_H

#include "base/err.h"
#include "report/report.h"

/* Of vdet.json in the folder of a case, in which no report of a video is
 * written. */
#define REPORT_CASE_RECORD "vdet-case-folder/1"

/* What is analyzed: one video stream of a file. */
struct report_source {
	const char *sha256; /* of the file */
	int64_t stream;     /* index in the file; negative = the default one */
};

/* Takes a folder in `parent` for reports of this stream of the video `path`:
 * NAME.vdet, if that is free or this source's already, else another name
 * (naming.h). A folder that has no record and is not empty is left alone.
 *
 * *ret: absolute if `parent` is. *ret_note: NULL, or why it is not NAME.vdet.
 * The caller frees both. */
int report_folder_take(const char *parent, const char *path, const struct report_source *source,
                       char **ret, char **ret_note, struct err *err);

/* Whether the report of this run is in `dir`, by its record. */
bool report_folder_holds(const char *dir, const char *run);
/* Where the report of a run is: `dir`, or the folder in it to which a later run
 * moved it; NULL if it is in neither. The caller frees. */
char *report_folder_find(const char *dir, const char *run);

/* Whether reports can be written there, and it is not the folder of a case,
 * before hours of work: into `dir` if it exists, else into the nearest folder
 * above it that does. Creates nothing. */
int report_folder_check(const char *dir, struct err *err);

/* As report_write(), and records source and run in `dir`. A report of another
 * run that is there is moved to dir/earlier/RUN first; *ret_earlier: that
 * folder, NULL if there was none; the caller frees it. */
int report_folder_write(const struct report *r, const char *dir, const char *formats,
                        char **ret_earlier, struct err *err);

#endif
