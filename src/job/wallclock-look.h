/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a video, and the text in a part of them, for finding its clock.
 * Internal to job/wallclock.c and its parts. One thread; all calls block. */
#ifndef VDET_JOB_WALLCLOCK_LOOK_H
#define VDET_JOB_WALLCLOCK_LOOK_H

#include "job/wallclock.h"
#include "screentext/reader.h"
#include "wallclock/follow.h"

/* Where a clock is in the picture. */
struct clock_place {
	struct text_region time; /* with the date, if that is on the same line */
	struct text_region date; /* of a date on a line of its own; w = 0: there is none */
};

struct clock_view {
	const struct wallclock_file *file;
	struct cancel *cancel;
	struct decoder *decoder;
	struct text_reader *reader;
	struct video_info video;
	int64_t from, to, frame; /* frame: usual distance of two */
	/* with different space around; the second where the first shows no time */
	struct clock_place place, second;
	size_t points; /* of the best text so far */
	size_t reads;  /* calls of the reader */
	size_t unread; /* frames that could not be decoded or read */
	char *fault;   /* the reason of the first of them; NULL = none */
};

/* Opens the video, not the reader. */
int clock_view_open(const struct wallclock_file *file, struct cancel *cancel, struct clock_view *v,
                    struct err *err);
void clock_view_clear(struct clock_view *v);

/* One frame; what fn does not take is freed after it returns. jpeg NULL: it
 * could not be decoded. */
int clock_view_frames(struct clock_view *v, const int64_t *times, size_t n, bool near,
                      int (*fn)(void *ctx, size_t i, struct frame *f), void *ctx, struct err *err);

/* Lines of a part of a JPEG; none, with a note in v, if it cannot be read.
 * Fails with ERR_CANCELED, or if the reader is gone for good. The caller clears
 * `ret`. */
int clock_view_read(struct clock_view *v, const struct frame *f, const struct text_region *region,
                    enum text_mode mode, struct text_lines *ret, struct err *err);

/* The text of a clock in a frame; NULL = none. The caller frees. */
int clock_view_text(struct clock_view *v, const struct frame *f, const struct clock_place *place,
                    char **ret, struct err *err);

/* For wallclock_follow(): ctx is the view; times are from v->from on. */
int clock_view_look(void *ctx, struct wallclock_look *looks, size_t n, bool near, struct err *err);

#endif
