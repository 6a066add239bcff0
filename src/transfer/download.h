/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads by HTTP: of model files, over several connections, each a part at a
 * time, checked against their SHA-256; and of a file from any server. Both
 * resume after any interruption, and put the file in place whole or not at all.
 *
 * An unfinished file is NAME.part. Beside it is what is needed to resume:
 * NAME.part.json, which lists the parts that are complete, or NAME.tag. Both
 * remain after an interruption, and the next call continues from them. A lock
 * keeps two processes apart. The token is sent to the host of the URL, and
 * never to another that it redirects to. Calls block; any thread. */
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
	/* Of download_stream(): bytes of the file at most, 0 = any; microseconds
	 * for all of it, 0 = no limit. */
	int64_t max, total_timeout;
	/* Nothing is fetched from this machine or a private network: each address
	 * that is connected to is checked, whatever name or redirect led there. */
	bool public_only;
	struct cancel *cancel;
	/* ten times a second at most; may be NULL */
	void (*progress)(void *ctx, const struct download_progress *p);
	void *ctx;
};

struct download_file {
	const char *url, *path;
	int64_t size;       /* 0 = not known */
	const char *sha256; /* "" = not known: the server's own is used where it sends one */
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

/* A file from a server of which nothing is known: on one connection, without a
 * hash, and without the size if the server does not send it. A lost connection
 * is resumed where the server says that the file is still the same; so is a
 * download that was interrupted, by the next call for the same path. ERR_PERM:
 * the address is not public; ERR_LIMIT, ERR_TIMEOUT: more than `max` or
 * `total_timeout`; ERR_FORMAT: an empty file; ERR_IO; ERR_CANCELED. */
int download_stream(const struct download_options *o, const char *url, const char *path,
                    struct err *err);

/* The file name that an address suggests. ERR_ARG unless it is a whole http or
 * https address without a password. The caller frees. Pure. */
int download_name(const char *url, char **ret, struct err *err);

struct sockaddr;
/* Whether an address belongs to this machine, a private network, or to no
 * single machine (RFC 6890). Pure. */
bool download_is_private(const struct sockaddr *a);

#endif
