/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan costs: requests, tokens, and time from measurements of earlier
 * jobs with the same model. Pure but for estimate_rates(), which reads the
 * store. */
#ifndef VDET_JOB_ESTIMATE_H
#define VDET_JOB_ESTIMATE_H

#include <jansson.h>

#include "base/err.h"
#include "decoder/decoder.h"
#include "job/options.h"
#include "models/fit.h"
#include "store/store.h"

/* The model that will answer; borrowed. */
struct estimate_model {
	const char *name; /* to find its measurements; "" = not known */
	/* NULL: tokens of a picture are those of a common model, one per 28 x 28
	 * pixels */
	const struct fit_model *shape;
	bool demo; /* the bundled one, which sums up short lists only */
};

/* Of one model, over the jobs in the journal. All zero without measurements. */
struct estimate_rates {
	size_t jobs, chunks;
	double prefill, decode; /* tokens per second of one request */
	double parallel;        /* requests that the engine processed at the same time, on average */
	/* of a chunk, on average: tokens of its answers, and of what its requests
	 * said beside pictures */
	double output, text;
	double statements, events; /* of a chunk */
	size_t controls;           /* of the model, made by these jobs or others */
};

/* Running jobs do not count: the finished chunks of a job must not change its
 * own plan when it continues. Blocks for the disk. */
int estimate_rates(struct store *s, const struct estimate_model *model, struct estimate_rates *ret,
                   struct err *err);

/* The steps of a job that ask the model, in order. */
enum estimate_step {
	COST_DESCRIBE,
	COST_JOIN,   /* of both passes */
	COST_CHECK,  /* likewise */
	COST_SECOND, /* only with --passes 2 */
	COST_SUMMARY,
	COST_STEPS
};

struct estimate_cost {
	int64_t requests;
	int64_t prompt, output; /* tokens */
};

struct estimate {
	int64_t chunks, frames;
	/* Joining, checks of what is doubtful, and the second pass: the most that
	 * there may be. The others: what is usual. */
	struct estimate_cost steps[COST_STEPS];
	int64_t width, height; /* of the pictures */
	int64_t picture_tokens;
	int64_t requests, prompt, output, total; /* of all steps; the last three are tokens */
	int64_t time;                            /* microseconds, -1 = nothing was measured */
};

/* `o` gives the size of frames, the longest answer, how much is checked, and
 * the passes. */
struct estimate estimate_make(int64_t chunks, int64_t frames, const struct video_info *video,
                              const struct analyze_options *o, const struct estimate_model *model,
                              const struct estimate_rates *rates);

json_t *estimate_json(const struct estimate *e, const struct estimate_rates *rates);

#endif
