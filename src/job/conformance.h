/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an engine does what an analysis needs: a few requests with drawn
 * pictures whose content is known. Blocks. */
#ifndef VDET_JOB_CONFORMANCE_H
#define VDET_JOB_CONFORMANCE_H

#include <stddef.h>

#include "engine/engine.h"

enum conformance_state {
	CONFORMANCE_PASS,
	CONFORMANCE_NOTE,
	CONFORMANCE_FAIL,
	CONFORMANCE_SKIP /* not tested: no request is answered at all */
};
struct conformance_row {
	const char *name; /* "order" */
	enum conformance_state state;
	char found[300]; /* the result, and what to do if it failed */
};
#define CONFORMANCE_MANY 12

/* Tries a started engine; `found` (may be NULL) is called with each row as it
 * is complete. Returns the number of rows; fewer if `cancel` fires. `pictures`:
 * how many a request must accept. */
size_t conformance_try(struct engine *e, size_t pictures, struct cancel *cancel,
                       void (*found)(void *ctx, const struct conformance_row *row), void *ctx,
                       struct conformance_row out[static CONFORMANCE_MANY]);

#endif
