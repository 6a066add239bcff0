/* SPDX-License-Identifier: Apache-2.0 */
/* The unfinished file on disk, and the note of what of
 * it is there. */
#ifndef VDET_TRANSFER_DOWNLOAD_PART_H
#define VDET_TRANSFER_DOWNLOAD_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "transfer/download.h"

struct download_part {
	char *path, *part, *note; /* the finished file, NAME.part, NAME.part.json */
	int fd;                   /* locked */
	int64_t size, piece;
	int64_t *done; /* bytes that are there, of each piece */
	size_t n;
	int64_t resumed; /* bytes that were there when it was opened */
	char hash[HASH_HEX];
};

/* Opens or begins it, for a file of this size and hash ("" = not known): what
 * is left of another is dropped. Checks the free space. `pieces` is how many
 * there should be at least. */
int download_part_open(const char *path, int64_t size, const char *hash, int64_t pieces,
                       struct download_part *ret, struct err *err);
/* Closes it; what is on disk stays. */
void download_part_close(struct download_part *p);

int64_t download_part_length(const struct download_part *p, size_t i); /* of piece i */
int64_t download_part_total(const struct download_part *p);            /* bytes that are there */
/* Writes bytes of piece i behind those that are there. */
int download_part_write(struct download_part *p, size_t i, const void *data, size_t len,
                        struct err *err);
/* Puts the data on disk, then the note of it. */
int download_part_save(struct download_part *p, struct err *err);
/* Nothing of it is there any more. */
void download_part_forget(struct download_part *p);
/* Hashes it and, if it is what it should be, gives it its name. ERR_FORMAT if
 * not. */
int download_part_finish(struct download_part *p, const struct download_options *o,
                         char ret_sha256[static HASH_HEX], struct err *err);

#endif
