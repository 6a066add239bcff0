/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads on disk: pieces of a file that arrive in order, over many connections
 * and runs of the server.
 *
 * ID.part is the file as far as it has come: its length is the truth. ID.json
 * says what it is to become; it stays for a day after the end, so that a client
 * that lost the last answer finds out. While a piece with a checksum is
 * written, ID.mark holds where it began: an unchecked piece never counts.
 *
 * Thread-safe; everything may wait for the disk. One piece at a time: who comes
 * second cuts off the first, as that is nearly always the same client after a
 * line that broke. */
#ifndef VDET_NET_UPLOAD_H
#define VDET_NET_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "board/board.h"

struct uploads;
struct upload;

struct upload_state {
	char id[40];
	int64_t offset, length, expires; /* Unix time, microseconds */
	char *metadata;                  /* as the client sent it; the caller frees */
	char *video, *job;               /* ids, once it is finished; else NULL */
	bool expired;
};
void upload_state_clear(struct upload_state *s);

/* Reads the folder; `cut` ends the connection of a call by its serial number. */
int uploads_open(const char *dir, struct board *board, int64_t expiry,
                 void (*cut)(void *ctx, uint64_t serial), void *ctx, struct uploads **ret,
                 struct err *err);
void uploads_free(struct uploads *u);
DEFINE_FREEP(struct uploads, uploads)
void uploads_sweep(struct uploads *u); /* drops what is too old */
size_t uploads_count(struct uploads *u);

/* ERR_LIMIT, ERR_NOSPC before the first byte. `request` (borrowed) is what
 * board_upload() is given at the end. */
int upload_create(struct uploads *u, int64_t length, const char *metadata, const char *name,
                  const json_t *request, char ret_id[static 40], struct err *err);
int upload_state(struct uploads *u, const char *id, struct upload_state *ret, struct err *err);
int upload_remove(struct uploads *u, const char *id, struct err *err);

enum upload_sum { UPLOAD_NO_SUM, UPLOAD_SHA1, UPLOAD_SHA256 };
/* Holds the upload for one piece that begins at `offset` (ERR_BUSY if it is
 * elsewhere) and has `length` bytes; upload_end() gives it back. */
int upload_begin(struct uploads *u, const char *id, uint64_t serial, int64_t offset, int64_t length,
                 enum upload_sum sum, struct upload **ret, struct err *err);
int upload_write(struct upload *p, const void *data, size_t len, struct err *err);
/* The piece is on disk afterwards. `wanted` is its checksum as bytes, or NULL:
 * ERR_FORMAT if it is another, and the piece is dropped. The last piece hands
 * the file to the board. */
int upload_end(struct upload *p, const unsigned char *wanted, struct upload_state *ret,
               struct err *err);
/* the connection is gone: what came is kept, unless it has a checksum */
void upload_break(struct upload *p);

#endif
