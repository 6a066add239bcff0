/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says about a file before it is downloaded: address after
 * redirects, size, hash. Also the parts of an exchange that all downloads
 * share. Calls block unless they are marked as pure; any thread. */
#ifndef VDET_TRANSFER_DOWNLOAD_HEAD_H
#define VDET_TRANSFER_DOWNLOAD_HEAD_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "transfer/download.h"

#define DOWNLOAD_TAG_MAX 256

/* What the header of a reply says. */
struct download_reply {
	int status;          /* 0 until there is a reply */
	int64_t length;      /* Content-Length, -1 = unknown */
	int64_t from, total; /* Content-Range, -1 = unknown */
	int64_t linked_size; /* X-Linked-Size, -1 = unknown */
	char hash[HASH_HEX]; /* X-Linked-Etag or ETag, if it is a SHA-256; else "" */
	int64_t retry_after; /* microseconds */
	char message[200];   /* X-Error-Message, "" = none */
	/* what identifies this version of the file: a strong ETag, else
	 * Last-Modified; "" = nothing */
	char tag[DOWNLOAD_TAG_MAX];
	bool is_private; /* no connection was made, because the address is not public */
};

struct download_head {
	char *url;           /* after all redirects; owned */
	bool foreign;        /* of another origin than the first URL: gets no token */
	bool ranges;         /* the server serves ranges of bytes */
	int64_t size;        /* bytes, -1 = unknown */
	char hash[HASH_HEX]; /* SHA-256 as the first host states it; "" = not stated */
};
void download_head_clear(struct download_head *h);

/* Asks for the first byte of `url`, follows redirects, and tries again, with
 * growing pauses, up to o->retries times. ERR_PERM for 401, 403 and addresses
 * that are not allowed, ERR_NOENT for 404 and 410, ERR_TIMEOUT, ERR_CANCELED,
 * else ERR_ENGINE. The caller clears `ret`. */
int download_head(const struct download_options *o, const char *url, struct download_head *ret,
                  struct err *err);

/* Callback for CURLOPT_HEADERFUNCTION; its context is a struct download_reply. */
size_t download_on_header(char *data, size_t size, size_t n, void *ctx);
/* Before each try; keeps `is_private`. */
void download_reply_reset(struct download_reply *r);
/* Resets a handle and sets what all downloads have in common; no token if
 * `foreign`. `reply` receives what the header says and whether the address is
 * refused; it and `words` (CURL_ERROR_SIZE) must be valid until the transfer
 * ends. */
void download_set_up(CURL *easy, const struct download_options *o, const char *url, bool foreign,
                     struct download_reply *reply, char *words);
/* Callback for CURLOPT_OPENSOCKETFUNCTION: refuses addresses that are not
 * public; its context is a struct download_reply. */
curl_socket_t download_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a);
/* Returns ERR_PERM, with the message for such an address. */
int download_private(struct err *err);

/* Whether a retry may succeed after this status or error of libcurl. Pure. */
bool download_passing(int status, CURLcode code);
/* The error for a status that ends a download; never 0. Pure. */
int download_refused(const struct download_reply *r, const char *url, bool token, struct err *err);
/* Microseconds to wait before retry number `attempt` (from 1): 0.5 s, doubled
 * each time, at most 30 s; more if the server asked for more. Pure. */
int64_t download_pause(int attempt, int64_t asked);
/* Waits `pause` microseconds: 0, or ERR_CANCELED. */
int download_wait(const struct download_options *o, int64_t pause, struct err *err);
/* The URL for messages: without the query, which may contain a signature.
 * Returns out. Pure. */
const char *download_show(const char *url, char out[static 300]);

#endif
