/* SPDX-License-Identifier: Apache-2.0 */
/* A source that is on another machine, as a worker reads it: block by block,
 * each compared with its hash before anybody sees it, from a path that both can
 * see, from the cache on disk, or by HTTP from the head.
 *
 * Thread-safe: any number of decoders may read one source. Reads block, for the
 * network too, and observe their cancel. */
#ifndef VDET_REMOTE_SOURCE_H
#define VDET_REMOTE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "decoder/decoder.h"
#include "remote/address.h"
#include "remote/cache.h"

/* Asks the head for an address: *ret is JSON text (address.h), which the caller
 * frees. `relayed`: one of the head itself, since another server that it has
 * named cannot be used. Blocks; called by several threads. ERR_NOENT: the head
 * does not have it. */
struct remote_provider {
	int (*ask)(void *ctx, enum remote_kind kind, const char *sha256, bool relayed,
	           struct cancel *cancel, char **ret, struct err *err);
	void *ctx;
};

/* What all sources of a worker have cost. */
struct remote_meter {
	/* Blocks that were in the cache, without those that were just read ahead;
	 * blocks by HTTP. */
	_Atomic int64_t hits, hit_bytes, misses, miss_bytes;
	_Atomic int64_t wait; /* microseconds of readers until bytes were there, summed */
};

/* All borrowed until the source is freed. */
struct remote_options {
	struct remote_provider provider;
	struct remote_cache *cache; /* shared by all sources */
	const char *path_map;       /* "FROM=TO"; NULL or "" = none */
	const char *ca_file;        /* PEM certificates to trust beside the system's; NULL = none */
	/* Microseconds for which a head that cannot be reached is tried again; 0 =
	 * one minute. */
	int64_t patience;
	/* Microseconds in which each MiB of a reply has to come; 0 = five
	 * minutes. */
	int64_t block_within;
	struct remote_meter *meter; /* counts; NULL: nothing does */
	/* On the head, whose provider gives the address of the server that it reads
	 * itself: the hashes, which then are not asked for; else NULL. */
	const struct hash_blocks *blocks;
	int64_t size; /* with them: of the source */
};

struct remote_source;

/* Asks for an address, and gets the hashes of the blocks. `cancel` applies to
 * this call only. */
int remote_source_open(const struct remote_options *o, const char *sha256, struct cancel *cancel,
                       struct remote_source **ret, struct err *err);
/* No read may be in progress; NULL is fine. What is cached stays. */
void remote_source_free(struct remote_source *s);
DEFINE_FREEP(struct remote_source, remote_source)

/* For decoder_options.feed; borrows the source. */
const struct decoder_feed *remote_source_feed(struct remote_source *s);

/* Reads `len` bytes at `pos`, which must be within the source. Errors:
 * ERR_FORMAT (what was sent is not the source), ERR_NOENT (the head does not
 * have it any more), ERR_PERM, ERR_PROTO (replies that no head gives), ERR_IO
 * (it cannot be reached), ERR_CANCELED. */
int remote_source_read(struct remote_source *s, int64_t pos, void *data, size_t len,
                       struct cancel *cancel, struct err *err);

/* The last failure of a read other than ERR_CANCELED since the source was
 * opened; false if there was none. A unit whose frames are missing for this
 * reason has failed: that is not a hole of the video. */
bool remote_source_fault(struct remote_source *s, struct err *ret);

const char *remote_source_sha256(const struct remote_source *s);
int64_t remote_source_size(const struct remote_source *s);
/* Removes its blocks from the cache: it is not wanted any more. */
void remote_source_forget(struct remote_source *s);

struct remote_source_counts {
	int64_t fetched; /* bytes by HTTP, of blocks that were right */
	int64_t direct;  /* those of them that another server than the head sent */
	int64_t local;   /* bytes by the path */
	int64_t given;   /* bytes that were read */
	int64_t asked;   /* addresses that were asked for */
	int64_t wrong;   /* blocks with another hash */
};
struct remote_source_counts remote_source_count(struct remote_source *s);

#endif
