/* SPDX-License-Identifier: Apache-2.0 */
/* From packets and signatures to the activity curve: how much happens when.
 * Pure; any thread.
 *
 * Two signal sources. Packets (everywhere, at any moment): the encoder spends
 * bytes where the picture changes. What counts is by how much a moment exceeds
 * the quiet level around it (a low quantile over minutes, and its spread), so
 * that noise and rain, which cost bytes all the time, raise the level and not
 * the curve. Pictures (where they were decoded): how much changed from one to
 * the next, exposure taken off. Where pictures were decoded closely they alone
 * decide, so an exposure jump or a flash, which costs bytes, counts for little;
 * elsewhere the stronger of the two counts. */
#ifndef VDET_INDEX_ACTIVITY_H
#define VDET_INDEX_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>

#include "decoder/decoder-index.h"
#include "index/cuts.h"
#include "index/index.h"
#include "index/measure.h"

/* A decoded stretch, and what its frames told. */
struct decoded_range {
	int64_t from, to;
	struct motion {
		int64_t pts;
		float change;  /* against a frame about half a second before; -1 if there was none */
		uint8_t flags; /* enum index_flag */
	} * motion;        /* ascending */
	size_t n;
};

/* What was found in a part of the video, before it is put together. */
struct findings {
	const struct packet_scan *scan;
	/* the part; `to` is the last keyframe's time, or 0 = the end of the video */
	int64_t from, to;
	const struct signature *keys; /* of its keyframes, ascending */
	size_t n_keys;
	const struct decoded_range *ranges; /* ascending by from */
	size_t n_decoded;
	int64_t max_gap; /* between keyframes; beyond it they do not count as a look */
};

/* How far each bin of x exceeds the quiet level, 0 to below 1; x has its bins.
 * The caller frees. */
float *activity_packets(const struct findings *f, const struct video_index *x);
/* Chooses the width of the bins and allocates them. */
void activity_bins(const struct packet_scan *w, struct video_index *x);

/* A stretch between two keyframes (or the ends), as the packets and the
 * keyframes judge it. */
struct interval {
	int64_t from, to; /* of the keyframes */
	bool open;        /* no keyframe follows, up to the end */
	size_t a, b;      /* indices into keys; b == n_keys if it is open */
	float packets;    /* the most by which a bin exceeds the quiet level */
	float spike;      /* the largest packet over the median of the largest of its surroundings */
	int64_t spike_at;
	struct difference between; /* of the two keyframes */
	float change;              /* likewise, see signature_change() */
};
/* The caller frees. */
struct interval *activity_intervals(const struct findings *f, const float *packets,
                                    const struct video_index *x, size_t *ret_n);

/* Fills activity, look and flags of the part; x has its cuts. */
void activity_fill(const struct findings *f, const float *packets, const struct interval *list,
                   size_t n, struct video_index *x);

#endif
