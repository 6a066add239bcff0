/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of one endpoint, `NAME=URL[,KEY=VALUE…]`, and a list of
 * these, one per line. Pure; docs/engines.md documents the keys. */
#ifndef VDET_ENGINE_ENDPOINT_CONFIG_H
#define VDET_ENGINE_ENDPOINT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ENDPOINT_NAME_MAX 40
#define ENDPOINTS_MAX 32 /* endpoints of one engine: a set of them is a uint32_t */

/* The most that may be used in a day; 0 = no limit. */
struct endpoint_cap {
	double money; /* in the unit of endpoint_config.cost */
	int64_t requests, tokens;
};

struct endpoint_config {
	char name[ENDPOINT_NAME_MAX];
	char *url; /* "auto" = a llama-server child */
	char *model, *key_file, *key_env;
	char *ca_file; /* certificates to trust; "" = those of the engine */
	/* of llama-server: "CUDA0", "CUDA0+CUDA1" for both, "none" = the CPU; "" =
	 * its own choice */
	char *device;
	int64_t slots, context; /* context: tokens per slot; 0 = choose */
	double weight;          /* factor on its measured speed; default 1 */
	double cost;            /* of a million tokens, in any currency */
	struct endpoint_cap cap;
	bool cloud; /* used only once the others' queue is too long */
};

/* Appends the endpoints in `text` to *list, whose elements the caller clears,
 * and which it frees, also after an error. ERR_ARG names the endpoint and what
 * is wrong with it. */
int endpoint_config_parse(const char *text, struct endpoint_config **list, size_t *n,
                          struct err *err);
void endpoint_config_clear(struct endpoint_config *s);

#endif
