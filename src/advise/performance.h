/* SPDX-License-Identifier: Apache-2.0 */
/* Performance figures of a journaled job, and of the machine while it works. */
#ifndef VDET_ADVISE_PERFORMANCE_H
#define VDET_ADVISE_PERFORMANCE_H

#include <jansson.h>

#include "advise/advice.h"
#include "engine/engine.h"
#include "memory/memory.h"
#include "report/report.h"
#include "store/store.h"

/* Summary of a job: frames per second, tokens per second of prefill and
 * decoding, the engine's busy share, time of decoding pictures, percentiles of
 * the time per chunk, and requests by endpoint. The caller owns it. */
json_t *performance_of(const struct report *r);
/* Its facts for advice; strings are borrowed from the report. `engine` and
 * `memory` of the machine may be NULL. */
void performance_facts(const struct report *r, struct engine *engine, struct memory *memory,
                       struct advice_facts *ret);

/* Of the machine, for the server: what is added to each metrics sample, and
 * advice for the newest job. Thread-safe. */
struct performance;
/* All three are borrowed until performance_free(). */
struct performance *performance_new(struct engine *engine, struct memory *memory,
                                    struct store *store);
void performance_free(struct performance *p);
DEFINE_FREEP(struct performance, performance)
/* Adds "gpu", "endpoints", "forecast" and "memory" to a metrics sample. From
 * time to time it also renews the advice, which may wait for the disk. */
void performance_add(struct performance *p, json_t *sample);
/* Adds to `j` "recommendations" and "summary" (performance_of() the newest
 * job), as of the last renewal; does not wait for the disk. */
void performance_publish(struct performance *p, json_t *j);

#endif
