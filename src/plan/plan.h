/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: which stretches of the video are looked at together (chunks), and
 * at which times (samples).
 *
 * A pure, deterministic function of options, duration and index: the same ones
 * give the same plan on every machine. Times: microseconds from the start of
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
	/* as even, each sample moved to the nearest picture of the index: cheap to
	 * decode */
	PLAN_KEYFRAME,
	PLAN_ADAPTIVE, /* samples where the picture changes, chunks that end where it is quiet */
	PLAN_SCENE,    /* every shot is seen before any is seen twice; chunks that end at cuts */
	PLAN_POLICIES
};
extern const char *const plan_policy_name[PLAN_POLICIES];

/* Time without pictures: after the frame before it, until the frame after it. */
struct plan_gap {
	int64_t start, end;
};

struct plan_options {
	int64_t from, to; /* the part to look at; to 0 = the end */
	/* even: of each chunk but the last; else: the mean that the budget is
	 * reckoned from */
	int64_t chunk_duration;
	int64_t chunk_frames; /* samples per chunk; adaptive and scene: at most */
	enum plan_policy policy;
	/* no chunk is shorter where its neighbour could have taken it in; 0:
	 * chunk_duration / 10 */
	int64_t chunk_min;
	int64_t chunk_max;     /* no chunk is longer; 0: 6 * chunk_duration */
	int64_t chunk_overlap; /* a chunk begins this much before the end of the one before */
	/* no longer stretch without a sample, whatever that costs; 0:
	 * chunk_duration */
	int64_t max_gap;
	/* samples come in twos, PLAN_PAIR_GAP apart, for engines that merge two
	 * pictures */
	bool pairs;
	/* Ascending; borrowed. No sample lies in a gap, and no chunk has only a
	 * gap. */
	const struct plan_gap *gaps;
	size_t n_gaps;
};

#define PLAN_PAIR_GAP INT64_C(500000)

struct plan_chunk {
	int64_t start, end; /* [start, end) */
	int64_t *times;     /* ascending, each within [start, end) */
	size_t n_times;
};

struct plan {
	int64_t duration; /* of the video that it was made for */
	int64_t from, to;
	int64_t until;           /* so far: a plan may grow while the video is being looked through */
	size_t parts;            /* of the index, that it knows */
	size_t spent;            /* that it has spent of its budget */
	enum plan_policy policy; /* that it was made by: even where there was no index */
	/* samples that even sampling would take, of all of it; 0 = the plan came
	 * from a file */
	int64_t budget;
	size_t samples;      /* distinct ones, over all chunks */
	size_t floor;        /* of these, only there so that no gap is too long */
	size_t bursts, seen; /* stretches of activity; those that a sample was chosen in */
	size_t shots;        /* of the picture, 0 = not known */
	struct plan_chunk *chunks;
	size_t n_chunks;
};

/* Whether the options go together, and the part lies in the video. */
int plan_check(const struct plan_options *o, int64_t duration, struct err *err);

/* A plan without chunks, to be added to; the options were checked, and stay the
 * same. */
struct plan *plan_new(const struct plan_options *o, int64_t duration);
/* Adaptive and scene: adds what follows from the first n parts of an index that
 * has so many by now, for each n that is new. What is planned of a part ends
 * well before that does, at a cut or where it is quiet; so a plan that was
 * added to whenever there was more is the same as one that is made of the whole
 * index. */
void plan_add(struct plan *p, const struct plan_options *o, const struct video_index *index);
/* Adds even chunks up to the end. */
void plan_add_even(struct plan *p, const struct plan_options *o);
/* Moves each sample to the nearest of these ascending times, if there is one
 * within its chunk. */
void plan_snap(struct plan *p, const int64_t *times, size_t n);

/* All of it. Even: each sample stands in the middle of its share of the chunk,
 * so none is further than half a share from a sample. A remainder shorter than
 * a quarter of a chunk joins the chunk before it instead of becoming a sliver.
 * Keyframe: the same, and plan_snap() follows. Adaptive and scene: plan-parts.h
 * tells how; without an index (NULL) they are even. `duration` > 0. */
int plan_make(const struct plan_options *o, int64_t duration, const struct video_index *index,
              struct plan **ret, struct err *err);
void plan_free(struct plan *p);
DEFINE_FREEP(struct plan, plan)

/* One or two sentences for people: "48 of 72 frames are enough: …". The caller
 * frees. */
char *plan_text(const struct plan *p);

/* As JSON, to be printed, edited and read back; times in seconds. The caller
 * owns it. */
json_t *plan_json(const struct plan *p);
/* Reads one that was perhaps edited: strict, ERR_FORMAT names the chunk and
 * what is wrong with it. `frames_max` is what one chunk may hold. */
int plan_from_json(const json_t *j, int64_t duration, size_t frames_max, struct plan **ret,
                   struct err *err);
/* Reads a file. */
int plan_read(const char *path, int64_t duration, size_t frames_max, struct plan **ret,
              struct err *err);

#endif
