/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server of a head for its workers, with an address of its own:
 *   GET /fleet/source/SHA256 (with ranges), GET /fleet/blocks/SHA256,
 *   PUT /fleet/blob/SHA256
 * Each needs a signature that fleet_http_address() makes, for one thing and a
 * short time; the key is random at each start. Any thread. */
#ifndef VDET_NET_FLEET_FLEET_HTTP_H
#define VDET_NET_FLEET_FLEET_HTTP_H

#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "remote/address.h"

/* All borrowed until the server is freed. */
struct fleet_http_options {
	const char *listen; /* "HOST:PORT"; NULL or "" = 0.0.0.0 and a free port */
	/* As workers reach it; NULL or "" = http://HOST:PORT (https with a
	 * certificate). If it listens on all addresses, HOST is `host`, or, without
	 * that or with a certificate, the name of this machine. */
	const char *address, *host;
	const char *tls_cert, *tls_key; /* PEM files; NULL or "" = no TLS */
	const char *blobs;              /* folder of blobs (remote/blob.h); is made when one comes */
	int64_t valid;                  /* microseconds that an address is valid; 0 = ten minutes */
	/* Bytes of each worker that are kept, and not named by a result in the
	 * journal (remote_blob_settle()); 0 = 512 MiB. */
	int64_t quota;
	/* Opens a source for reading; the server closes *ret_fd. *ret_path (the
	 * server frees it; NULL = unknown) is where the file is. Called on threads
	 * of the server. ERR_NOENT. */
	int (*open)(void *ctx, const char *sha256, int *ret_fd, char **ret_path, struct err *err);
	/* The hashes of its blocks (remote/blocks.h); the server clears them. May
	 * take as long as reading the file. */
	int (*blocks)(void *ctx, const char *sha256, int fd, struct hash_blocks *ret, struct err *err);
	/* Of a video that the head reads from another server, where what open()
	 * gives has its size, but no content; both may be NULL.
	 * direct(): whether this is such a video; if workers can read it there
	 * themselves, sets url, direct and marks, valid for so many microseconds.
	 * fill(): reads a part into the open file. */
	bool (*direct)(void *ctx, const char *sha256, int64_t valid, struct remote_address *ret);
	int (*fill)(void *ctx, const char *sha256, int fd, int64_t from, int64_t len, struct err *err);
	void *ctx;
};

struct fleet_http;

/* Listens and serves on a thread of its own. */
int fleet_http_start(const struct fleet_http_options *o, struct fleet_http **ret, struct err *err);
void fleet_http_free(struct fleet_http *f); /* stops; waits for open requests; NULL is fine */
DEFINE_FREEP(struct fleet_http, fleet_http)

const char *fleet_http_url(const struct fleet_http *f); /* as workers reach it */

struct fleet_http_counts {
	int64_t requests, sent, received; /* bytes */
};
struct fleet_http_counts fleet_http_count(const struct fleet_http *f);

/* The answer for a worker that asks (struct remote_provider): JSON text, which
 * the caller frees. For REMOTE_SOURCE it may take as long as reading the file,
 * once. `relayed`: it has to be one of the head, as the worker cannot use
 * another server. ERR_NOENT, ERR_ARG. */
int fleet_http_address(struct fleet_http *f, const char *worker, enum remote_kind kind,
                       const char *sha256, bool relayed, char **ret, struct err *err);

#endif
