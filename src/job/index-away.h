/* SPDX-License-Identifier: Apache-2.0 */
/* Gives close looks of an index to the workers of a fleet, as many as they
 * take. */
#ifndef VDET_JOB_INDEX_AWAY_H
#define VDET_JOB_INDEX_AWAY_H

#include "base/mem.h"
#include "index/indexer.h"
#include "job/run.h"

struct index_giver;

/* `source`: SHA-256 of the video. Borrowed, as the context and what the options
 * point to. NULL: there are no workers, or they would see other pictures. */
struct index_giver *index_giver_new(const struct run_context *run, const char *source,
                                    const struct decoder_options *o);
void index_giver_free(struct index_giver *g); /* NULL is fine */
DEFINE_FREEP(struct index_giver, index_giver)

/* For struct indexer_options. */
const struct index_away *index_giver_away(const struct index_giver *g);

#endif
