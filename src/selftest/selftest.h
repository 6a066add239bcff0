/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test of sampling: events that are known are planted into a copy of a
 * recording, and those are counted that a plan gives no frame. No model takes
 * part.
 *
 * The events are a pure function of the length of the range and a seed. All but
 * selftest_copy() is pure. Times are microseconds from the start of the copy. */
#ifndef VDET_SELFTEST_SELFTEST_H
#define VDET_SELFTEST_SELFTEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder.h"
#include "index/index.h"
#include "plan/plan.h"
#include "protocol/plant.h"

struct selftest_event {
	struct plant plant;
	bool seen, seen_even; /* a frame is inside it: of the plan, of even sampling */
	bool decoded;         /* the index has scores of pictures inside it */
	/* The largest of these, 0 without any (see struct index_score): at the
	 * place of the event, and elsewhere in the picture. */
	float score, elsewhere;
};

/* A plan, and what it sees. */
struct selftest_trial {
	int64_t chunk_frames;
	enum plan_policy policy;
	size_t frames, seen;
};

enum { SELFTEST_TRIALS = 4 };

struct selftest {
	int64_t from, duration; /* the range of the recording, of which the copy is made */
	uint64_t seed;
	struct selftest_event *events; /* ascending; they do not overlap */
	size_t n;
	size_t hidden; /* events that were left out: no picture shows them */
	bool indexed;  /* the plan was made with an index */
	/* the plan; even sampling with as many frames; and more frames, if some
	 * events were missed */
	struct selftest_trial trials[SELFTEST_TRIALS];
	size_t n_trials;
};
void selftest_clear(struct selftest *t);

/* Chooses `n` events (0: one a minute, but at least five if there is room):
 * three of four are objects of 3 to 8 % of the width, for 0.6 to 5 s; the
 * fourth is another picture. ERR_ARG if they do not fit into the range. */
int selftest_make(int64_t from, int64_t to, size_t n, uint64_t seed, struct selftest *ret,
                  struct err *err);

/* Writes the copy to out_fd, an empty file: H.264 with at most the bit rate and
 * the distance of keyframes of the recording `fd`. Blocks; observes cancel.
 * `progress` is called with the fraction that is done, in this thread. */
int selftest_copy(const struct selftest *t, int fd, const struct decoder_options *o,
                  void (*progress)(void *ctx, double fraction), void *ctx, struct cancel *cancel,
                  int out_fd, struct err *err);

/* Removes the events during which the copy has no picture, as where the
 * recording shows one for long, and counts them. The duration becomes that of
 * the copy. ERR_FORMAT if no event is left. Blocks. */
int selftest_drop_hidden(struct selftest *t, int copy_fd, const struct decoder_options *o,
                         struct cancel *cancel, struct err *err);

/* Counts what `p`, the plan of the copy with these options, sees, and makes the
 * other plans from the index `x` (NULL if the plan is made without one). */
void selftest_judge(struct selftest *t, const struct plan_options *o, const struct plan *p,
                    const struct video_index *x);

/* Documented in docs/index.md; times in seconds of the recording. The caller
 * owns it. */
json_t *selftest_json(const struct selftest *t);
/* The same for people: plain lines. `name`: of the recording. */
void selftest_text(const struct selftest *t, const char *name, struct buf *out);

#endif
