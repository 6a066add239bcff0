/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges of a worker with the HTTP server of its head, or with the one that
 * the head has a video from: asks for an address, again when it has expired,
 * and tries again for a while where the server cannot be reached. Messages
 * never contain what may be secret of an address: all but its host. One thread
 * at a time. */
#ifndef VDET_REMOTE_FETCH_H
#define VDET_REMOTE_FETCH_H

#include <stdbool.h>

#include "remote/source.h"
#include "transfer/http.h"

struct remote_fetch {
	/* Borrowed. */
	const struct remote_options *options;
	struct http *http;
	const char *sha256;
	struct cancel *cancel[2]; /* either stops it; may be NULL */
	enum remote_kind kind;
	/* The last answer; cleared by remote_fetch_clear(). */
	struct remote_address address;
	int64_t asked; /* how often */
	bool relayed;  /* by the head, as the other server cannot be used */
	bool stale;    /* the address is not to be used again */
	bool looking;  /* there are no hashes yet: remote_fetch_look(), or the first pass */
};
void remote_fetch_clear(struct remote_fetch *f);

/* Asks for an address, for a while also where the head is not there. ERR_FORMAT
 * if a source is not any more what it was. */
int remote_fetch_ask(struct remote_fetch *f, struct err *err);

/* What the server of a direct address says of the file: its size and marks.
 * ERR_FORMAT: it is empty; ERR_UNSUPPORTED: it cannot send parts of a file. */
int remote_fetch_look(struct remote_fetch *f, int64_t *ret_size, struct remote_marks *ret,
                      struct err *err);

/* Bytes of the reply; pos counts from the first one that was asked for. A
 * negative code ends the exchange. */
typedef int remote_fetch_data(void *ctx, int64_t pos, const char *data, size_t len,
                              struct err *err);
/* Gets `len` bytes of the source at `from`, and continues where a reply was cut
 * off. Exactly `len` bytes were passed on if it returns 0. */
int remote_fetch_range(struct remote_fetch *f, int64_t from, int64_t len, remote_fetch_data *fn,
                       void *ctx, struct err *err);
/* Gets the list of hashes, of `len` bytes; begins at pos 0 again after a reply
 * was cut off. */
int remote_fetch_list(struct remote_fetch *f, int64_t len, remote_fetch_data *fn, void *ctx,
                      struct err *err);
/* Sends a blob. */
int remote_fetch_put(struct remote_fetch *f, const void *data, size_t len, struct err *err);

#endif
