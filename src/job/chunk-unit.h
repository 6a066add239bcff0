/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk as a unit of work for another machine: everything that its result
 * depends on but the video, which is named by its hash. Pure. */
#ifndef VDET_JOB_CHUNK_UNIT_H
#define VDET_JOB_CHUNK_UNIT_H

#include <jansson.h>

#include "base/err.h"
#include "base/hash.h"
#include "job/describe.h"
#include "job/prompt.h"
#include "plan/plan.h"
#include "runner/runner.h"

#define CHUNK_UNIT_KIND "chunk"
enum { CHUNK_UNIT_SCHEMA = 1 };

struct chunk_unit {
	int64_t index; /* of the chunk in its plan */
	struct plan_chunk plan;
	/* Of the decoder only what says which pictures a file has: stream, rate and
	 * gaps. Limits, devices and the sandbox are those of who does the work. */
	struct describe_options describe;
	const char *context; /* see prompt_describe(); NULL = none */
	struct prompt_text *texts;
	size_t n_texts;
	json_t *root; /* of a unit that was read: owns the strings; else NULL */
};
void chunk_unit_clear(struct chunk_unit *u); /* of one that was read */

/* The same unit always gives the same text. The caller frees it. ERR_LIMIT if
 * it is too large for a runner. */
int chunk_unit_write(const struct chunk_unit *u, char **ret, struct err *err);

/* Checks everything: the text comes from another machine. ERR_FORMAT,
 * ERR_LIMIT. */
int chunk_unit_read(const char *body, struct chunk_unit *ret, struct err *err);

/* "JOB.PASS.INDEX.HASH", of the first digits of the SHA-256 of the body: the
 * same work has the same id, and other work another one. */
void chunk_unit_id(const char *job, const char *pass, int64_t index, const char *body,
                   char out[static RUNNER_MAX_ID + 1]);

/* What an engine and this program must have in common with those that made the
 * unit, so that its result is the same: SHA-256 of the model, of how it is
 * asked, and of the prompts. The model is its hash, if that is known, and else
 * its name. */
void chunk_unit_model(const struct engine_info *e, char out[static HASH_HEX]);
/* Likewise with the name, also where the hash is known: for heads that only
 * know that. */
void chunk_unit_model_name(const struct engine_info *e, char out[static HASH_HEX]);

#endif
