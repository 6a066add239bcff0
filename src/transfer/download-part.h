/* SPDX-License-Identifier: Apache-2.0 */
/* The unfinished file of a download (NAME.part) and the list of what is
 * complete in it (NAME.part.json). The file is divided into pieces of equal
 * size, each filled from its start. Calls block for the disk. One thread at a
 * time. */
#ifndef VDET_TRANSFER_DOWNLOAD_PART_H
#define VDET_TRANSFER_DOWNLOAD_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "transfer/download.h"

struct download_part {
	char *path, *part, *note; /* the finished file, NAME.part, NAME.part.json */
	int fd;                   /* of NAME.part, with an exclusive lock */
	int64_t size, piece;      /* bytes: of the file, of a piece */
	int64_t *done;            /* of each piece: bytes that are there */
	size_t n;                 /* pieces */
	int64_t resumed;          /* bytes that were there when it was opened */
	char hash[HASH_HEX];
};

/* Opens or creates it for a file of this size and hash ("" = not known), with
 * about `pieces` pieces of 256 KiB to 32 MiB; what is there of another file is
 * dropped. Reserves the space. ERR_BUSY if another process has it open,
 * ERR_NOSPC, ERR_LIMIT for an impossible size. The caller closes `ret`. */
int download_part_open(const char *path, int64_t size, const char *hash, int64_t pieces,
                       struct download_part *ret, struct err *err);
/* Closes and frees; what is on disk stays. May be called twice. */
void download_part_close(struct download_part *p);

int64_t download_part_length(const struct download_part *p, size_t i); /* bytes of piece i */
int64_t download_part_total(const struct download_part *p);            /* bytes that are there */
/* Appends bytes to those of piece i. ERR_PROTO if they exceed the piece. */
int download_part_write(struct download_part *p, size_t i, const void *data, size_t len,
                        struct err *err);
/* Syncs the data, then writes the list. */
int download_part_save(struct download_part *p, struct err *err);
/* Removes the list: the next open starts from the beginning. */
void download_part_forget(struct download_part *p);
/* Hashes the file (progress is reported) and, if the hash is right or not
 * known, syncs it and renames it to its final name. ERR_FORMAT if it is not,
 * ERR_CANCELED. */
int download_part_finish(struct download_part *p, const struct download_options *o,
                         char ret_sha256[static HASH_HEX], struct err *err);

#endif
