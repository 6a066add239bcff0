/* SPDX-License-Identifier: Apache-2.0 */
/* What a user writes about one endpoint,
 * `NAME=URL[,KEY=VALUE…]`, and a list of these, one a line. Pure;
 * docs/engines.md documents the keys. */
#ifndef VDET_ENGINE_ENDPOINT_CONFIG_H
#define VDET_ENGINE_ENDPOINT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ENDPOINT_NAME_MAX 40
#define ENDPOINTS_MAX 32 /* endpoints of one engine: a set of them fits into a word */

/* The most that may be used in a day; 0 = no limit. */
struct endpoint_cap {
	double money;
	int64_t requests, tokens;
};

struct endpoint_config {
	char name[ENDPOINT_NAME_MAX];
	char *url; /* "auto" = a llama-server child */
	char *model, *key_file, *key_env;
	char *ca_file; /* certificates to trust; "" = those of the engine */
	/* of llama-server: "CUDA0", "CUDA0+CUDA1" for both, "none" = processor; ""
	 * = its own choice */
	char *device;
	int64_t slots, context; /* 0 = choose */
	double weight;          /* counts as that many times as fast; 1 */
	double cost;            /* of a million tokens */
	struct endpoint_cap cap;
	bool cloud; /* used only once the others' queue is too long */
};

/* Appends the specs in `text` to *list. ERR_ARG names the endpoint and what is
 * wrong with it. */
int endpoint_config_parse(const char *text, struct endpoint_config **list, size_t *n,
                          struct err *err);
void endpoint_config_clear(struct endpoint_config *s);

#endif
