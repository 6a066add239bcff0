/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of a head for its workers, and what their addresses are. Any
 * thread. */
#ifndef VDET_NET_FLEET_ROUTES_H
#define VDET_NET_FLEET_ROUTES_H

#include <pthread.h>

#include "net/fleet/fleet-http.h"
#include "net/fleet/quota.h"
#include "net/http/route.h"

/* What is known of a source. */
struct fleet_source {
	struct fleet_source *next;
	char sha256[HASH_HEX], blocks_sha256[HASH_HEX];
	int64_t size;
};

/* The context of the routes. */
struct fleet_files {
	const struct fleet_http_options *options; /* borrowed */
	char url[REMOTE_URL_MAX / 2];             /* of the server, without a slash at its end */
	unsigned char key[REMOTE_KEY_BYTES];
	pthread_mutex_t lock;   /* of the list */
	pthread_mutex_t making; /* held while hashes are made; before the other */
	struct fleet_source *sources;
	struct quota quota;
};

void fleet_files_init(struct fleet_files *f, const struct fleet_http_options *o);
void fleet_files_clear(struct fleet_files *f);

int fleet_files_address(struct fleet_files *f, const char *worker, enum remote_kind kind,
                        const char *sha256, bool relayed, char **ret, struct err *err);

extern const struct route fleet_routes[];
extern const size_t n_fleet_routes;

#endif
