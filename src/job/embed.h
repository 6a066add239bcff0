/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of what a run found and of its frames, by which questions find them
 * (engine.embed). Blocks for the engine and the disk; safe to call from any
 * thread. */
#ifndef VDET_JOB_EMBED_H
#define VDET_JOB_EMBED_H

#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"
#include "engine/engine.h"
#include "job/run.h"

struct embed_done {
	size_t texts, pictures; /* of which vectors were made now */
	char *no_pictures;      /* why none are made of pictures; NULL = they are */
};
void embed_done_clear(struct embed_done *d);

/* Makes the vectors that a run lacks. What is done is in the journal, also
 * after an error; the next call goes on from there. `said` (may be NULL) is
 * called with what is done so far. The caller clears `ret`, also after an
 * error. */
int embed_run(struct engine *e, struct store *s, const char *job, struct cancel *cancel,
              void (*said)(void *ctx, const struct embed_done *d), void *ctx,
              struct embed_done *ret, struct err *err);
/* The last step of an analysis: nothing is done if nothing makes vectors, and
 * what fails is logged, since only a search needs them. ERR_CANCELED. */
int embed_after(const struct run_context *run, const char *job, struct err *err);

#endif
