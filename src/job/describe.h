/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk: its frames decoded, described by the model, and checked. */
#ifndef VDET_JOB_DESCRIBE_H
#define VDET_JOB_DESCRIBE_H

#include "base/err.h"
#include "decoder/decoder.h"
#include "job/run.h"
#include "openai/chat.h"
#include "plan/plan.h"
#include "store/store.h"

struct describe_options {
	struct decoder_options decoder;
	int64_t frame_size; /* long side in pixels of the pictures for the model, at most */
	int thumb_size;     /* the same for those in the report; 0 = none */
	int quality;        /* JPEG, 1 to 100 */
	bool keyframes;     /* the nearest keyframes are enough */
	const char *prompt; /* what the user asks to look for; "" = nothing */
	int max_tokens;     /* of an answer */
	bool identify;      /* samples get the hash of what was decoded */
};

/* Describes chunks one after the other, on one thread. Keeps its decoder, since
 * starting one is slow, and starts another if it exits. */
struct describe_worker {
	const struct run_context *run;
	const struct describe_options *options; /* borrowed */
	int fd;                                 /* the video; borrowed */
	struct decoder *decoder;                /* may be NULL; owned */
	/* scale of the pictures at which the engine accepted a request; 0 = 1 */
	double fits;
	/* Called after each frame and each token of a look, from its thread; may be
	 * NULL. Those of chunks are events of the run's progress. */
	void (*moved)(void *ctx);
	void *moved_ctx;
};
/* Calls it; describe_asked() is for engine_chat(). */
void describe_moved(const struct describe_worker *w);
void describe_asked(void *worker, const struct chat_progress *p);

/* Starts a decoder unless there is one. */
int describe_open(struct describe_worker *w, struct err *err);
void describe_close(struct describe_worker *w);

/* Longest side of the pictures: as in the options, as far as engine and memory
 * allow, times `scale`. */
int describe_picture_size(const struct describe_worker *w, double scale);

/* Fills `ret` (index, start and end are given) with the result: CHUNK_DONE, or
 * CHUNK_HOLE with reason and code. `context`: see prompt_describe(). Blocks for
 * the decoder and the engine. The only error is ERR_CANCELED; any other failure
 * is a hole. */
int describe_chunk(struct describe_worker *w, const struct plan_chunk *plan, const char *context,
                   struct store_chunk *ret, struct err *err);

#endif
