/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, and SHA-1 where a protocol wants it (FIPS 180-4). Not thread-safe
 * per object. Aborts if libcrypto fails. */
#ifndef VDET_BASE_HASH_H
#define VDET_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

#define HASH_HEX 65 /* 64 digits and NUL */

struct hash;
struct hash *hash_new(void); /* SHA-256 */
struct hash *hash_new_sha1(void);
void hash_free(struct hash *h);
void hash_freep(struct hash **h);
void hash_add(struct hash *h, const void *data, size_t len);
/* with its NUL, so that fields cannot run together */
void hash_adds(struct hash *h, const char *s);
/* Lower-case hexadecimal; the object may only be freed afterwards. */
void hash_end(struct hash *h, char out[static HASH_HEX]);

/* Whether s is a SHA-256 in lower-case hexadecimal. */
bool hash_is_hex(const char *s);

/* SHA-256 of n texts. */
void hash_texts(const char *const *texts, size_t n, char out[static HASH_HEX]);

enum { HASH_MAX = 32 };
/* As hash_end(), but bytes: 32, or 20 of SHA-1; returns how many. */
size_t hash_end_bytes(struct hash *h, unsigned char out[static HASH_MAX]);

/* SHA-256 of a whole file from offset 0 by pread (the file offset is left
 * alone). Blocks; `done` (may be NULL) follows the bytes read, for progress.
 * ERR_CANCELED after `cancel` (may be NULL) has fired. */
int hash_fd(int fd, struct cancel *cancel, _Atomic int64_t *done, char out[static HASH_HEX],
            struct err *err);

/* The SHA-256 of each block of HASH_BLOCK bytes of a file, the last one
 * shorter; by them a part of the file can be checked alone. */
enum { HASH_BLOCK = 1 << 20 };
struct hash_blocks {
	unsigned char (*sums)[HASH_MAX]; /* owned */
	size_t n;
};
void hash_blocks_clear(struct hash_blocks *b);
/* How many blocks a file of `size` bytes has. */
size_t hash_blocks_of(int64_t size);
/* As hash_fd(), with the hashes of the blocks from the same pass, which the
 * caller clears. */
int hash_fd_blocks(int fd, struct cancel *cancel, _Atomic int64_t *done, char out[static HASH_HEX],
                   struct hash_blocks *ret, struct err *err);
/* SHA-256 of some bytes. */
void hash_bytes(const void *data, size_t len, unsigned char out[static HASH_MAX]);

#endif
