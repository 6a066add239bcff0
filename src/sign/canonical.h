/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a JSON value that are signed: the JSON Canonicalization Scheme
 * (RFC 8785). Members in the order of their keys, no white space, one way to
 * write each text and each number. Pure, any thread. */
#ifndef VDET_SIGN_CANONICAL_H
#define VDET_SIGN_CANONICAL_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Values may be nested as deep as this. */
enum { CANONICAL_DEPTH = 64 };

/* Appends it. Integers beyond 2^53 are written with all digits, unlike in RFC
 * 8785. ERR_FORMAT if it is nested too deeply, ERR_LIMIT if `out` is too
 * small. */
int canonical_add(const json_t *json, struct buf *out, struct err *err);
/* A number as ECMAScript writes it: 1e+21, 0.97, 5, 1e-7. */
enum { CANONICAL_NUMBER_MAX = 40 };
void canonical_number(double v, char out[static CANONICAL_NUMBER_MAX]);

#endif
