/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a list of events by requests to the model. */
#ifndef VDET_JOB_MERGE_EVENTS_H
#define VDET_JOB_MERGE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "job/requests.h"
#include "job/merge.h"
#include "story/sum-up.h"

struct merge_list {
	struct story_list entries; /* at least one */
	bool of_case;              /* of several videos; each entry names its own */
	const char *model, *model_hash;
	struct reply_journal journal;
};

/* Asks for the sentences about the entries, as many at once as fit into a
 * request. Requests run in parallel as the engine allows; none is sent whose
 * answer is in the journal. Fails only with ERR_CANCELED. */
int merge_events(const struct run_context *run, const struct merge_options *o,
                 const struct merge_list *list, struct story_summary *ret, struct err *err);

/* How many entries one request is about, at most. */
size_t merge_events_most(bool demo_model);
/* How many bytes of notes fit into one request. */
size_t merge_events_bytes(const struct run_context *run);

#endif
