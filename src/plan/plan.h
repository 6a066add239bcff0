/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: how the video is divided into chunks, and at which times frames are
 * sampled.
 *
 * A pure, deterministic function of options, duration and index: the same input
 * gives the same plan on every machine. Times: microseconds from the start of
 * the video. A plan owns its arrays; the caller frees it with plan_free(). No
 * thread state, nothing blocks. */
#ifndef VDET_PLAN_PLAN_H
#define VDET_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "index/index.h"

enum plan_policy {
	PLAN_EVEN, /* fixed chunks, evenly spaced samples */
	/* as even, but each sample is moved to the nearest picture of the index,
	 * which is cheap to decode */
	PLAN_KEYFRAME,
	PLAN_ADAPTIVE, /* samples where the picture changes, chunks that end at quiet moments */
	PLAN_SCENE,    /* one sample per shot before any second one; chunks that end at cuts */
	PLAN_POLICIES
};
extern const char *const plan_policy_name[PLAN_POLICIES];

/* Time without pictures: after the frame before it, until the frame after it. */
struct plan_gap {
	int64_t start, end;
};

struct plan_options {
	int64_t from, to; /* the range to sample; to 0 = the end */
	/* even: for each chunk but the last; otherwise: the mean from which the
	 * budget is computed */
	int64_t chunk_duration;
	int64_t chunk_frames; /* samples per chunk; adaptive and scene: the maximum */
	enum plan_policy policy;
	/* minimum, unless a chunk cannot be joined with its neighbor; 0:
	 * chunk_duration / 10 */
	int64_t chunk_min;
	int64_t chunk_max;     /* maximum; 0: 6 * chunk_duration */
	int64_t chunk_overlap; /* a chunk begins this much before the end of the previous one */
	/* longest range without a sample, even above the budget; 0: chunk_duration */
	int64_t max_gap;
	/* samples are pairs of frames, PLAN_PAIR_GAP apart, for engines that merge
	 * two frames */
	bool pairs;
	/* Ascending; borrowed. No sample is in a gap, and no chunk consists of a
	 * gap. */
	const struct plan_gap *gaps;
	size_t n_gaps;
};

enum { PLAN_MISSED_MOST = 10000 };
#define PLAN_PAIR_GAP INT64_C(500000)

struct plan_chunk {
	int64_t start, end; /* [start, end) */
	int64_t *times;     /* ascending, each within [start, end) */
	size_t n_times;
};

struct plan_span {
	int64_t start, end;
};

struct plan {
	int64_t duration; /* of the video that the plan is for */
	int64_t from, to;
	int64_t until;           /* planned up to here; a plan can grow while the video is indexed */
	size_t parts;            /* number of index parts that were used */
	size_t spent;            /* samples that were spent of the budget */
	enum plan_policy policy; /* as it was applied: even if there was no index */
	bool given;              /* by the user; see plan_mark_given() */
	/* number of samples with even sampling over the whole range; 0 = the plan
	 * was given */
	int64_t budget;
	size_t samples;      /* distinct samples in all chunks */
	size_t floor;        /* of these, those that only fill gaps */
	size_t even;         /* of these, those at times of even sampling; see plan-internal.h */
	size_t bursts, seen; /* periods of activity; those with at least one sample */
	/* The others in order of time, at most PLAN_MISSED_MOST; none where the
	 * whole picture moves, so that scores do not show events. */
	struct plan_span *missed;
	size_t n_missed;
	size_t shots; /* of the picture; 0 = unknown */
	struct plan_chunk *chunks;
	size_t n_chunks;
};

/* Checks that the options are consistent, and that the range is within the
 * video. */
int plan_check(const struct plan_options *o, int64_t duration, struct err *err);

/* An empty plan. The options must have been checked, and must not change. */
struct plan *plan_new(const struct plan_options *o, int64_t duration);
/* Adaptive and scene: extends the plan by the first n parts of an index, for
 * each n that is new. The plan of a part ends well before the part does, at a
 * cut or a quiet moment; so a plan that was extended part by part equals a plan
 * made from the complete index. */
void plan_add(struct plan *p, const struct plan_options *o, const struct video_index *index);
/* Adds even chunks up to the end. */
void plan_add_even(struct plan *p, const struct plan_options *o);
/* Moves each sample to the nearest of these ascending times, if there is one
 * within its chunk. */
void plan_snap(struct plan *p, const int64_t *times, size_t n);

/* Makes the whole plan. Even: each sample is in the middle of its share of the
 * chunk, so every moment is within half a share of a sample. A remainder
 * shorter than a quarter of a chunk is joined to the previous chunk. Keyframe:
 * the same, followed by plan_snap(). Adaptive and scene: see plan-internal.h;
 * without an index (NULL) they are even. `duration` > 0. */
int plan_make(const struct plan_options *o, int64_t duration, const struct video_index *index,
              struct plan **ret, struct err *err);
void plan_free(struct plan *p);
DEFINE_FREEP(struct plan, plan)

/* One or two sentences for users: "48 of 72 frames are enough: …". The caller
 * frees it. */
char *plan_text(const struct plan *p);

/* As JSON, which can be edited and read back; times in seconds. The caller owns
 * it. */
json_t *plan_json(const struct plan *p);
/* Reads a plan that may have been edited. Strict; ERR_FORMAT names the chunk
 * and the fault. `frames_max` is the maximum of frames in one chunk. */
int plan_from_json(const json_t *j, int64_t duration, size_t frames_max, struct plan **ret,
                   struct err *err);
/* The user may have changed any chunk: what the planner counted is dropped. */
void plan_mark_given(struct plan *p);
/* Reads a file, as a plan that is given. */
int plan_read(const char *path, int64_t duration, size_t frames_max, struct plan **ret,
              struct err *err);

/* How many chunks the whole plan will have: estimated from those that it has,
 * and at first from `each`, the mean that was asked for (chunk_duration). */
size_t plan_expected(const struct plan *p, int64_t each);

#endif
