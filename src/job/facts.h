/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a job: what its result depends on, and what the report says of
 * how it was made. */
#ifndef VDET_JOB_FACTS_H
#define VDET_JOB_FACTS_H

#include <jansson.h>

#include "base/hash.h"
#include "decoder/decoder.h"
#include "engine/engine.h"
#include "job/analyze.h"
#include "job/survey.h"
#include "plan/plan.h"

/* A JSON object, kept with the job: source, engine, prompts, options, range.
 * The caller owns it. */
json_t *facts_make(const struct analyze_options *o, const char *name, int64_t size,
                   const char *sha256, const struct video_info *video,
                   const struct engine_info *engine, const struct survey *survey);

/* What each endpoint was asked, and failed at, since `before`
 * (engine_endpoints_json() of then): added to `facts`, where earlier runs have
 * left theirs. Other jobs' requests of that time are among them. */
void facts_count_endpoints(json_t *facts, const json_t *before, struct engine *e);

/* The job's key: SHA-256 of the source's hash, the range, the options that
 * change the result, the given plan if there is one, the prompts and the model.
 * Two runs with one key would say the same; nothing else is in it (workers,
 * engine address, output). */
void facts_key(const struct analyze_options *o, const char *sha256,
               const struct engine_info *engine, int64_t duration, const struct plan *given,
               char out[static HASH_HEX]);

#endif
