/* SPDX-License-Identifier: Apache-2.0 */
/* The context of every step of a run: startup, survey, chunks, describe, merge,
 * budget. Everything is borrowed and stays the same while the run lasts; each
 * member is safe to use from any thread. */
#ifndef VDET_JOB_RUN_H
#define VDET_JOB_RUN_H

#include "base/cancel.h"
#include "engine/engine.h"
#include "job/progress.h"
#include "memory/memory.h"
#include "runner/runner.h"
#include "store/store.h"

/* The texts that are shown to the model with a part of the video; see
 * texts_context(). */
struct prompt_text;
struct run_texts {
	int (*take)(void *ctx, int64_t from, int64_t to, struct prompt_text **ret, size_t *ret_n,
	            struct err *err);
	void *ctx;
};

struct run_context {
	struct engine *engine; /* NULL if only a plan is made */
	struct store *store;
	struct memory *memory; /* of the engine; NULL = GPU memory is not watched */
	struct progress *progress;
	const struct run_texts *texts; /* NULL = none */
	const struct runner *runner;   /* does the chunks; NULL = this process */
	struct cancel *cancel;         /* once fired, every step ends with ERR_CANCELED */
};

#endif
