/* SPDX-License-Identifier: Apache-2.0 */
/* How fast it goes, and why: of a journaled job, and of the machine as it
 * works. */
#ifndef VDET_ADVISE_PERFORMANCE_H
#define VDET_ADVISE_PERFORMANCE_H

#include <jansson.h>

#include "advise/advice.h"
#include "engine/engine.h"
#include "memory/memory.h"
#include "report/report.h"
#include "store/store.h"

/* Summary of a job: frames a second, tokens a second read and written, the
 * engine's busy share, decoding, what each chunk took in percentiles, who
 * answered. */
json_t *performance_of(const struct report *r);
/* Its facts for advice; strings are borrowed from the report. Of the machine,
 * `engine` and `memory` may be NULL. */
void performance_facts(const struct report *r, struct engine *engine, struct memory *memory,
                       struct advice_facts *ret);

/* Of the machine as it works, for the server: what is added to each reading of
 * it, and the advice that goes with the newest job. Thread-safe. */
struct performance;
/* borrowed */
struct performance *performance_new(struct engine *engine, struct memory *memory,
                                    struct store *store);
void performance_free(struct performance *p);
DEFINE_FREEP(struct performance, performance)
/* Adds "gpu", "endpoints", "forecast" and "memory" to a reading. Renews the
 * advice now and then; may wait for disk. */
void performance_add(struct performance *p, json_t *reading);
/* Adds "recommendations" and "summary", which is performance_of() the newest
 * job, as they were found last; never waits for long. */
void performance_tell(struct performance *p, json_t *j);

#endif
