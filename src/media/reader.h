/* SPDX-License-Identifier: Apache-2.0 */
/* Exact frames: the frame that is shown at a time, identical to the result of
 * decoding from the start.
 *
 * One decoder is reused. It decodes forward if the target is near, seeks to a
 * keyframe if there is one before the target, and skips frames that no other
 * frame refers to until shortly before the target. If a seek ends at the wrong
 * position, it seeks further back, and finally decodes from the start; the
 * decode path reports which. One thread, also inside libav: for parallel work
 * use more readers in more processes. Times: microseconds of the timeline. */
#ifndef VDET_MEDIA_READER_H
#define VDET_MEDIA_READER_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/source.h"

struct reader;

/* Borrows the source, which must be at its start, and moves it. */
int reader_open(struct source *s, struct reader **ret, struct err *err);
void reader_free(struct reader *r);
DEFINE_FREEP(struct reader, reader)

/* Must be called after other code moved the source: the next frame begins with
 * a seek. `end` is the duration; CLOCK_NONE leaves it unchanged. */
void reader_moved(struct reader *r, int64_t end);
/* Whether t is after the end, so that reader_at() may fail. */
bool reader_beyond(const struct reader *r, int64_t t);

/* Whether the frame times of the container are in decoding order, so that they
 * had to be sorted. */
bool reader_unsorted(const struct reader *r);

/* Whether the coded stream itself states its frame rate; known after a frame
 * was decoded. */
bool reader_knows_rate(const struct reader *r);

/* The picture that is shown at a time. Borrowed from the reader until its next
 * call. */
struct shown {
	AVFrame *frame;
	AVFrame *before, *after; /* adjacent frames, for deinterlacing; NULL if there are none */
	int64_t pts;
	const char *decode_path; /* "hardware", "software", "concealed", "sequential", "keyframe", … */
};

/* The last frame with pts <= t; before the first frame, the first one. Cheapest
 * with ascending t. An error concerns only this t, except ERR_LIMIT (memory). */
int reader_at(struct reader *r, int64_t t, struct shown *ret, struct err *err);
/* The same if the next time to be requested is known; cheaper if that is far
 * ahead. */
int reader_at_then(struct reader *r, int64_t t, int64_t then, struct shown *ret, struct err *err);

/* After reader_at(), returns the following frames, one per call: 0, or 1 at the
 * end. Frames that no frame refers to may be skipped if others follow them up
 * to `until`; INT64_MIN skips none. */
int reader_next(struct reader *r, int64_t until, struct shown *ret, struct err *err);

#endif
