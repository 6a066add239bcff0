/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches one file by http or https into a folder of ours, with limits, and
 * from nowhere private unless that is allowed: each address that is connected
 * to is looked at, whatever name or redirection led there. A lost connection is
 * taken up again where it was lost, if the server says that the file is still
 * the same; so is one that was interrupted, by the next call for the same path.
 * Blocks; any thread. */
#ifndef VDET_TRANSFER_FETCH_H
#define VDET_TRANSFER_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct fetch_request {
	const char *url;
	/* where it shall be; until it is whole it lies beside, as PATH.part, with
	 * PATH.tag */
	const char *path;
	int64_t max;     /* bytes */
	int64_t timeout; /* microseconds for all of it, 0 = none */
	bool allow_private;
	struct cancel *cancel; /* may be NULL */
	/* Now and then, from the calling thread: bytes that are here, and in all (0
	 * = unknown); may be NULL. */
	void (*progress)(void *ctx, int64_t done, int64_t total);
	void *ctx;
};

int fetch_file(const struct fetch_request *q, struct err *err);
/* The name that the address suggests; ERR_ARG unless it is a whole http or
 * https address without a password. The caller frees. */
int fetch_name(const char *url, char **ret, struct err *err);

struct sockaddr;
/* Whether an address belongs to this machine, a private network, or to no
 * single machine. */
bool fetch_is_private(const struct sockaddr *a);

#endif
