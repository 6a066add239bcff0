/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the packets of a whole video in bins; nothing is decoded. */
#ifndef VDET_MEDIA_PACKET_SCAN_H
#define VDET_MEDIA_PACKET_SCAN_H

#include "base/err.h"
#include "media/extent.h"
#include "media/source.h"
#include "protocol/index-wire.h"

struct packet_counts {
	struct extent extent;
	int64_t bin; /* width in microseconds; covers [0, n_bins * bin) */
	struct packet_bin *bins;
	size_t n_bins;
	/* ascending by time; at most one per bin, so an intra-only video has few */
	struct packet_key *keys;
	size_t n_keys;
	int64_t packets, keyframes, bytes; /* totals */
	/* of decoding a frame, in pixels of H.264: its pixels times a weight of the
	 * codec */
	int64_t frame_cost;
};
void packet_counts_clear(struct packet_counts *w);

/* Reads the whole file, from the source's start. Memory is limited, however
 * long the video is. */
int packet_scan_run(struct source *s, struct packet_counts *ret, struct err *err);

#endif
