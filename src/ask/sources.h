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
/* Sets the part that is asked about, with the times of the question as
 * positions in the video. sources_open() takes those after its end as times of
 * its clock, if it has one that shows them. */
void sources_range(struct asking *a);
void sources_close(struct asking *a);

struct remote_video;

/* A source that is open, with the options to read it. */
struct ask_file {
	int fd;                    /* -1 = none; owned, unless `away` is set */
	struct remote_video *away; /* it is read at an address; owned */
	struct describe_options describe;
};
/* Opens a source that is visible. Of many videos only those are open that are
 * examined now. */
int sources_file(const struct asking *a, size_t source, struct ask_file *ret, struct err *err);
void sources_leave(struct ask_file *f);
/* Whether what the lane has open is what was analyzed, and did not change, and
 * all of it could be read. ERR_FORMAT; others as of remote_video_fault(). */
int sources_check(const struct asking *a, size_t source, const struct describe_worker *w,
                  struct err *err);

/* JSON array of objects {sha256, stream, job, generation}; without the last two
 * if `asked`. The caller frees. */
char *sources_scope(const struct asking *a, bool asked);

/* The mean distance of the sampled frames; 0 without any. */
int64_t sources_mean_gap(const struct ask_source *s);
/* The mean and the longest distance of the sampled frames of a source within
 * the analyzed part, and where that is. */
void sources_gaps(const struct ask_source *s, int64_t *ret_mean, int64_t *ret_max, int64_t *ret_at);
/* The part of the video that is asked about. */
void sources_part(const struct asking *a, const struct ask_source *s, int64_t *ret_from,
                  int64_t *ret_to);
/* Not all of that was analyzed. */
bool sources_is_part(const struct asking *a, const struct ask_source *s);
/* There is activity in it that no frame shows, also of the looks. */
bool sources_is_missed(const struct asking *a, const struct ask_source *s);
/* Whether a group follows the one before it without a hole, or a part that was
 * left out, between them. */
bool sources_follows(const struct ask_source *s, size_t group);
/* The time that a group stands for: up to the next group that follows it, else
 * to the end of its chunk. */
int64_t sources_begin(const struct ask_source *s, size_t group);
int64_t sources_end(const struct ask_source *s, size_t group);
/* Microseconds of its holes. */
int64_t sources_holes(const struct ask_source *s);

#endif
