/* SPDX-License-Identifier: Apache-2.0 */
/* The options of videos at addresses. */
#ifndef VDET_APP_WEB_H
#define VDET_APP_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct app_web {
	char *sha256, *endpoint, *region;
	int64_t cache, timeout;
};
struct opt_group;
extern const struct opt_group web_opt_group;

struct app;
struct remote_web;

/* With the keys for S3 from the environment; *ret is NULL if the command does
 * not take the options. `clients`: clients of a server name the addresses.
 * `store` is borrowed; the caller frees *ret. ERR_ARG. */
int app_web_open(const struct app *app, struct store *store, bool clients, struct remote_web **ret,
                 struct err *err);

#endif
