/* SPDX-License-Identifier: Apache-2.0 */
/* Times of packets that have none. A program stream, for example, states a time
 * for the first frame of each PES packet only; the frames after it follow at
 * the frame rate. One thread for each clock. */
#ifndef VDET_MEDIA_SPARSE_H
#define VDET_MEDIA_SPARSE_H

#include <libavformat/avformat.h>
#include <stdbool.h>

/* The decoding time of the last packet, in the stream's clock; AV_NOPTS_VALUE
 * at the start and after a seek. */
struct sparse_clock {
	int64_t last;
	bool filled; /* some times were */
};

/* Fills the times of a packet of `st` that has none, if an earlier packet had
 * one. Without reordering both times are filled, otherwise the decoding time
 * only. */
void sparse_fill(struct sparse_clock *c, const AVStream *st, AVRational rate, AVPacket *pkt);
/* Whether the packet's times were filled. */
bool sparse_is_filled(const AVPacket *pkt);
/* The duration of a packet in the stream's clock, at least 1. */
int64_t sparse_step(const AVStream *st, AVRational rate, const AVPacket *pkt);

#endif
