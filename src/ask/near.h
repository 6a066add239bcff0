/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of what is searched for, if something makes vectors. Internal to
 * src/ask/. */
#ifndef VDET_ASK_NEAR_H
#define VDET_ASK_NEAR_H

#include "ask/asking.h"
#include "engine/embed.h"
#include "search/find.h"

struct near {
	bool wanted;
	struct find_vectors vectors;
	struct embed_result result;
};

/* Blocks for the engine. A failure is part of the result, and the queries of
 * this question that follow have none either. The caller clears `ret`. */
void near_make(struct asking *a, const struct find_query *queries, size_t n, struct near *ret);
void near_clear(struct near *x);

#endif
