/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and listening sockets. Any thread unless noted; only name lookups
 * block. */
#ifndef VDET_NET_HTTP_LISTEN_H
#define VDET_NET_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/access/rate-limit.h"

struct listen_address {
	char host[256]; /* of unix: the path */
	char port[8];
	bool unix_socket;
	bool local; /* other machines cannot reach it */
};

/* Parses "127.0.0.1:8080", "[::1]:8080", "localhost:0", ":8080" (all
 * addresses), "unix:/run/vdet.sock". Looks up a name to find out whether it is
 * local. ERR_ARG. */
int listen_parse(const char *text, size_t len, struct listen_address *ret, struct err *err);
/* Opens a non-blocking listening socket, which the caller closes. *ret_port is
 * its port, 0 for a Unix socket. ERR_BUSY: the address is in use. */
int listen_open(const struct listen_address *a, int *ret_fd, int *ret_port, struct err *err);

/* The number of listening sockets that systemd passed: descriptors LISTEN_FIRST
 * and following (sd_listen_fds(3)). Child processes inherit neither them nor
 * the variables. Not thread-safe. */
enum { LISTEN_FIRST = 3 };
int listen_inherited(void);
/* Examines such a socket, and makes it non-blocking. ERR_ARG if it is not a
 * listening stream socket. */
int listen_adopt(int fd, struct listen_address *ret, int *ret_port, struct err *err);

/* A descriptor to give up when there are no others. */
struct listen_spare {
	int fd; /* -1 = none */
	int64_t warned;
};
void listen_spare_open(struct listen_spare *s);
enum listen_result { LISTEN_NONE, LISTEN_ACCEPTED, LISTEN_SHED };
/* Accepts a connection, which the caller closes; LISTEN_NONE: none is waiting.
 * For want of a descriptor it would stay in the queue, and wake the event loop
 * again and again: it is closed, LISTEN_SHED. Warns once a minute. */
enum listen_result listen_accept(int fd, struct listen_spare *s, int *ret_fd);

/* The address of the client of a connection: "local" for a Unix socket. */
void listen_peer(int fd, char out[static CLIENT_ADDRESS_MAX]);

#endif
