/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of sources that a worker keeps on its disk: one file each, named
 * by its SHA-256, at most so many bytes in all. A block that was not used for
 * the longest time is removed first. What is in a file is compared with its
 * name whenever it is read, so that a cache survives a restart, and a damaged
 * file is only a block that is missing.
 *
 * The folder belongs to one cache at a time. Thread-safe; calls block for the
 * disk. */
#ifndef VDET_REMOTE_CACHE_H
#define VDET_REMOTE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

struct remote_cache;

struct remote_cache_counts {
	int64_t blocks, bytes;                  /* now */
	int64_t hits, misses, evicted, damaged; /* since the cache was opened */
};

/* Makes the folder, or takes the blocks that are in it; removes what is above
 * `limit` bytes. ERR_ARG if the limit is smaller than 8 blocks; ERR_BUSY:
 * another process uses it. */
int remote_cache_open(const char *dir, int64_t limit, struct remote_cache **ret, struct err *err);
void remote_cache_free(struct remote_cache *c); /* leaves the files; NULL is fine */
DEFINE_FREEP(struct remote_cache, remote_cache)

/* From now on the cache leaves so many bytes of its disk free: blocks are
 * removed for a new one, or it is not kept. Before any other call. */
void remote_cache_leave(struct remote_cache *c, int64_t bytes);

/* Reads a block of exactly `len` bytes. False if it is not there, or damaged
 * (then it is removed). */
bool remote_cache_get(struct remote_cache *c, const unsigned char sha256[static HASH_MAX],
                      void *data, size_t len);
bool remote_cache_has(struct remote_cache *c, const unsigned char sha256[static HASH_MAX]);
/* Keeps a block whose content was compared with its hash. ERR_NOSPC, …: it is
 * not kept, which costs only time. */
int remote_cache_put(struct remote_cache *c, const unsigned char sha256[static HASH_MAX],
                     const void *data, size_t len, struct err *err);
/* Removes these blocks, as of a source that is not wanted any more, or all. */
void remote_cache_drop(struct remote_cache *c, const struct hash_blocks *blocks);
void remote_cache_clear(struct remote_cache *c);

struct remote_cache_counts remote_cache_count(struct remote_cache *c);

#endif
