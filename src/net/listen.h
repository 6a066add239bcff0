/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and listening sockets. */
#ifndef VDET_NET_LISTEN_H
#define VDET_NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct listen_address {
	char host[256]; /* of unix: the path */
	char port[8];
	bool unix_socket;
	bool local; /* only this machine can reach it */
};

/* "127.0.0.1:8080", "[::1]:8080", "localhost:0", ":8080" (all addresses),
 * "unix:/run/vdet.sock". Pure, but that a name is looked up to know whether it
 * is this machine's own. */
int listen_parse(const char *text, size_t len, struct listen_address *ret, struct err *err);
/* A listening socket, not blocking; *ret_port is its port (0 of a Unix socket). */
int listen_open(const struct listen_address *a, int *ret_fd, int *ret_port, struct err *err);

/* Sockets that systemd, or whoever started us in its way, listens on for us:
 * descriptors LISTEN_FIRST and following, so many (sd_listen_fds(3)). Neither
 * they nor the variables that tell of them reach our children. Not
 * thread-safe. */
enum { LISTEN_FIRST = 3 };
int listen_inherited(void);
/* Where such a socket listens; it does not block afterwards. ERR_ARG if it is
 * none. */
int listen_adopt(int fd, struct listen_address *ret, int *ret_port, struct err *err);

#endif
