/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk of the journal as JSON; times in seconds. Pure; the caller owns what
 * is returned. */
#ifndef VDET_REPORT_CHUNK_JSON_H
#define VDET_REPORT_CHUNK_JSON_H

#include <jansson.h>

#include "store/store.h"

/* Appends the chunk's events to `to`, each as in report.json. */
void result_events(const struct store_chunk *c, json_t *to);
/* {"index", "start", "end", "state", "summary", "reason", "code", "attempts"},
 * with "samples" if they were loaded. */
json_t *result_chunk(const struct store_chunk *c);
double result_seconds(int64_t us);

#endif
