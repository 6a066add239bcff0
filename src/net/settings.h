/* SPDX-License-Identifier: Apache-2.0 */
/* The options table as the API shows it, and the values that new jobs take
 * instead of those the server began with. Those are kept in a file, and outlive
 * the server. Thread-safe. */
#ifndef VDET_NET_SETTINGS_H
#define VDET_NET_SETTINGS_H

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"

struct settings;

int settings_open(const char *file, const struct opt_set *set, struct settings **ret,
                  struct err *err);
void settings_free(struct settings *s);
DEFINE_FREEP(struct settings, settings)

json_t *settings_list(struct settings *s); /* {"settings": […]} */
/* {"chunk.duration": 60 or "1min", or null for what it was}: all or, if one is
 * wrong, none. ERR_ARG. */
int settings_change(struct settings *s, const json_t *changes, struct err *err);
/* Adds what was changed to the options of a request that does not set them
 * itself; gives the request back. */
json_t *settings_apply(struct settings *s, json_t *request);

#endif
