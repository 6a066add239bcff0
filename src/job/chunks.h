/* SPDX-License-Identifier: Apache-2.0 */
/* All chunks of a run, spread over worker threads. Each result is in the
 * journal before it is published. With a runner in the context the threads
 * give the chunks to it, and wait.
 *
 * Chunks are worked on while the plan still grows and before the run is in the
 * journal, that is, before the source's hash is known; only saving waits for
 * that. All calls come from the thread that called chunks_new(). */
#ifndef VDET_JOB_CHUNKS_H
#define VDET_JOB_CHUNKS_H

#include "job/describe.h"
#include "job/run.h"
#include "plan/plan.h"

struct chunks_outcome {
	size_t chunks, holes, resumed;
	bool fresh;       /* this run worked on chunks: an earlier summary is out of date */
	char *first_hole; /* reason of the first hole, "" if none */
};
void chunks_outcome_clear(struct chunks_outcome *o);

struct chunks;

/* What is different where chunks are described again. Called from any thread. */
struct chunks_second {
	/* of a chunk, see prompt_describe() */
	const char *(*context)(void *ctx, size_t chunk);
	/* Keeps what was found in the journal: a result, or the reason of a
	 * failure, which is not a hole. */
	int (*save)(void *ctx, const struct store_chunk *c, struct err *err);
	void *ctx;
};

struct chunks_options {
	struct describe_options describe;
	/* Threads at most; 0 = one more than the engine has slots. With a runner
	 * there are as many as it has capacity for. */
	int64_t workers;
	const char *source;   /* SHA-256 of the video, for a runner; else may be NULL */
	int64_t time_limit;   /* microseconds after which no chunk is started; 0 = none */
	struct cancel *drain; /* once fired, no further chunk is started; may be NULL */
	/* Of the chunks to do, only these; NULL = all. Borrowed. */
	const int64_t *only;
	size_t n_only;
	/* Of a second pass; NULL = the first. Borrowed. */
	const struct chunks_second *second;
};

/* `fd`, the video, is borrowed until chunks_free(); takes `decoder`, an open
 * one, or NULL. The engine must be ready. */
struct chunks *chunks_new(const struct run_context *run, const struct chunks_options *o, int fd,
                          struct decoder *decoder);
void chunks_free(struct chunks *c); /* stops and waits; NULL is fine */
DEFINE_FREEP(struct chunks, chunks)

/* Adds the chunks that were added to the plan since the last call; their
 * processing starts at once. The plan's times are borrowed until the end.
 * `before`: results of the first chunks in the journal. `expected`: estimated
 * number of chunks of the whole plan. */
void chunks_extend(struct chunks *c, const struct plan *plan, const struct store_chunk *before,
                   size_t n_before, size_t expected);

/* The chunks that were saved so far, in that order. The caller frees. */
int64_t *chunks_saved(struct chunks *c, size_t *ret_n);

/* The journal holds this run and its chunks so far: results may be saved. */
void chunks_open(struct chunks *c, const char *job);

/* Whether the run has to end, for any reason: planning can stop. */
bool chunks_ending(struct chunks *c);

/* Call after the last chunk was added: waits until all are done. Fails if the
 * journal cannot be written (its error), or the run was canceled or drained
 * (ERR_CANCELED); what was finished before that is in the journal.
 * chunks_open() must have been called. */
int chunks_finish(struct chunks *c, struct chunks_outcome *ret, struct err *err);

#endif
