/* SPDX-License-Identifier: Apache-2.0 */
/* Computes the activity curve from packets and signatures. Pure; any thread.
 *
 * There are two signal sources. Packets are available everywhere: the encoder
 * spends bytes where the picture changes. The value is how far a moment exceeds
 * the quiet level around it (a low quantile over minutes, and its spread), so
 * that noise and rain, which cost bytes all the time, raise the level and not
 * the curve. Pictures are available where frames were decoded: the value is how
 * much changed from one to the next, after correction for exposure. Where every
 * frame was decoded, only pictures are used, so an exposure jump or a flash,
 * which costs bytes, has little effect; elsewhere the larger of the two values
 * is used. */
#ifndef VDET_INDEX_ACTIVITY_H
#define VDET_INDEX_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>

#include "decoder/decoder-index.h"
#include "index/cuts.h"
#include "index/index.h"
#include "index/measure.h"

/* A decoded range, and what its frames show. */
struct decoded_range {
	int64_t from, to;
	struct motion {
		int64_t pts;
		float change;  /* compared with a frame about half a second before; -1 if there is none */
		uint8_t flags; /* enum index_flag */
	} * motion;        /* ascending */
	size_t n;
};

/* Measurements of a part of the video, before they are combined. */
struct findings {
	const struct packet_scan *scan;
	/* the part; `to` is the time of the last keyframe, or 0 = the end of the
	 * video */
	int64_t from, to;
	const struct signature *keys; /* of its keyframes, ascending */
	size_t n_keys;
	const struct decoded_range *ranges; /* ascending by from */
	size_t n_decoded;
	int64_t max_gap; /* between keyframes; longer intervals do not count as covered */
};

/* How far each bin of x exceeds the quiet level, from 0 to below 1; x must have
 * its bins. The caller frees it. */
float *activity_packets(const struct findings *f, const struct video_index *x);
/* Chooses the width of the bins and allocates them. */
void activity_bins(const struct packet_scan *w, struct video_index *x);

/* An interval between two keyframes (or the ends), as measured from the packets
 * and the keyframes. */
struct interval {
	int64_t from, to; /* times of the keyframes */
	bool open;        /* no keyframe follows before the end */
	size_t a, b;      /* indices into keys; b == n_keys if it is open */
	float packets;    /* the largest excess of a bin over the quiet level */
	float spike;      /* the largest packet divided by the median of the largest packets nearby */
	int64_t spike_at;
	struct difference between; /* between the two keyframes */
	float change;              /* likewise, see signature_change() */
};
/* The caller frees it. */
struct interval *activity_intervals(const struct findings *f, const float *packets,
                                    const struct video_index *x, size_t *ret_n);

/* Fills activity, look and flags of the part; x must have its cuts. */
void activity_fill(const struct findings *f, const float *packets, const struct interval *list,
                   size_t n, struct video_index *x);

#endif
