/* SPDX-License-Identifier: Apache-2.0 */
/* The options table as the API shows it, and the defaults of new jobs that were
 * changed while the server ran. Changes are saved in a file and survive a
 * restart.
 *
 * Thread-safe. settings_change() writes the file; the others do not block. JSON
 * values that are returned belong to the caller. */
#ifndef VDET_BOARD_SETTINGS_H
#define VDET_BOARD_SETTINGS_H

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"

struct settings;

/* Reads the file if it exists. `set` is borrowed. ERR_FORMAT, ERR_ARG. */
int settings_open(const char *file, const struct opt_set *set, struct settings **ret,
                  struct err *err);
void settings_free(struct settings *s);
DEFINE_FREEP(struct settings, settings)

json_t *settings_list(struct settings *s); /* {"settings": […]} */
/* {"chunk.duration": 60 or "1min"}; null restores the default. Applies all
 * changes, or none if one is invalid (ERR_ARG). */
int settings_change(struct settings *s, const json_t *changes, struct err *err);
/* A copy of a job request in which options that it does not set have the
 * changed defaults. Not an object: the request itself. */
json_t *settings_apply(struct settings *s, const json_t *request);

#endif
