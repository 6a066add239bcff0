/* All chunks of a job: spread over threads, each result in the journal before anybody is told of it. */
#ifndef VDET_JOB_CHUNKS_H
#define VDET_JOB_CHUNKS_H

#include "job/analyze.h"
#include "job/describe.h"
#include "job/plan.h"

struct chunks_outcome {
	size_t chunks, holes, resumed;
	bool fresh;       /* something was done now, so that a summary of before is stale */
	char *first_hole; /* never NULL after a run */
};
void chunks_outcome_clear(struct chunks_outcome *o);

/* Does every chunk that is not done yet; holes of an earlier run are tried again. `first` is a worker whose decoder is
 * already open; it is used and left open. Fails when the journal cannot be written or the run was cancelled: then
 * what was finished before is in the journal. */
int chunks_run(const struct analyze *a, struct describe_worker *first, const struct plan *plan, const char *job,
               struct chunks_outcome *ret, struct err *err);

#endif
