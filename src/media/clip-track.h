/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of a clip: its packets as they are, where MP4 can have them and
 * they follow each other without gaps; else encoded again as AAC. Copied sound
 * begins and ends at a packet, so it may be longer than the pictures by less
 * than a packet; players leave out what is before the first picture. One
 * thread. */
#ifndef VDET_MEDIA_CLIP_TRACK_H
#define VDET_MEDIA_CLIP_TRACK_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/clip-mux.h"
#include "media/input.h"
#include "media/source.h"
#include "protocol/clip-wire.h"

struct clip_track;

/* Opens the input once more, for its sound from `from` to `to`. *ret is NULL if
 * there is none, or it cannot be kept: see *ret_state. `tick` as in
 * clip_plan_make(). */
int clip_track_open(struct input *in, const struct source_options *o, int64_t from, int64_t to,
                    int (*tick)(void *ctx, struct err *err), void *ctx, struct clip_track **ret,
                    enum clip_sound *ret_state, struct err *err);
void clip_track_free(struct clip_track *t);
DEFINE_FREEP(struct clip_track, clip_track)

/* What the muxer needs; borrowed. */
void clip_track_stream(const struct clip_track *t, struct clip_stream *ret);
/* Writes what is before this time; INT64_MAX: everything. */
int clip_track_write(struct clip_track *t, struct clip_mux *m, int64_t until, struct err *err);

#endif
