/* SPDX-License-Identifier: Apache-2.0 */
/* The steps before a video is described: the index, and the plan made from it. */
#ifndef VDET_JOB_SURVEY_H
#define VDET_JOB_SURVEY_H

#include <jansson.h>

#include "base/err.h"
#include "decoder/decoder.h"
#include "job/estimate.h"
#include "job/options.h"
#include "job/run.h"
#include "plan/plan.h"

struct survey_options {
	struct plan_options plan;
	const char *plan_file; /* of --plan; "" = none */
	double effort;         /* of the index: see struct indexer_options */
	int64_t max_gap, workers;
	struct decoder_options decoder; /* of the index' children */
};

struct survey {
	const struct run_context *run; /* borrowed, as the next two */
	const struct survey_options *options;
	int fd; /* the video */
	int64_t duration;
	const json_t *gaps; /* of its clock, as struct video_info has them; may be NULL */
	bool quiet;         /* do not show progress: something else is shown already */
	struct plan *plan;  /* as far as it is made; owned */
	/* of the index, in short, for the report; NULL without one, or before the
	 * end; owned */
	json_t *seen;
	char note[700]; /* what was assumed where the index could not be made; "" if nothing */
	bool whole;     /* the plan is complete */
	/* For the steps. */
	struct index_giver *giver; /* to workers of a fleet; NULL = none; owned */
	struct indexer *indexer;   /* running; owned */
	struct video_index *index; /* all of it; owned */
	bool made;                 /* by this run, so that survey_keep() stores it */
};
void survey_clear(struct survey *s);

/* The plan of --plan; NULL without one. */
int survey_given(const struct survey_options *o, int64_t duration, struct plan **ret,
                 struct err *err);

/* Indexes the next part, and adds chunks to the plan, perhaps none; s has w and
 * duration, and a plan if an earlier run began one. Makes the index where the
 * policy needs one; sha256: of the source, or NULL if this one was never
 * analyzed here. If the index cannot be made, the run continues with an even
 * plan and a warning. Blocks; ERR_CANCELED. */
int survey_step(struct survey *s, const char *sha256, struct err *err);

/* For a plan that was given, which needs no index: takes the one that an
 * earlier run of this source stored, so that the report can list anomalies.
 * Nothing if there is none. */
void survey_find_index(struct survey *s, const char *sha256);

/* Stores a new index for other runs. */
int survey_keep(struct survey *s, const char *sha256, struct err *err);

/* Loads the results of an earlier run of the job from its facts. ERR_FORMAT if
 * they are damaged. */
int survey_recall(struct survey *s, const char *facts, struct err *err);

/* Only the plan of a video, no model needed: for `vdet plan`. `model` is for a
 * budget, which may change some of `o`. Blocks; ERR_CANCELED. The caller frees
 * *ret and clears *ret_video. */
int survey_file(const struct run_context *run, const char *path, const struct estimate_model *model,
                struct analyze_options *o, struct plan **ret, struct video_info *ret_video,
                struct err *err);

#endif
