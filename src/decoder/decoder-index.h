/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the index to the media child. As in decoder.h, everything
 * received is checked, a child that violates the protocol is killed, and an
 * error return means that the child is gone. */
#ifndef VDET_DECODER_DECODER_INDEX_H
#define VDET_DECODER_DECODER_INDEX_H

#include "decoder/decoder.h"
#include "decoder/decoder-pictures.h"
#include "protocol/index-wire.h"

/* The packets of the whole file; nothing is decoded. */
struct packet_scan {
	int64_t first, duration; /* of the first frame; end of the last frame */
	int64_t bin;             /* width of a bin; they cover [0, n_bins * bin) */
	struct packet_bin *bins;
	size_t n_bins;
	struct packet_key *keys; /* ascending, within [0, duration]; no two in one bin */
	size_t n_keys;
	int64_t packets, keyframes, bytes; /* of the video stream */
	int64_t frame_cost;                /* of decoding a frame, in pixels of H.264 */
};
void packet_scan_clear(struct packet_scan *w);

/* The caller clears `ret`. */
int decoder_packets(struct decoder *d, struct packet_scan *ret, struct err *err);

/* Appends the signatures and grids of these keyframes (ascending, at most
 * MEDIA_TIMES_MAX); some may be missing. */
int decoder_keys(struct decoder *d, const struct packet_key *keys, size_t n, struct signatures *out,
                 struct grids *grids, struct err *err);
/* Appends the signatures of the frames from the one shown at `from` up to `to`,
 * at most `max`: of all frames, or of those that others refer to; and the grids
 * of some of them. */
int decoder_stretch(struct decoder *d, int64_t from, int64_t to, bool all, size_t max,
                    struct signatures *out, struct grids *grids, struct err *err);

#endif
