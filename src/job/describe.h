/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk: its frames decoded, described by the model, and checked. */
#ifndef VDET_JOB_DESCRIBE_H
#define VDET_JOB_DESCRIBE_H

#include "base/err.h"
#include "decoder/decoder.h"
#include "job/analyze.h"
#include "plan/plan.h"
#include "store/store.h"

/* Decoders are costly to start and may die: a worker keeps one and opens it
 * anew when it is gone. */
struct describe_worker {
	const struct analyze *a;
	int fd;                  /* the video; borrowed */
	struct decoder *decoder; /* may be NULL; owned */
	/* share of the pictures' size at which the engine takes a request; 0 = the
	 * whole */
	double fits;
};

/* makes sure that there is a decoder */
int describe_open(struct describe_worker *w, struct err *err);
void describe_close(struct describe_worker *w);

/* Fills `ret` (index, start, end given) with a result: done, or a hole with its
 * reason. Returns an error only for what is not the chunk's own fault:
 * ERR_CANCELED. */
int describe_chunk(struct describe_worker *w, const struct plan_chunk *plan,
                   struct store_chunk *ret, struct err *err);

#endif
