/* What is found out about a video before it is described: the index, and the plan that follows from it. */
#ifndef VDET_JOB_SURVEY_H
#define VDET_JOB_SURVEY_H

#include <jansson.h>

#include "base/err.h"
#include "job/analyze.h"
#include "job/decoder.h"
#include "job/describe.h"
#include "job/plan.h"

struct survey {
	struct plan *plan; /* owned */
	json_t *seen;      /* of the index, in short, for the report; NULL without one; owned */
};
void survey_clear(struct survey *s);

struct plan_options survey_options(const struct analyze_options *o);

/* The plan of --plan; NULL without one. */
int survey_given(const struct analyze_options *o, int64_t duration, struct plan **ret, struct err *err);

/* Makes the index where the policy needs one, and the plan. An index that cannot be had is no reason to give up: the
 * plan is even then, and a warning says why. Blocks for the index; ERR_CANCELED. */
int survey_make(const struct describe_worker *w, const char *sha256, const struct video_info *video, struct survey *ret,
                struct err *err);

/* What an earlier run of the job found out, from its facts. ERR_FORMAT if these are damaged. */
int survey_recall(const char *facts, int64_t duration, struct survey *ret, struct err *err);

/* Only the plan of a video, no model needed: for `vdet plan`. */
int survey_file(const struct analyze *a, const char *path, struct plan **ret, struct err *err);

#endif
