/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet of a server, as the API uses it. */
#ifndef VDET_NET_API_FLEET_H
#define VDET_NET_API_FLEET_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* What the owner of the fleet does for the API; all from any thread, without
 * waiting for more than the network. */
struct api_fleet {
	/* The object "Fleet" of openapi.json, which the caller owns. */
	json_t *(*view)(void *ctx);
	/* A worker ends after the units that it has; ERR_NOENT, ERR_IO. */
	int (*drain)(void *ctx, const char *worker, struct err *err);
	/* Takes a worker out of the list until it is heard of again; ERR_NOENT. */
	int (*forget)(void *ctx, const char *worker, struct err *err);
	void *ctx;
};

/* Figures for Prometheus of such an object. Of very many workers only the first
 * ones have figures of their own. */
void fleet_metrics(const json_t *view, struct buf *out);

#endif
