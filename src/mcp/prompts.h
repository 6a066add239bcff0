/* SPDX-License-Identifier: Apache-2.0 */
/* The prompts of MCP (prompts.json). */
#ifndef VDET_MCP_PROMPTS_H
#define VDET_MCP_PROMPTS_H

#include <jansson.h>

#include "base/err.h"

/* What prompts/list shows; the caller owns it. */
json_t *prompts_list(const json_t *prompts);
/* {"description", "messages"}, with these arguments (may be NULL). ERR_ARG:
 * there is no such prompt, or an argument is missing or not a text. */
int prompts_get(const json_t *prompts, const char *name, const json_t *arguments, json_t **ret,
                struct err *err);

#endif
