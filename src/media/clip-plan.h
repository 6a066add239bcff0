/* SPDX-License-Identifier: Apache-2.0 */
/* Which packets of a video a clip can have as they are: the longest run that
 * begins at a keyframe inside the range, and does not need frames outside of
 * it. Frames before and after the run have to be encoded again. One thread.
 * Times: microseconds of the timeline; "pts": in the stream's clock. */
#ifndef VDET_MEDIA_CLIP_PLAN_H
#define VDET_MEDIA_CLIP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/source.h"

struct clip_packet {
	int64_t pts, time;
	bool key;
	bool idr;    /* of H.264: decoding can begin again here, with other parameters */
	bool hidden; /* it is decoded, but not shown */
};

struct clip_plan {
	struct clip_packet *packets; /* in decoding order, from where the source is sought to */
	size_t n;
	int64_t aim;       /* the time that is sought; CLOCK_NONE = the start of the file */
	size_t first, end; /* packets that can be copied: equal if there are none */
	/* times of the frames that can be copied, and of the frame after them */
	int64_t copy_from, copy_to;
	int64_t start;   /* of the first frame of the clip; CLOCK_NONE if there is none */
	int64_t next;    /* of the frame after the clip; CLOCK_NONE if there is none */
	bool head, tail; /* there are frames before and after those that can be copied */
};
void clip_plan_clear(struct clip_plan *p);

/* Reads the packets of the range; `s` must be a source that nothing else reads.
 * `join`: frames that are encoded again can be joined to copied ones. Packets
 * without usable times are not copied. `tick` is called often; a negative
 * result stops. */
int clip_plan_make(struct source *s, int64_t from, int64_t to, bool join,
                   int (*tick)(void *ctx, struct err *err), void *ctx, struct clip_plan *ret,
                   struct err *err);

/* Whether packet i is copied. */
bool clip_plan_copies(const struct clip_plan *p, size_t i);
/* Moves the source to packet 0 of the plan. */
int clip_plan_seek(const struct clip_plan *p, struct source *s, struct err *err);
/* Reads packet *i, the next one, and increments *i. */
int clip_plan_read(const struct clip_plan *p, struct source *s, size_t *i, AVPacket *pkt,
                   struct err *err);

#endif
