/* SPDX-License-Identifier: Apache-2.0 */
/* What is nearest to the vector of a query: passages and pictures. Blocks for
 * the disk; safe to call from any thread. */
#ifndef VDET_SEARCH_NEAR_H
#define VDET_SEARCH_NEAR_H

#include "search/find.h"
#include "store/passage.h"

typedef void near_fn(void *ctx, struct store_passage *p, bool picture, size_t rank);
/* Calls fn with each, passages first, then pictures, both nearest first; `rank`
 * counts from 0 for each. A picture is a passage without text, whose event is
 * FIND_PICTURE, and whose id is that of its sample. fn may take the strings of
 * what it gets. ERR_NOENT if none of the jobs has vectors of the model. */
int near_each(struct store *s, const struct find_request *q, size_t query, size_t most, near_fn *fn,
              void *ctx, struct err *err);

#endif
