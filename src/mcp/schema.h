/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the arguments of a tool against its inputSchema: the part of JSON
 * Schema that tools.json uses (type, properties, required, enum, items, and
 * limits of numbers, texts and lists; no other members). Pure. */
#ifndef VDET_MCP_SCHEMA_H
#define VDET_MCP_SCHEMA_H

#include <jansson.h>

#include "base/err.h"

/* ERR_ARG names the argument, and what it has to be. `value` NULL counts as an
 * empty object. */
int schema_check(const json_t *schema, const json_t *value, struct err *err);

#endif
