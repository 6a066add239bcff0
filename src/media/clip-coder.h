/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes the frames of a clip that cannot be copied: H.264 if there is an
 * encoder, without B-frames, at the times of the frames. Frames of 8 bits,
 * 4:2:0, progressive and SDR are encoded as they were decoded; others are
 * converted to that, upright. One thread. */
#ifndef VDET_MEDIA_CLIP_CODER_H
#define VDET_MEDIA_CLIP_CODER_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/reader.h"
#include "media/source.h"

struct clip_coder;

/* `join`: the packets have start codes, and repeat their parameters at each
 * keyframe, so that they can be between packets of `s`. */
struct clip_coder *clip_coder_new(const struct source *s, bool join);
void clip_coder_free(struct clip_coder *c);
DEFINE_FREEP(struct clip_coder, clip_coder)

/* Whether frames like this one can be joined to copied ones. */
bool clip_coder_joins(const AVFrame *f);

/* Encodes a frame; `pts` is in the stream's clock, and ascending. The first one
 * opens the encoder. */
int clip_coder_frame(struct clip_coder *c, const struct shown *s, int64_t pts, struct err *err);
/* No more frames. */
int clip_coder_end(struct clip_coder *c, struct err *err);
/* The next packet, in the stream's clock, without a duration. 0, or 1 if there
 * is none yet. */
int clip_coder_packet(struct clip_coder *c, AVPacket *pkt, struct err *err);

/* After the first frame. */
const AVCodecContext *clip_coder_context(const struct clip_coder *c);
/* Whether frames are not turned upright. */
bool clip_coder_keeps_rotation(const struct clip_coder *c);
unsigned clip_coder_lost(const struct clip_coder *c); /* CLIP_LOST_… */

#endif
