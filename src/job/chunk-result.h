/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker of a fleet found out about a chunk, as the result of a unit: a
 * text, with the thumbnails beside it. Pure. A worker is not trusted more than
 * an engine: everything is checked. */
#ifndef VDET_JOB_CHUNK_RESULT_H
#define VDET_JOB_CHUNK_RESULT_H

#include "base/err.h"
#include "job/chunk-unit.h"
#include "job/unit-result.h"
#include "runner/runner.h"
#include "store/store.h"

/* Of a chunk that was described; the caller clears the result. ERR_FORMAT: it
 * has text that is not valid. */
int chunk_result_write(const struct store_chunk *c, struct runner_result *ret, struct err *err);

/* The result of the unit `u`. Fills `ret`, whose index, start and end are
 * given. ERR_PROTO: the worker broke the rules. */
int chunk_result_read(const struct chunk_unit *u, const struct runner_result *result,
                      struct store_chunk *ret, struct err *err);

#endif
