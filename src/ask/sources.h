/* SPDX-License-Identifier: Apache-2.0 */
/* The videos of a question, opened. Internal to src/ask/; blocks for the
 * disk. */
#ifndef VDET_ASK_SOURCES_H
#define VDET_ASK_SOURCES_H

#include "ask/asking.h"

/* Loads the report of each video, and checks that its file is the one that was
 * analyzed. A file that cannot be examined gets its reason. ERR_ARG: a
 * run is named that does not exist. `most`: frames of a group. */
int sources_open(struct asking *a, size_t most, struct err *err);
void sources_close(struct asking *a);

/* Opens the file of a source that is visible; the caller closes it. Of many
 * videos only those are open that are examined now. */
int sources_file(const struct asking *a, size_t source, int *ret_fd, struct err *err);

/* JSON array of objects {sha256, stream, job, generation}; without the last two
 * if `asked`. The caller frees. */
char *sources_scope(const struct asking *a, bool asked);

/* The mean and the longest distance of the sampled frames of a source within
 * the analyzed part, and where that is. */
void sources_gaps(const struct ask_source *s, int64_t *ret_mean, int64_t *ret_max, int64_t *ret_at);
/* Microseconds of its holes. */
int64_t sources_holes(const struct ask_source *s);

#endif
