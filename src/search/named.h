/* SPDX-License-Identifier: Apache-2.0 */
/* Events of subjects by the names that people gave these. Who is behind a name
 * is known only once the report of a run is made. Blocks for the disk. */
#ifndef VDET_SEARCH_NAMED_H
#define VDET_SEARCH_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "report/report.h"
#include "store/queue.h"
#include "store/store.h"

/* Calls fn for each event that belongs to a subject in whose name one of the
 * words may occur, of the runs and the part of the video that the query names;
 * newest runs first. `text` is "NAME: what". fn returns false for no more.
 * `most`: runs; *ret_cut: there may be more. */
int named_each(struct store *s, const struct store_query *q, size_t most,
               bool (*fn)(void *ctx, const char *job, const struct report_event *e,
                          const char *text),
               void *ctx, bool *ret_cut, struct err *err);

#endif
