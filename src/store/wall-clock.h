/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the time of day of a recording: a JSON object of each run,
 * whose form the module that reads clocks defines. As store.h: thread-safe,
 * data is on disk when a call returns. */
#ifndef VDET_STORE_WALL_CLOCK_H
#define VDET_STORE_WALL_CLOCK_H

#include "base/err.h"
#include "store/store.h"

/* Replaces it. ERR_NOENT if the job was removed. */
int store_wall_clock_save(struct store *s, const char *job, const char *json, struct err *err);
/* *ret: the caller frees; NULL = it was not looked for. */
int store_wall_clock_load(struct store *s, const char *job, char **ret, struct err *err);

#endif
