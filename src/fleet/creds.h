/* SPDX-License-Identifier: Apache-2.0 */
/* Users of a NATS server, one for each head, worker and administrator, with the
 * least that they may do. */
#ifndef VDET_FLEET_CREDS_H
#define VDET_FLEET_CREDS_H

#include <stddef.h>

#include "base/err.h"

struct fleet_creds {
	const char *head;           /* id of the head's journal; NULL: a new one */
	const char *const *workers; /* their names, see fleet_name_valid() */
	size_t n_workers;
	const char *listen; /* "HOST:PORT" of the server; NULL: 0.0.0.0:4222 */
	const char *store;  /* folder of the streams; NULL: "/var/lib/nats" */
	/* PEM files of the server; NULL: the server uses no TLS. */
	const char *cert, *key;
};

/* Writes nats-server.conf, head.creds, admin.creds and NAME.creds of each
 * worker into a folder, all readable by their owner only, with new random
 * passwords. ERR_ARG if one of the files exists. */
int fleet_creds_write(const char *folder, const struct fleet_creds *c, struct err *err);

/* Whose credentials a file has, and for which head they are; the caller frees
 * both. NULL: it does not say. */
int fleet_creds_read(const char *path, char **ret_user, char **ret_head, struct err *err);

#endif
