/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk as a unit of work for another machine: everything that its result
 * depends on but the video, which is named by its hash. Pure. */
#ifndef VDET_JOB_CHUNK_UNIT_H
#define VDET_JOB_CHUNK_UNIT_H

#include <jansson.h>

#include "base/err.h"
#include "job/describe.h"
#include "job/prompt.h"
#include "job/unit.h"
#include "plan/plan.h"

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

#endif
