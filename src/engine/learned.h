/* SPDX-License-Identifier: Apache-2.0 */
/* What endpoints have refused, kept in a file of the data folder, so that later
 * runs leave it out from the start. An entry belongs to the URL of an endpoint
 * and its model. It is ignored once the server reports another version than it
 * did then, and after LEARNED_DAYS. Calls block; any thread and any process may
 * call. */
#ifndef VDET_ENGINE_LEARNED_H
#define VDET_ENGINE_LEARNED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "openai/dialect.h"

#define LEARNED_DAYS 30

/* An endpoint after its probe; strings are borrowed. */
struct learned_key {
	const char *url, *model, *version;
};

/* False, with `ret` as it was, if nothing valid is known. */
bool learned_load(const char *path, const struct learned_key *key, struct dialect *ret);
/* Replaces its entry. */
int learned_save(const char *path, const struct learned_key *key, const struct dialect *d,
                 struct err *err);
/* Removes the entries of a URL, of any model ("" = of all URLs); *ret_n: how
 * many there were. */
int learned_forget(const char *path, const char *url, size_t *ret_n, struct err *err);

#endif
