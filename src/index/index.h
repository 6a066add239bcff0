/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a whole video: what can be known cheaply before any frame is
 * chosen. Made in the sandboxed child (src/media/), cached by source hash
 * (src/store/), read by the plan.
 *
 * Plain data; times are microseconds from the start of the video's timeline. */
#ifndef VDET_INDEX_INDEX_H
#define VDET_INDEX_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* What is known of a range of the video. */
enum index_detail {
	INDEX_PACKETS,   /* sizes of the coded frames only */
	INDEX_KEYFRAMES, /* its keyframes were decoded */
	INDEX_DECODED,   /* decoded without non-reference frames, or wholly */
};

enum index_flag {
	INDEX_BLACK = 1,
	INDEX_FROZEN = 2,
	INDEX_BLURRED = 4,
	INDEX_FADING = 8,
	INDEX_TORN = 16
};

enum index_cut_kind { INDEX_CUT_HARD, INDEX_CUT_DISSOLVE, INDEX_CUT_FADE };

struct index_cut {
	/* first frame of the new shot; end of a gradual change (= pts for a hard
	 * cut) */
	int64_t pts, end;
	/* the true time lies within [pts - uncertainty, pts]; 0 = exact to the
	 * frame */
	int64_t uncertainty;
	enum index_cut_kind kind;
	float score; /* 0 to 1 */
};

struct index_key { /* a picture that was decoded small */
	int64_t pts;
	uint64_t hash;   /* perceptual: near duplicates differ in few bits */
	uint8_t luma;    /* mean */
	uint8_t flags;   /* enum index_flag */
	float sharpness; /* variance of the Laplacian of the small picture */
};

struct video_index {
	int64_t duration;
	int64_t bin;   /* width of a bin */
	size_t n_bins; /* covers [0, duration) */
	/* per bin: how much the picture changes there; 0 = not at all, comparable
	 * within a video */
	float *activity;
	uint8_t *detail;        /* per bin: enum index_detail */
	uint8_t *flags;         /* per bin: enum index_flag */
	struct index_cut *cuts; /* ascending */
	size_t n_cuts;
	struct index_key *keys; /* ascending */
	size_t n_keys;
	/* ends of the stretches that were looked at one after the other; the last
	 * is the duration */
	int64_t *parts;
	size_t n_parts;
	int64_t packets, keyframes, decoded; /* counts */
	int64_t work_time;                   /* what making it took */
	int64_t first;                       /* time of the first frame */
	int64_t decoded_time; /* how much of the video was decoded closely (INDEX_DECODED) */
	int64_t max_gap;      /* longest distance between two pictures that were decoded */
	/* parts that could not be decoded: those are INDEX_PACKETS, whatever the
	 * reason */
	int64_t failed;
};
void video_index_free(struct video_index *x);
DEFINE_FREEP(struct video_index, video_index)

/* What was known when its first n > 0 parts had been looked at; all of it, if
 * it has no parts. Borrows; not to be freed. */
struct video_index video_index_first(const struct video_index *x, size_t n);

#endif
