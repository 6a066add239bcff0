/* SPDX-License-Identifier: Apache-2.0 */
/* Exact frames: the frame that is shown at a time, bit-identical to decoding
 * from the start.
 *
 * One decoder is reused. It goes forward where that is near, jumps to a
 * keyframe where the target lies beyond one, and leaves out frames that nothing
 * refers to until shortly before the target. Where a seek ends at the wrong
 * place, it seeks further back, and at last decodes from the start; the decode
 * path says which. One thread, also inside libav: parallel work is done by more
 * readers in more processes. Times: microseconds of the timeline. */
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

/* The source was moved by other code: the next frame begins with a seek. `end`
 * is the duration; CLOCK_NONE leaves it as it was. */
void reader_moved(struct reader *r, int64_t end);
/* Whether t is after the end, so that reader_at() may fail. */
bool reader_beyond(const struct reader *r, int64_t t);

/* From now on the loop filter of the codec is left out, which is faster and not
 * exact; or it is not. */
void reader_rough(struct reader *r, bool rough);

/* Whether the container gives its frames' times in decoding order, so that they
 * had to be put in order. */
bool reader_unsorted(const struct reader *r);

/* Whether the coded stream itself states its frame rate; known once a frame was
 * decoded. */
bool reader_knows_rate(const struct reader *r);

/* What is shown at a time. Borrowed from the reader until its next call. */
struct shown {
	AVFrame *frame;
	AVFrame *before, *after; /* its neighbours, for deinterlacing; NULL where there are none */
	int64_t pts;
	const char *decode_path; /* "hardware", "software", "concealed", "sequential", "keyframe", … */
};

/* The last frame with pts <= t; before the first frame, the first one. Cheapest
 * with ascending t. An error concerns this t alone, except ERR_LIMIT
 * (memory). */
int reader_at(struct reader *r, int64_t t, struct shown *ret, struct err *err);
/* The same where the time that will be asked for next is known; cheaper if it
 * lies far behind. */
int reader_at_then(struct reader *r, int64_t t, int64_t then, struct shown *ret, struct err *err);

/* After reader_at(), the frames that follow the one shown, one a call: 0, or 1
 * at the end. Those that nothing refers to may be left out where others follow
 * them up to `until`; INT64_MIN leaves out none. */
int reader_next(struct reader *r, int64_t until, struct shown *ret, struct err *err);

#endif
