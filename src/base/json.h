/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of JSON, and checks of what other programs or people wrote. Pure
 * functions. */
#ifndef VDET_BASE_JSON_H
#define VDET_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The first key of an object that is not in `keys`, which ends with NULL; NULL
 * if all are. Points into `o`. */
const char *json_unknown_key(const json_t *o, const char *const *keys);

/* The text of a member, "" where there is none; of `o`. */
const char *json_text(const json_t *o, const char *key);

/* Limits of JSON from elsewhere: a short text can take a lot of memory. */
enum {
	JSON_FOREIGN_DEPTH = 64,
	JSON_FOREIGN_GROUPS = 1 << 20, /* objects and arrays */
	JSON_FOREIGN_VALUES = 8 << 20,
};
/* Reads an object that may be hostile; a key may occur once. The caller owns
 * it. ERR_FORMAT or ERR_LIMIT. */
int json_read_foreign(const char *text, size_t len, json_t **ret, struct err *err);

/* A list of numbers; the caller owns it. */
json_t *json_sizes(const size_t *v, size_t n);
json_t *json_times(const int64_t *v, size_t n);
/* The numbers of a list, at most so many; the list as text, and the numbers of
 * that. None where it is not a list. The caller frees. */
int64_t *json_times_of(const json_t *list, size_t most, size_t *ret_n);
char *json_times_text(const int64_t *v, size_t n);
int64_t *json_times_read(const char *text, size_t *ret_n);

#endif
