/* SPDX-License-Identifier: Apache-2.0 */
/* What a head answers a worker that asks where a source is, or where a result
 * belongs: addresses with a signature, which are valid for one thing and a
 * short time. All of it is JSON text, so that it can be carried by anything.
 * Pure; any thread. */
#ifndef VDET_REMOTE_ADDRESS_H
#define VDET_REMOTE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

/* What an address is of. */
enum remote_kind {
	REMOTE_SOURCE, /* bytes of a source */
	REMOTE_BLOCKS, /* the hashes of its blocks */
	REMOTE_BLOB,   /* where data of a result are sent */
	REMOTE_KINDS,
};
const char *remote_kind_name(enum remote_kind kind); /* "source", "blocks", "blob" */
/* ERR_ARG. */
int remote_kind_find(const char *name, enum remote_kind *ret, struct err *err);

enum {
	REMOTE_URL_MAX = 4000, /* the signature of an S3 server may have 2 kB */
	REMOTE_MARK_MAX = 160,
	REMOTE_TEXT_MAX = 16 << 10, /* of an answer */
	REMOTE_PATH_MAX = 4095,
	REMOTE_BLOB_MAX = 16 << 20,
};
#define REMOTE_SIZE_MAX (INT64_C(1) << 42) /* of a source: 4 TiB */

/* By what another server than the head says which version of a file it has; ""
 * if it does not. */
struct remote_marks {
	char etag[REMOTE_MARK_MAX], modified[REMOTE_MARK_MAX];
};

/* The answer; all strings are owned. */
struct remote_address {
	char *url;
	/* Of a source: the address is not of the head, but of the server that the
	 * head has it from. Redirects are followed there, and each reply must have
	 * these marks. */
	bool direct;
	struct remote_marks marks;
	/* Of a direct one that a client of a server has named: only public
	 * addresses are connected to, also after a redirect. */
	bool public_only;
	bool stay; /* of a direct one: no redirect is followed */
	/* Of a source only; otherwise NULL and 0. Without blocks_url, who asks has
	 * the hashes. */
	char *blocks_url;
	char blocks_sha256[HASH_HEX]; /* of the list of hashes that is there */
	int64_t size;
	char *path; /* of the file, as the head knows it; "" = unknown */
};
void remote_address_clear(struct remote_address *a);

/* The answer as text; the caller frees it. */
char *remote_address_text(const struct remote_address *a);
/* Reads it. ERR_PROTO names what is missing or out of range. */
int remote_address_parse(const char *text, size_t len, struct remote_address *ret, struct err *err);

/* ---- the signature */

enum { REMOTE_KEY_BYTES = 32 };

/* The part of an address after the '?': "expires=1700000000&signature=…", for
 * one kind of thing, its SHA-256 and until `expires` (Unix time in seconds). */
void remote_sign(const unsigned char key[static REMOTE_KEY_BYTES], enum remote_kind kind,
                 const char *sha256, int64_t expires, char out[static 120]);

enum remote_verdict { REMOTE_VALID, REMOTE_EXPIRED, REMOTE_FORGED };
/* `expires` and `signature` as they came, untrusted, or NULL; `now` is Unix
 * time in seconds. */
enum remote_verdict remote_verify(const unsigned char key[static REMOTE_KEY_BYTES],
                                  enum remote_kind kind, const char *sha256, const char *expires,
                                  const char *signature, int64_t now);

/* ---- paths that head and worker both see */

/* "FROM=TO", both absolute. Whether `path` is below FROM; *ret, which the
 * caller frees, is then the same file below TO. ERR_ARG for an invalid map. */
int remote_path_map_check(const char *map, struct err *err);
bool remote_path_map(const char *map, const char *path, char **ret);

#endif
