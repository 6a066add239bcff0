/* SPDX-License-Identifier: Apache-2.0 */
/* Data of a result that are too large for a message, named by their SHA-256: a
 * worker sends them to its head, which keeps them until its journal has them:
 * in a folder for each worker within `dir`, and, once a result in the journal
 * names them, in `dir` itself. Any thread; calls block. */
#ifndef VDET_REMOTE_BLOB_H
#define VDET_REMOTE_BLOB_H

#include <stddef.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/hash.h"
#include "remote/source.h"

/* ---- worker */

/* Sends data of at most REMOTE_BLOB_MAX bytes; *ret_sha256 is their name. Done
 * when the head has confirmed that it has them. `cache` and `path_map` of the
 * options are not used. */
int remote_blob_put(const struct remote_options *o, const void *data, size_t len,
                    struct cancel *cancel, char ret_sha256[static HASH_HEX], struct err *err);

/* ---- head */

/* Keeps data of a worker under their name, durably; ERR_FORMAT if they have
 * another one. */
int remote_blob_store(const char *dir, const char *worker, const char *sha256, const void *data,
                      size_t len, struct err *err);
/* Reads one of the worker, or one that is settled, and compares it with its
 * name; the caller frees *ret. ERR_NOENT. */
int remote_blob_load(const char *dir, const char *worker, const char *sha256, unsigned char **ret,
                     size_t *ret_len, struct err *err);
/* A result of the worker that names it is in the journal: it is not one of the
 * worker's any more. */
void remote_blob_settle(const char *dir, const char *worker, const char *sha256);
/* Removes one that is settled; one that is not there is fine. */
void remote_blob_remove(const char *dir, const char *sha256);
/* Removes those of a worker, or, if that is NULL, all, that were stored longer
 * ago than this many microseconds. */
void remote_blob_expire(const char *dir, const char *worker, int64_t age);

/* Bytes on the disk that one of `len` bytes takes; an inode counts, too. */
int64_t remote_blob_size(int64_t len);
/* Those of the worker that are not settled. */
int64_t remote_blob_used(const char *dir, const char *worker);

#endif
