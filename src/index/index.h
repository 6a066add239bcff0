/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a whole video: what can be measured cheaply before frames are
 * sampled. The sandboxed child (src/media/) measures, src/store/ keeps the
 * index under the hash of the source, and the plan reads it.
 *
 * Plain data; times are microseconds from the start of the video's timeline. */
#ifndef VDET_INDEX_INDEX_H
#define VDET_INDEX_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* How a range of the video was measured. */
enum index_detail {
	INDEX_PACKETS,   /* only the sizes of coded frames are known */
	INDEX_KEYFRAMES, /* the keyframes were decoded */
	INDEX_DECODED,   /* all frames were decoded, or all reference frames */
};

enum index_flag {
	INDEX_BLACK = 1,
	INDEX_FROZEN = 2,
	INDEX_BLURRED = 4,
	INDEX_FADING = 8,
	INDEX_TORN = 16 /* decoded with damage concealed */
};

enum index_cut_kind { INDEX_CUT_HARD, INDEX_CUT_DISSOLVE, INDEX_CUT_FADE };

struct index_cut {
	/* first frame of the new shot; end of a gradual change (= pts for a hard
	 * cut) */
	int64_t pts, end;
	/* the cut is in [pts - uncertainty, pts]; 0 = exact to the frame */
	int64_t uncertainty;
	enum index_cut_kind kind;
	float score; /* 0 to 1 */
};

struct index_key { /* a decoded picture */
	int64_t pts;
	uint64_t hash;   /* perceptual: similar pictures differ in few bits */
	uint8_t luma;    /* mean */
	uint8_t flags;   /* enum index_flag */
	float sharpness; /* variance of the Laplacian of the downscaled picture */
};

/* How unusual a picture is for the recording; see detect/detect.h. */
struct index_score {
	int64_t pts;
	float score;
	uint8_t share;      /* of the picture that is unusual, in 1/255 */
	uint8_t x, y, w, h; /* where, in cells of a grid of 96x54 */
};

struct video_index {
	int64_t duration;
	int64_t bin;   /* width of a bin, microseconds */
	size_t n_bins; /* covers [0, duration) */
	/* per bin: how much the picture changes; 0 = not at all, comparable within
	 * one video */
	float *activity;
	uint8_t *detail;        /* per bin: enum index_detail */
	uint8_t *flags;         /* per bin: enum index_flag */
	struct index_cut *cuts; /* ascending */
	size_t n_cuts;
	struct index_key *keys; /* ascending */
	size_t n_keys;
	struct index_score *scores; /* ascending */
	size_t n_scores;
	/* ends of the parts in which the index was made; the last one is the
	 * duration */
	int64_t *parts;
	size_t n_parts;
	int64_t packets, keyframes, decoded; /* counts */
	int64_t work_time;                   /* time that indexing took */
	int64_t first;                       /* time of the first frame */
	int64_t decoded_time;                /* how much of the video is INDEX_DECODED */
	int64_t max_gap;                     /* longest distance between two decoded pictures */
	/* parts that could not be decoded; they are INDEX_PACKETS, whatever the
	 * reason */
	int64_t failed;
};
void video_index_free(struct video_index *x);
DEFINE_FREEP(struct video_index, video_index)

/* The index as it was after its first n > 0 parts; the whole index if it has no
 * parts. Borrows its arrays; do not free it. */
struct video_index video_index_first(const struct video_index *x, size_t n);

/* Numbers of the first cut after t, and of the first key and the first score
 * not before t. */
size_t index_cut_after(const struct video_index *x, int64_t t);
size_t index_key_from(const struct video_index *x, int64_t t);
size_t index_score_from(const struct video_index *x, int64_t t);

/* Rain and changes of light score less than this, events more. If the median is
 * higher, the picture changes most of the time: no fixed camera. */
#define INDEX_SCORE_EVENT 14.0f
/* The median of the scores from number `first` on; 0 if there are none. */
float index_score_median(const struct video_index *x, size_t first);

#endif
