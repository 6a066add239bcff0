/* SPDX-License-Identifier: Apache-2.0 */
/* Progress of one analysis: what is known now, and a numbered stream of events.
 *
 * Workers report; any thread may read. Events are JSON objects with a gapless
 * sequence number, handed to one listener under the lock, in order (the
 * listener must not call back). Times: microseconds; monotonic unless said
 * otherwise. */
#ifndef VDET_JOB_PROGRESS_H
#define VDET_JOB_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/mem.h"
#include "openai/chat.h"
#include "store/chunk-state.h"

struct progress_chunk {
	size_t index;
	enum chunk_state stage;
	int64_t start, end; /* in the video */
	/* of frames while decoding, of prompt tokens in prefill (total 0 if unknown);
	 * of an answer: done are the tokens written */
	int64_t done, total;
	int64_t elapsed, left; /* of this chunk's work; left -1 = unknown */
};

struct progress_view {
	const char *phase; /* "opening", "hashing", "engine", "chunks", "summary", "report", … */
	char detail[160];  /* of the phase: "loading model", "1.2 of 2.7 GB" */
	size_t chunks, done, holes;       /* done includes holes */
	double fraction;                  /* 0 to 1 over chunks, parts of running ones counted */
	int64_t left;                     /* overall, -1 = unknown */
	double prefill_rate, decode_rate; /* tokens/s of the last answers; 0 = unknown */
	struct progress_chunk active[64];
	size_t n_active;
};

struct progress;

/* listener may be NULL */
struct progress *progress_new(void (*listener)(void *ctx, json_t *event), void *ctx);
void progress_free(struct progress *p);
DEFINE_FREEP(struct progress, progress)

/* phase: a literal */
void progress_phase(struct progress *p, const char *phase, const char *detail);
/* An event of any type; `fields` (stolen) gets "seq", "time" (Unix seconds) and
 * "type" in front. */
void progress_event(struct progress *p, const char *type, json_t *fields);
/* A new file: forgets chunks. `finished` of them were done by an earlier run. */
void progress_begin(struct progress *p, size_t chunks, size_t finished, size_t parallel);
/* The same file turns out to have so many chunks. */
void progress_grow(struct progress *p, size_t chunks, size_t parallel);
void progress_chunk(struct progress *p, size_t index, int64_t start, int64_t end,
                    enum chunk_state stage, int64_t done, int64_t total);
void progress_rates(struct progress *p, double prefill, double decode);
void progress_read(struct progress *p, struct progress_view *ret);
void progress_tick(struct progress *p); /* emits a "progress" event from the present view */

/* Time left, pure: `done` chunks took `spent` in all (this run's only);
 * `active` ones are `fractions[i]` done after `elapsed[i]`; `waiting` others
 * follow; `parallel` run at once. Returns -1 as long as nothing is known. The
 * mean time of a chunk is spent / done, or, before the first is done, the mean
 * of elapsed / fraction. */
int64_t progress_estimate(size_t done, int64_t spent, const double *fractions,
                          const int64_t *elapsed, size_t active, size_t waiting, size_t parallel,
                          int64_t *ret_mean);

#endif
