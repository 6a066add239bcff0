/* SPDX-License-Identifier: Apache-2.0 */
/* How a head or a worker reaches the NATS server through which they find each
 * other. docs/protocols.md describes what is exchanged. */
#ifndef VDET_FLEET_OPTIONS_H
#define VDET_FLEET_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { FLEET_NAME_MAX = 64 };

struct fleet_options { /* everything is borrowed, and valid while it is used */
	const char *url;   /* "nats://HOST:PORT", "tls://…"; several with commas between */
	/* A file with user and password as fleet_creds_write() makes it, or one of
	 * NATS with a token and a seed; NULL: none. */
	const char *creds;
	const char *ca; /* PEM file of whom to trust for TLS; NULL: as the system does */
	/* Of this worker, see fleet_name_valid(); NULL: as the credentials say, or
	 * that of the machine. */
	const char *name;
	/* Only a head's: after how long without a sign of a worker a unit is given
	 * to another one, in microseconds; 0: 30 seconds. */
	int64_t ack_wait;
	/* Only a head's: how often it looks whether its units are still there, in
	 * microseconds; 0: each two times of ack_wait. */
	int64_t check_every;
	int replicas; /* only a head's: how many servers of a cluster keep each message; 0: 1 */
	bool quiet;   /* what the server reports by itself is logged as information only */
};

/* [A-Za-z0-9_-], 1 to FLEET_NAME_MAX characters. */
bool fleet_name_valid(const char *name);

/* Whether this program has been built with libnats; without it each function
 * that connects returns ERR_UNSUPPORTED. */
bool fleet_supported(void);

/* Connects, and says what is wrong with the address, the credentials or the
 * server. Blocks for at most some seconds. */
int fleet_try(const struct fleet_options *o, struct err *err);

#endif
