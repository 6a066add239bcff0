/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the engine room: what a user writes about one endpoint,
 * `NAME=URL[,KEY=VALUE…]`, and a list of these, one a line. Pure;
 * docs/engines.md tells what the keys mean. */
#ifndef VDET_ENGINE_ENDPOINT_CONFIG_H
#define VDET_ENGINE_ENDPOINT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SPEC_NAME_MAX 40
#define SPEC_MANY 32 /* endpoints of one engine: a set of them fits into a word */

/* The most that may be used in a day; 0 = no limit. */
struct spec_cap {
	double money;
	int64_t requests, tokens;
};

struct spec {
	char name[SPEC_NAME_MAX];
	char *url; /* "auto" = a llama-server of ours */
	char *model, *key_file, *key_env;
	/* of llama-server: "CUDA0", "CUDA0+CUDA1" for both, "none" = processor; ""
	 * = its own choice */
	char *device;
	int64_t slots, context; /* 0 = choose */
	double weight;          /* counts as that many times as fast; 1 */
	double cost;            /* of a million tokens */
	struct spec_cap cap;
	bool cloud; /* used only once the others' queue is too long */
};

/* Appends the specs in `text` to *list. ERR_ARG names the endpoint and what is
 * wrong with it. */
int spec_parse(const char *text, struct spec **list, size_t *n, struct err *err);
void spec_clear(struct spec *s);

#endif
