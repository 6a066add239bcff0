/* SPDX-License-Identifier: Apache-2.0 */
/* Memory while jobs run: the monitor of the GPUs, and the policy that acts on
 * the engine. One per engine, with a thread of its own. Thread-safe. */
#ifndef VDET_MEMORY_MEMORY_H
#define VDET_MEMORY_MEMORY_H

#include <jansson.h>

#include "engine/engine.h"
#include "gpu/gpu.h"
#include "store/store.h"

struct memory;

struct memory_options {
	bool policy;          /* act, not only watch */
	double goal, cleanup; /* see struct memory_limits */
	/* microseconds; `period` between two samples, the others see there */
	int64_t period, patience, calm;
	char *nvml; /* library; "" = the driver's */
};
struct opt_group;
extern const struct opt_group memory_opt_group;

/* `engine` is borrowed until memory_free(), started or not. Never fails. */
struct memory *memory_open(const struct memory_options *o, struct engine *engine);
void memory_free(struct memory *m);
DEFINE_FREEP(struct memory, memory)

/* While a job runs: steps are written into its journal. `store` is borrowed
 * until memory_detach(). These two and the calls below allow NULL for `m`. */
void memory_attach(struct memory *m, struct store *store, const char *job);
void memory_detach(struct memory *m, const char *job);

/* The long side in pixels that a picture of `size` may have now. */
int memory_picture_size(struct memory *m, int64_t size);
/* To be called when a request failed because memory ran out; `why` is its
 * message. */
void memory_ran_out(struct memory *m, const char *why);

struct gpu *memory_gpu(struct memory *m); /* owned by `m` */
/* {"step": 0, "state": "all as configured", "policy": true, "goal", "cleanup",
 * "gpu": …ring}, with at most `samples` samples. The caller owns it. */
json_t *memory_json(struct memory *m, size_t samples);

#endif
