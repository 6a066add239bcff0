/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of a plan: tokens, and time from measurements of earlier jobs with
 * the same model; and the inverse, options that meet a budget. Pure but for
 * estimate_rates() and budget_apply(), which read the store. */
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

/* Of one model, over the jobs in the journal. All zero without measurements. */
struct estimate_rates {
	size_t jobs, chunks;
	double prefill, decode; /* tokens per second of one request */
	double parallel;        /* requests that the engine processed at the same time, on average */
	double output;          /* tokens per answer */
};

/* Running jobs do not count: the finished chunks of a job must not change its
 * own plan when it continues. */
int estimate_rates(struct store *s, const char *model, struct estimate_rates *ret, struct err *err);

struct estimate {
	int64_t chunks, frames;
	int64_t checks;        /* requests that check statements, at most or as expected */
	int64_t width, height; /* of the pictures */
	int64_t picture_tokens;
	int64_t prompt, output, total; /* tokens */
	int64_t time;                  /* microseconds, -1 = nothing was measured */
};

/* `o` gives the size of frames, the longest answer, and how much is checked:
 * with "doubtful" the most that there may be, with "all" what is usual. `shape`
 * may be NULL: tokens of a picture are those of a common model, one per 28 x 28
 * pixels. */
struct estimate estimate_make(int64_t chunks, int64_t frames, const struct video_info *video,
                              const struct analyze_options *o, const struct fit_model *shape,
                              const struct estimate_rates *rates);

/* "20min", "1:30:00", "500ktok", "2Mtok": one of both is set, the other 0. */
int budget_parse(const char *text, int64_t *ret_time, int64_t *ret_tokens, struct err *err);

/* Changes frame_size, chunk_duration and chunk_frames, in this order and as
 * little as possible, so that the whole video costs no more than the budget.
 * *ret_note: one line on what was changed, NULL if nothing; the caller frees.
 * ERR_LIMIT if even the coarsest plan costs more, ERR_ARG for a time budget
 * without measurements. */
int budget_fit(struct analyze_options *o, const struct video_info *video,
               const struct fit_model *shape, const struct estimate_rates *rates, char **ret_note,
               struct err *err);

/* The input of budget_apply(); all borrowed. */
struct budget_source {
	int fd;
	const char *sha256; /* of the file; NULL = not known: the file is hashed */
	const struct video_info *video;
	const char *model;             /* name, to find its measurements */
	const struct fit_model *shape; /* of the model; NULL = not known */
};

/* budget_fit() with the rates in the journal. The decision is stored for this
 * video: the same command continues with the same plan, even if rates have
 * changed. Does nothing without a budget. Blocks for reading the file. */
int budget_apply(const struct run_context *run, const struct budget_source *source,
                 struct analyze_options *o, struct err *err);

json_t *estimate_json(const struct estimate *e, const struct estimate_rates *rates);

#endif
