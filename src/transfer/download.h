/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching of large files by HTTP: over several connections, each a stretch at
 * a time, resumed after any end, checked against its SHA-256, and put in place
 * whole or not at all.
 *
 * While it is fetched a file is NAME.part, beside NAME.part.json, which tells
 * what of it is there. Both are left behind by whatever ends the program, and
 * the next call goes on from them. A lock keeps two processes apart. The token
 * goes to the host that was named, and never to another that it redirects to.
 * Calls block. */
#ifndef VDET_TRANSFER_DOWNLOAD_H
#define VDET_TRANSFER_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"

struct download_progress {
	const char *phase;   /* "fetching", "waiting", "checking" */
	int64_t done, total; /* bytes */
	double rate;         /* bytes a second, 0 = not known yet */
	int64_t left;        /* microseconds, -1 = not known */
};

struct download_options {
	const char *token;   /* bearer; "" or NULL = none */
	int64_t connections; /* at once */
	int64_t retries;     /* in a row without a byte */
	int64_t timeout;     /* of a connection, and of silence on it; microseconds */
	struct cancel *cancel;
	/* ten times a second at most; may be NULL */
	void (*progress)(void *ctx, const struct download_progress *p);
	void *ctx;
};

struct download_file {
	const char *url, *path;
	int64_t size;       /* 0 = not known */
	const char *sha256; /* "" = not known: the server's own is taken where it tells one */
};

/* A text of at most out->max bytes. Redirects are followed. ERR_NOENT for 404,
 * ERR_PERM for 401 and 403. */
int download_text(const struct download_options *o, const char *url, struct buf *out,
                  struct err *err);

/* `ret_sha256` is that of the finished file. ERR_BUSY: another process is at
 * it; ERR_NOSPC: it would not fit; ERR_FORMAT: it came whole, twice, and is not
 * what it should be; ERR_CANCELED; ERR_ENGINE: the server or the line. */
int download_file(const struct download_options *o, const struct download_file *f,
                  char ret_sha256[static HASH_HEX], struct err *err);

#endif
