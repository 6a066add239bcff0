/* SPDX-License-Identifier: Apache-2.0 */
/* What endpoints have refused, kept in a file of the data folder, so that a
 * later run does not have to be refused again. An entry belongs to an
 * endpoint's address and the model there. It is ignored, and learned again,
 * once the server reports another version than it did then, or after
 * LEARNED_DAYS. Calls block; any thread and any process may call. */
#ifndef VDET_ENGINE_LEARNED_H
#define VDET_ENGINE_LEARNED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "openai/dialect.h"

#define LEARNED_DAYS 30

/* An endpoint as it is known after its probe; strings are borrowed. */
struct learned_key {
	const char *url, *model, *version;
};

/* False where nothing is known that still holds. */
bool learned_load(const char *path, const struct learned_key *key, struct dialect *ret);
/* Replaces what is known of it. */
int learned_save(const char *path, const struct learned_key *key, const struct dialect *d,
                 struct err *err);
/* Removes what is known of an address, whatever the model ("" = of all);
 * *ret_n: how many entries there were. */
int learned_forget(const char *path, const char *url, size_t *ret_n, struct err *err);

#endif
