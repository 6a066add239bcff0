/* SPDX-License-Identifier: Apache-2.0 */
/* Whether packets give the frames of the video when they are decoded alone. One
 * thread. */
#ifndef VDET_MEDIA_CLIP_CHECK_H
#define VDET_MEDIA_CLIP_CHECK_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "media/reader.h"
#include "media/source.h"

/* Packets that are owned. */
struct clip_packets {
	AVPacket **items;
	size_t n, cap, bytes;
};
void clip_packets_clear(struct clip_packets *p);
/* Adds a reference to the packet. ERR_LIMIT if memory is out. */
int clip_packets_add(struct clip_packets *p, const AVPacket *pkt, struct err *err);

/* Decodes the packets, in decoding order, with pts in the stream's clock. *ret:
 * there is a frame for each, in order, and those from `from` to `to`
 * (microseconds of the timeline) are identical to those of the reader. */
int clip_check(const AVCodecParameters *par, const struct clip_packets *p, const struct source *s,
               struct reader *reader, int64_t from, int64_t to, bool *ret, struct err *err);

#endif
