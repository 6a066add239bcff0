/* SPDX-License-Identifier: Apache-2.0 */
/* Videos at http, https and s3 addresses, as a head reads them: in place, by
 * requests for ranges. Nothing vouches for what a server sends, so a video that
 * the journal does not know yet is read once from its beginning to its end, for
 * its SHA-256 and the hashes of its blocks; from then on each block is compared
 * with its hash, and each reply with the version that was read first.
 *
 * Names and passwords of an address, and what is behind its '?', are sent to
 * its server only. Thread-safe; calls block for the network. */
#ifndef VDET_REMOTE_WEB_H
#define VDET_REMOTE_WEB_H

#include <stdbool.h>

#include "remote/s3.h"
#include "remote/source.h"
#include "store/store.h"

struct remote_web_options { /* everything but the path is borrowed */
	struct store *store;
	const char *cache_dir; /* of blocks; is made when the first video is opened */
	int64_t cache_limit;   /* bytes */
	int64_t leave;         /* bytes of its disk that it leaves free */
	int64_t patience;      /* microseconds for which a server that fails is tried again */
	struct remote_s3 s3;
	/* Clients of a server name the addresses, not its user: http and https
	 * ones are connected to only if they are public, unless `private` says
	 * otherwise, and S3 servers, which the user has named, cannot redirect. */
	bool clients, private;
};

struct remote_web;
struct remote_web *remote_web_new(const struct remote_web_options *o);
void remote_web_free(struct remote_web *w); /* no video may be open; NULL is fine */
DEFINE_FREEP(struct remote_web, remote_web)

/* Whether it is an address that can be opened here, rather than a path. */
bool remote_is_address(const char *path);
/* Such an address without what may be secret: name, password, and what is
 * behind its '?'. The caller frees it. Pure. */
char *remote_address_name(const char *address);
/* Whether one of http or https can name a file; ERR_ARG says why not. Pure. */
int remote_address_check(const char *url, struct err *err);

struct remote_video_options { /* everything is borrowed */
	const char *address;
	const char *expected; /* SHA-256 that it has to have; NULL or "" = any */
	/* Of the first reading: called on the caller's thread; may be NULL. */
	void (*progress)(void *ctx, int64_t done, int64_t all);
	void *ctx;
	struct cancel *cancel;
	/* It was read before, and has the expected SHA-256: it is not read as a
	 * whole again. ERR_NOENT if the journal does not have its blocks any
	 * more. */
	bool known;
	/* Limits of the first reading, 0 = none: bytes of the video (ERR_LIMIT),
	 * clock_now() at which it ends (ERR_TIMEOUT). */
	int64_t max, until;
	/* As in struct remote_options; 0 = the patience of the options of all. */
	int64_t patience, block_within;
};

struct remote_video;

/* ERR_ARG: no such address, or settings; ERR_NOENT: the server has no such
 * file; ERR_PERM: it refuses it, or is not public; ERR_UNSUPPORTED: it does not
 * send parts of files; ERR_FORMAT: it is empty, changed while it was read, or
 * is not the expected one; ERR_IO: it cannot be reached; ERR_CANCELED. */
int remote_video_open(struct remote_web *w, const struct remote_video_options *o,
                      struct remote_video **ret, struct err *err);
/* Waits for those who read it by remote_web_fill(); no other read may be in
 * progress. NULL is fine. */
void remote_video_free(struct remote_video *v);
DEFINE_FREEP(struct remote_video, remote_video)

/* For journal, log and report: without what may be secret. */
const char *remote_video_name(const struct remote_video *v);
const char *remote_video_sha256(const struct remote_video *v);
/* Puts into the journal again what it knows of the video, which goes with the
 * video's last job there. */
int remote_video_keep(struct remote_video *v, struct err *err);
/* In place of a file where only size and stamp matter: it has the size of the
 * video, and cannot be read. */
int remote_video_fd(const struct remote_video *v);
/* For decoder_options.feed; its ctx is the video. After a failure other than
 * ERR_CANCELED every read fails at once. */
const struct decoder_feed *remote_video_feed(struct remote_video *v);
/* Writes these bytes of the video to the same place of a file. Blocks; errors
 * as of the feed, or of the file. */
int remote_video_copy(struct remote_video *v, int fd, int64_t from, int64_t len, struct err *err);
/* That failure; false if there was none. */
bool remote_video_fault(struct remote_video *v, struct err *ret);

/* ---- for the workers of a head: of the open video with this SHA-256 */

/* A new file in memory of its size, without content, and what it is called,
 * which the caller frees. ERR_NOENT. */
int remote_web_open(struct remote_web *w, const char *sha256, int *ret_fd, char **ret_name,
                    struct err *err);
/* The hashes of its blocks, which the caller clears. ERR_NOENT. */
int remote_web_blocks(struct remote_web *w, const char *sha256, struct hash_blocks *ret,
                      struct err *err);
/* Reads a part of the video into that file. ERR_NOENT, whatever has failed: it
 * will not be there later. */
int remote_web_fill(struct remote_web *w, const char *sha256, int fd, int64_t from, int64_t len,
                    struct err *err);
/* Removes the blocks of a video from the cache: it is not wanted any more. */
void remote_web_forget(struct remote_web *w, const struct hash_blocks *blocks);
/* False if there is none. Sets url, direct and marks to where a worker can read
 * it itself, for `valid` microseconds where it has to be signed; no url if only
 * the head can, as there is a password. */
bool remote_web_direct(struct remote_web *w, const char *sha256, int64_t valid,
                       struct remote_address *ret);

#endif
