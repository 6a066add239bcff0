/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of JSON that other programs or people wrote. Pure functions. */
#ifndef VDET_BASE_JSON_H
#define VDET_BASE_JSON_H

#include <jansson.h>

/* The first key of an object that is not in `keys`, which ends with NULL; NULL
 * if all are. Points into `o`. */
const char *json_unknown_key(const json_t *o, const char *const *keys);

#endif
