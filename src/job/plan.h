/* The plan: which stretches of the video are looked at together (chunks), and at which times (samples).
 *
 * A pure, deterministic function of options and duration. Times: microseconds from the start of the video. */
#ifndef VDET_JOB_PLAN_H
#define VDET_JOB_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct plan_options {
	int64_t from, to;        /* the part to look at; to 0 = the end */
	int64_t chunk_duration;  /* of each chunk but the last */
	int64_t chunk_frames;    /* samples per chunk */
};

struct plan_chunk {
	int64_t start, end;      /* [start, end) */
	int64_t *times;          /* ascending, each within [start, end) */
	size_t n_times;
};

struct plan {
	int64_t from, to;
	struct plan_chunk *chunks;
	size_t n_chunks;
};

/* Fixed chunks, even samples: each stands in the middle of its share of the chunk, so none is further than half a
 * share from a sample. A remainder shorter than a quarter of a chunk joins the chunk before it instead of becoming a
 * sliver. `duration` > 0. */
int plan_make(const struct plan_options *o, int64_t duration, struct plan **ret, struct err *err);
void plan_free(struct plan *p);
DEFINE_FREEP(struct plan, plan)

#endif
