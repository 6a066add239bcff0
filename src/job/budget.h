/* SPDX-License-Identifier: Apache-2.0 */
/* Options that meet a budget of time or tokens. Pure but for budget_apply(),
 * which reads the store. */
#ifndef VDET_JOB_BUDGET_H
#define VDET_JOB_BUDGET_H

#include <stdint.h>

#include "base/err.h"
#include "decoder/decoder.h"
#include "job/estimate.h"
#include "job/options.h"
#include "job/run.h"

/* "20min", "1:30:00", "500ktok", "2Mtok": one of both is set, the other 0. */
int budget_parse(const char *text, int64_t *ret_time, int64_t *ret_tokens, struct err *err);

/* Changes frame_size, chunk_duration and chunk_frames, in this order and as
 * little as possible, so that the whole video costs no more than the budget.
 * *ret_note: one line on what was changed, NULL if nothing; the caller frees.
 * ERR_LIMIT if even the coarsest plan costs more, ERR_ARG for a time budget
 * without measurements. */
int budget_fit(struct analyze_options *o, const struct video_info *video,
               const struct estimate_model *model, const struct estimate_rates *rates,
               char **ret_note, struct err *err);

/* The input of budget_apply(); all borrowed. */
struct budget_source {
	int fd;
	const char *sha256; /* of the file; NULL = not known: the file is hashed */
	const struct video_info *video;
	const struct estimate_model *model;
};

/* budget_fit() with the rates in the journal. The decision is stored for this
 * video: the same command continues with the same plan, even if rates have
 * changed. Does nothing without a budget. Blocks for reading the file. */
int budget_apply(const struct run_context *run, const struct budget_source *source,
                 struct analyze_options *o, struct err *err);

#endif
