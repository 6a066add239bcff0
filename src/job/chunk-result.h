/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker of a fleet found out about a chunk, as the result of a unit: a
 * text, with the thumbnails beside it. Pure. A worker is not trusted more than
 * an engine: everything is checked. */
#ifndef VDET_JOB_CHUNK_RESULT_H
#define VDET_JOB_CHUNK_RESULT_H

#include "base/err.h"
#include "job/chunk-unit.h"
#include "runner/runner.h"
#include "store/store.h"

/* Of a chunk that was described; the caller clears the result. ERR_FORMAT: it
 * has text that is not valid. */
int chunk_result_write(const struct store_chunk *c, struct runner_result *ret, struct err *err);

/* The result of the unit `u`. Fills `ret`, whose index, start and end are
 * given. ERR_PROTO: the worker broke the rules. */
int chunk_result_read(const struct chunk_unit *u, const struct runner_result *result,
                      struct store_chunk *ret, struct err *err);

/* A hole is a failure of its unit, and not a result: its cause and reason as an
 * error, and both from the error of run(), which may have several of them. The
 * caller frees the reason. */
int chunk_result_failure(const struct store_chunk *hole, struct err *err);
enum hole_code chunk_result_hole(const struct err *failure, char **ret_reason);

#endif
