/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ways to make a clip share; internal to clip*.c. */
#ifndef VDET_MEDIA_CLIP_INTERNAL_H
#define VDET_MEDIA_CLIP_INTERNAL_H

#include "media/clip-mux.h"
#include "media/clip-track.h"
#include "media/clip.h"

struct clip {
	struct input *in;
	struct source *src;
	struct reader *reader;
	const struct clip_request *q;
	struct source_options options; /* how the file is opened again */
	struct clip_made made;         /* from is set */
	struct clip_track *track;      /* NULL if there is no sound */
	struct clip_mux *mux;
	int64_t reported, reported_at; /* progress, and when */
};

/* The progress: t is a time of the video that was read, `written` or only
 * examined. */
int clip_report(struct clip *c, int64_t t, bool written, struct err *err);
/* The same if no time is known. */
int clip_tick(void *clip, struct err *err);
/* A time in the stream's clock. */
int64_t clip_pts(const struct clip *c, int64_t time);
/* Where the clip ends, if the frame after it begins at `next`. */
int64_t clip_end(const struct clip *c, int64_t next);
/* The frame after the last one, as reader_next(); one that is shown twice, as
 * the first of a video is before its time, comes once. */
int clip_next(struct clip *c, struct shown *s, struct err *err);
/* Opens the sound, when from and to are known, and the file. */
int clip_begin(struct clip *c, const struct clip_stream *video, int64_t packets, struct err *err);
/* Writes a packet, its pts and dts in the stream's clock, and the sound up to
 * it. */
int clip_put(struct clip *c, AVPacket *pkt, struct err *err);

/* In clip-copy.c. Copies what can be copied. 1: nothing was written, as that
 * cannot be done. */
int clip_copy(struct clip *c, struct err *err);

#endif
