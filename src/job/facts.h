/* SPDX-License-Identifier: Apache-2.0 */
/* The key and the facts of a run.
 *
 * The key holds everything that the result depends on, and nothing else: two
 * runs with one key would find the same, so the second continues or repeats the
 * first. Workers, timeouts, engine addresses and folders are not in it. It is a
 * JSON object:
 *   source        SHA-256 of the file
 *   timeline      version of the rules for its times (protocol/media-wire.h)
 *   from_us, to_us  the range as it was asked for; to_us 0 = to the end, also
 *                 where an end was asked for that is not before it
 *   options       {name: value as text} of the OPT_RESULT options that differ
 *                 from their defaults; media.stream among them, so that the
 *                 source of a run is (SHA-256, stream); absent for the default
 *                 stream, also where its index was given (streams.h)
 *   plan          SHA-256 of the chunks and times of a given plan; or absent
 *   reference     SHA-256 of the file of media.reference; or absent
 *   prompts       SHA-256 of the built-in prompts
 *   model, model_hash  of the engine
 *   cache_type    of the engine's key-value cache; absent for f16 and unknown
 *   context       {"speech", "voices", "audio_track", "text"} of what is
 *                 shown to the model beside the frames; or absent
 *   asked         options of sampling and reasoning that are not the defaults
 * The journal keeps the object among the facts ("key"), and the SHA-256 of its
 * compact text with sorted keys as the run's key. A new option changes no key
 * of older runs. A change that would (another default, another prompt of the
 * same meaning) takes a migration, see store/migrate-key.c.
 *
 * All functions may be called from any thread. */
#ifndef VDET_JOB_FACTS_H
#define VDET_JOB_FACTS_H

#include <jansson.h>

#include "base/cancel.h"
#include "base/hash.h"
#include "decoder/decoder.h"
#include "engine/engine.h"
#include "job/options.h"
#include "job/survey.h"
#include "plan/plan.h"

/* What a key is made of; everything is borrowed. */
struct facts_input {
	const struct analyze_options *options;
	const char *sha256;               /* of the source */
	const struct video_info *video;   /* the source: its duration and timeline */
	const struct engine_info *engine; /* ready, so that its model is known */
	const struct plan *given;         /* the plan of --plan; NULL without one */
	const char *reference;            /* SHA-256 of media.reference; "" without one */
	const json_t *context;            /* of texts_key(); NULL without --with-texts */
};

/* The key as a JSON object, which the caller owns, and its SHA-256; `timeline`
 * as in struct video_info, or another to find older runs. */
json_t *facts_key(const struct facts_input *in, int timeline, char out[static HASH_HEX]);

/* SHA-256 of the file of media.reference; "" without one. Blocks for reading;
 * ERR_CANCELED. */
int facts_hash_reference(const struct analyze_options *o, struct cancel *cancel,
                         char out[static HASH_HEX], struct err *err);

/* A JSON object, kept with the run: source, libraries, engine, prompts,
 * options, range, and the key (borrowed). The caller owns it. */
json_t *facts_make(const struct facts_input *in, const char *name, int64_t size,
                   const struct survey *survey, json_t *key);

/* Adds to `facts` the requests and failures of each endpoint since `before`
 * (engine_endpoints_json() of then), to the counts of earlier runs. Requests of
 * other jobs in that time are included. */
void facts_count_endpoints(json_t *facts, const json_t *before, struct engine *e);

#endif
