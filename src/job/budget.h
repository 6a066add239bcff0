/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan will cost: tokens, and time from what earlier jobs with the same
 * model took; and the other way round, options that keep within a budget. Pure
 * but for estimate_rates() and budget_apply(), which read the store. */
#ifndef VDET_JOB_BUDGET_H
#define VDET_JOB_BUDGET_H

#include <jansson.h>

#include "base/err.h"
#include "decoder/decoder.h"
#include "job/options.h"
#include "job/run.h"
#include "models/fit.h"
#include "plan/plan.h"
#include "store/store.h"

/* Of one model, over the jobs in the journal. All zero where nothing was
 * measured. */
struct estimate_rates {
	size_t jobs, chunks;
	double prefill, decode; /* tokens a second of one request */
	double parallel;        /* requests that the engine worked on at once, on average */
	double output;          /* tokens of an answer */
};

/* Jobs that are being done do not count: what one has finished must not change
 * its own plan when it continues. */
int estimate_rates(struct store *s, const char *model, struct estimate_rates *ret, struct err *err);

struct estimate {
	int64_t chunks, frames;
	int64_t width, height; /* of the pictures */
	int64_t picture_tokens;
	int64_t prompt, output, total; /* tokens */
	int64_t time;                  /* microseconds, -1 = nothing was measured */
};

/* `shape` may be NULL: tokens of a picture are those of a common model,
 * one per 28 x 28 pixels. */
struct estimate estimate_make(int64_t chunks, int64_t frames, const struct video_info *video,
                              int64_t frame_size, const struct fit_model *shape, int64_t max_tokens,
                              const struct estimate_rates *rates);

/* "20min", "1:30:00", "500ktok", "2Mtok": one of both is set, the other 0. */
int budget_parse(const char *text, int64_t *ret_time, int64_t *ret_tokens, struct err *err);

/* Changes frame_size, chunk_duration and chunk_frames, in this order and as
 * little as will do, so that all of the video costs no more than the budget.
 * *ret_note: one line on what was changed, NULL if nothing; the caller frees.
 * ERR_LIMIT where even the coarsest plan costs more, ERR_ARG for a budget of
 * time where nothing was measured. */
int budget_fit(struct analyze_options *o, const struct video_info *video,
               const struct fit_model *shape, const struct estimate_rates *rates, char **ret_note,
               struct err *err);

/* What a budget is applied to; all borrowed. */
struct budget_source {
	int fd;
	const char *sha256; /* of the file; NULL = not known: the file is hashed */
	const struct video_info *video;
	const char *model;             /* name, to find what was measured with it */
	const struct fit_model *shape; /* of the model; NULL = not known */
};

/* budget_fit() with what the journal knows. The decision is kept for this
 * video: the same command continues with the same plan, whatever was measured
 * since. Does nothing without a budget. Blocks for reading the file. */
int budget_apply(const struct run_context *run, const struct budget_source *source,
                 struct analyze_options *o, struct err *err);

json_t *estimate_json(const struct estimate *e, const struct estimate_rates *rates);

#endif
