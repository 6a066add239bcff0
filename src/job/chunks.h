/* SPDX-License-Identifier: Apache-2.0 */
/* All chunks of a job: spread over threads, each result in the journal before
 * anybody is told of it.
 *
 * The engine waits for nobody: chunks are worked on while the plan still grows
 * and before the journal is open, that is, before the source's hash is known;
 * only saving waits for it. All calls from the one thread that made it. */
#ifndef VDET_JOB_CHUNKS_H
#define VDET_JOB_CHUNKS_H

#include "job/analyze.h"
#include "job/describe.h"
#include "plan/plan.h"

struct chunks_outcome {
	size_t chunks, holes, resumed;
	bool fresh;       /* something was done now, so that a summary of before is stale */
	char *first_hole; /* never NULL after a run */
};
void chunks_outcome_clear(struct chunks_outcome *o);

struct chunks;

/* `first` is a worker whose decoder may already be open; the decoder is taken.
 * The engine must be ready. */
struct chunks *chunks_new(const struct analyze *a, struct describe_worker *first);
void chunks_free(struct chunks *c); /* stops and waits; NULL is fine */
DEFINE_FREEP(struct chunks, chunks)

/* Takes on what the plan has more than at the last call. Its times are borrowed
 * until the end. before: what the journal already holds of the first chunks.
 * expected: how many the whole plan will have, about. Work begins at once. */
void chunks_extend(struct chunks *c, const struct plan *plan, const struct store_chunk *before,
                   size_t n_before, size_t expected);

/* The journal holds this job and the chunks so far: results may be saved. */
void chunks_open(struct chunks *c, const char *job);

/* Whether the run is to end, for whatever reason; there is no use in planning
 * on. */
bool chunks_ending(struct chunks *c);

/* Nothing more will come: waits until every chunk is done. Fails when the
 * journal cannot be written, or the run was cancelled or drained: then what was
 * finished before is in the journal, which must be open. */
int chunks_finish(struct chunks *c, struct chunks_outcome *ret, struct err *err);

#endif
