/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file on a hub really is, how large it is, and
 * what its hash should be. */
#ifndef VDET_TRANSFER_DOWNLOAD_HEAD_H
#define VDET_TRANSFER_DOWNLOAD_HEAD_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "transfer/download.h"

#define DOWNLOAD_TAG_MAX 256

/* What the head of a reply says. */
struct download_reply {
	int status;
	int64_t length;      /* Content-Length, -1 = unknown */
	int64_t from, total; /* Content-Range, -1 = unknown */
	int64_t linked_size; /* X-Linked-Size, -1 = unknown */
	char hash[HASH_HEX]; /* X-Linked-Etag or ETag, if it is a SHA-256; else "" */
	int64_t retry_after; /* microseconds */
	char message[200];   /* X-Error-Message, "" = none */
	/* what identifies this version of the file: a strong ETag, else
	 * Last-Modified; "" = nothing */
	char tag[DOWNLOAD_TAG_MAX];
	bool is_private; /* a connection was refused: the address is not public */
};

struct download_head {
	char *url;    /* after all redirects; owned */
	bool foreign; /* on another host than the one that was asked: without the token */
	bool ranges;  /* parts can be asked for */
	int64_t size; /* -1 = unknown */
	char hash[HASH_HEX];
};
void download_head_clear(struct download_head *h);

/* Follows redirects, with back-off where the server asks for it. */
int download_head(const struct download_options *o, const char *url, struct download_head *ret,
                  struct err *err);

/* Header callback of curl; its context is a struct download_reply. */
size_t download_on_header(char *data, size_t size, size_t n, void *ctx);
void download_reply_reset(struct download_reply *r);
/* What each handle is set up with; for `foreign` hosts without the token.
 * `reply` gets what the head says, and whether the address is refused. */
void download_set_up(CURL *easy, const struct download_options *o, const char *url, bool foreign,
                     struct download_reply *reply, char *words);
/* For CURLOPT_OPENSOCKETFUNCTION: refuses addresses that are not public; its
 * context is a struct download_reply. */
curl_socket_t download_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a);
/* ERR_PERM, with the message for such an address. */
int download_private(struct err *err);

/* Whether a status or a lost line may pass by itself. */
bool download_passing(int status, CURLcode code);
/* One clear line about a status that ends it. */
int download_refused(const struct download_reply *r, const char *url, bool token, struct err *err);
/* How long to wait before try `attempt` (1…), at least what was asked for. */
int64_t download_pause(int attempt, int64_t asked);
/* Waits; ERR_CANCELED. */
int download_wait(const struct download_options *o, int64_t pause, struct err *err);
/* The URL for people: without query, which may hold a signature. Returns out. */
const char *download_show(const char *url, char out[static 300]);

#endif
