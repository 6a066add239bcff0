/* SPDX-License-Identifier: Apache-2.0 */
/* A close look of the index, a range of a video that is decoded in full, as a
 * unit of work for another machine, and what its frames show. Pure, but for
 * index_unit_model(). Neither side is trusted: everything that is read is
 * checked. Times: microseconds of the video. */
#ifndef VDET_JOB_INDEX_UNIT_H
#define VDET_JOB_INDEX_UNIT_H

#include <jansson.h>

#include "base/err.h"
#include "base/hash.h"
#include "decoder/decoder-index.h"
#include "index/indexer.h"
#include "runner/runner.h"

#define INDEX_UNIT_KIND "index"
/* Another one wherever the same frame may be measured in another way. */
enum { INDEX_UNIT_SCHEMA = 1 };

struct index_unit {
	struct decoder_options decoder; /* stream, rate and gaps; see struct chunk_unit */
	struct index_look look;
	json_t *root; /* of a unit that was read: owns the strings; else NULL */
};
void index_unit_clear(struct index_unit *u);

/* As chunk_unit_write() and chunk_unit_read(). */
int index_unit_write(const struct index_unit *u, char **ret, struct err *err);
int index_unit_read(const char *body, struct index_unit *ret, struct err *err);

/* What must be the same so that the same frames are measured in the same way:
 * the versions of the media libraries. Asks a child for them. */
int index_unit_model(char out[static HASH_HEX], struct err *err);

/* The result of a unit. The caller clears both that were read, which are
 * overwritten. ERR_LIMIT: it is too large; ERR_PROTO. */
int index_result_write(const struct signatures *s, const struct grids *g, struct runner_result *ret,
                       struct err *err);
int index_result_read(const struct index_unit *u, const struct runner_result *result,
                      struct signatures *ret, struct grids *ret_grids, struct err *err);

#endif
