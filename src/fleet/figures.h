/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker has done since it was started, as it counts itself: a head
 * shows it, and decides nothing by it. */
#ifndef VDET_FLEET_FIGURES_H
#define VDET_FLEET_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct fleet_figures {
	/* microseconds; `busy` is summed over slots */
	int64_t uptime, busy;
	/* units */
	int64_t done, failed;
	/* Microseconds, summed over slots: waiting for frames, of ended units, with
	 * those for bytes; for answers of the engine; for bytes of videos; until a
	 * result was confirmed. */
	int64_t frames, engine, bytes, send;
	/* Blocks of videos that were in the cache, and those that were fetched. */
	int64_t cache_hits, cache_misses, cache_hit_bytes, cache_miss_bytes;
};

/* An object with whole numbers, times in microseconds; the caller owns it. */
json_t *fleet_figures_write(const struct fleet_figures *f);
/* What is missing is 0; false if a value is not a number of 0 to 2^53. */
bool fleet_figures_read(const json_t *o, struct fleet_figures *ret);
/* For people and programs: times in seconds. The caller owns it. */
json_t *fleet_figures_json(const struct fleet_figures *f);
/* What was added between two moments; false if anything was taken away. */
bool fleet_figures_since(const struct fleet_figures *now, const struct fleet_figures *before,
                         struct fleet_figures *ret);

#endif
