/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads by HTTP: of model files, in pieces over several connections,
 * checked against their SHA-256 (download_file()); and of a file from any
 * server (download_stream()). The final name exists only once the file is
 * complete.
 *
 * An unfinished file is NAME.part. Beside it is what is needed to resume:
 * NAME.part.json, which lists what is complete, or NAME.tag. Both remain after
 * an interruption, and the next call continues from them. A lock prevents two
 * processes from downloading the same file. The token is sent to the host of
 * the URL, and never to another host that it redirects to. Calls block; any
 * thread. */
#ifndef VDET_TRANSFER_DOWNLOAD_H
#define VDET_TRANSFER_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"

struct download_progress {
	const char *phase;   /* "fetching", "waiting" (before a retry), "checking" (its hash) */
	int64_t done, total; /* bytes; total 0 = unknown */
	double rate;         /* bytes a second, 0 = not known yet */
	int64_t left;        /* microseconds, -1 = not known */
};

struct download_options {
	const char *token;   /* bearer token; "" or NULL = none */
	int64_t connections; /* at the same time, 1 to 16; of download_file() */
	int64_t retries;     /* in a row without receiving a byte */
	int64_t timeout;     /* microseconds to connect, and without receiving a byte; 0 = 60 s */
	/* Limits of download_stream(), 0 = none: bytes of the file, microseconds of
	 * the whole download. */
	int64_t max, total_timeout;
	/* Connects to public addresses only: each address is checked when it is
	 * connected to, whatever name or redirect led to it. */
	bool public_only;
	struct cancel *cancel; /* may be NULL */
	/* Called on the caller's thread, at most ten times a second; may be NULL. */
	void (*progress)(void *ctx, const struct download_progress *p);
	void *ctx;
};

struct download_file {
	const char *url, *path;
	int64_t size;       /* bytes, 0 = not known */
	const char *sha256; /* "" or NULL = not known: the one that the server states, if any */
};

/* Fetches a text into `out` (emptied first). Redirects are followed. ERR_LIMIT
 * if it is larger than out->max; other errors as download_file(). */
int download_text(const struct download_options *o, const char *url, struct buf *out,
                  struct err *err);

/* `ret_sha256` is that of the finished file. ERR_PERM for HTTP 401 and 403;
 * ERR_NOENT for 404 and 410; ERR_BUSY: another process is downloading it;
 * ERR_NOSPC; ERR_FORMAT: its size or hash is wrong (a resumed file is
 * downloaded a second time first); ERR_CANCELED; ERR_TIMEOUT, ERR_ENGINE: the
 * server or the connection failed; ERR_IO: the disk did. */
int download_file(const struct download_options *o, const struct download_file *f,
                  char ret_sha256[static HASH_HEX], struct err *err);

/* Downloads a file from any server: on one connection, without a hash, and
 * without the size if the server does not state it. A lost connection is
 * resumed if the server confirms that the file is still the same; so is an
 * interrupted download, by the next call for the same path. ERR_PERM: the
 * address is not public; ERR_LIMIT, ERR_TIMEOUT: more than `max` or
 * `total_timeout`; ERR_FORMAT: an empty file; ERR_IO; ERR_CANCELED. */
int download_stream(const struct download_options *o, const char *url, const char *path,
                    struct err *err);

/* The file name that a URL suggests. ERR_ARG unless it is an absolute http or
 * https URL without a password. The caller frees. Pure. */
int download_name(const char *url, char **ret, struct err *err);

struct sockaddr;
/* Whether an address belongs to this machine, a private network, or to no
 * single machine (RFC 6890). Pure. */
bool download_is_private(const struct sockaddr *a);

#endif
