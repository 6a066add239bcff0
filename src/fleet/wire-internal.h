/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the members of messages. */
#ifndef VDET_FLEET_WIRE_INTERNAL_H
#define VDET_FLEET_WIRE_INTERNAL_H

#include <jansson.h>

#include "fleet/wire.h"

/* A text of at most `max` bytes, "" if it is missing; NULL if it is anything
 * else. The caller frees it. */
char *wire_text_of(const json_t *o, const char *key, size_t max);
bool wire_number_of(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *ret);
bool wire_nonce_of(const json_t *o, const char *key, char out[static WIRE_NONCE]);
/* Up to `max` texts of a list, none if it is missing; false if it is another
 * value. What was read until then has to be freed in each case. */
bool wire_texts_of(const json_t *o, const char *key, char **ret, size_t max, size_t max_text,
                   size_t *ret_n);
json_t *wire_list_of(char *const *texts, size_t n);

/* Takes the reference to `o`; `body` may be NULL. */
int wire_write_line(json_t *o, const char *body, struct buf *out, struct err *err);
/* The line of a message, and a copy of its body (unchanged if there is none);
 * with `ret_body` NULL a body is an error. */
int wire_read_line(const char *data, size_t len, json_t **ret, char **ret_body, struct err *err);
int wire_malformed(struct err *err, const char *what);

#endif
