/* SPDX-License-Identifier: Apache-2.0 */
/* The videos that a request brings as data: files that are written while it
 * arrives, and belong to the request until the board takes them. */
#ifndef VDET_NET_CHAT_DATA_H
#define VDET_NET_CHAT_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "net/chat/chat-scan.h"

enum { CHAT_DATA_MAX = 16 }; /* files of a request */

struct chat_file {
	char id[40]; /* unique: "chat-…" */
	char *path;
	int64_t size;
	char sha256[HASH_HEX];
};

struct chat_data {
	const char *dir;   /* borrowed */
	int64_t max, used; /* bytes of all files */
	struct chat_file files[CHAT_DATA_MAX];
	size_t n;
	/* Of the last file, while it is written. */
	int fd;
	struct hash *hash;
};

struct chat_data *chat_data_new(const char *dir, int64_t max);
/* Removes the files that the board did not take. */
void chat_data_free(struct chat_data *d);
DEFINE_FREEP(struct chat_data, chat_data)

/* ERR_LIMIT: too many files, or bytes; other errors of the disk. `ctx` is a
 * struct chat_data. */
extern const struct chat_scan_sink chat_data_sink;

#endif
