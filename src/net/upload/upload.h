/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads on disk: parts of a file that arrive in order, over many connections
 * and runs of the server.
 *
 * ID.part is the file as received so far: its length is the offset. ID.json
 * holds length, metadata and the request for the board; it is kept for a day
 * after the end for clients that lost the last reply. While a part with a
 * checksum is written, ID.mark holds its start: it is cut off again if the
 * server is killed before the checksum was compared.
 *
 * An upload is complete when the transaction of board_upload() is: only then do
 * clients see the full length. If it fails, as on a full disk, the last part is
 * dropped, and its client sends it again. What a killed server left is
 * completed by uploads_open().
 *
 * Thread-safe; all functions may wait for the disk, except uploads_count(). One
 * part at a time: a second request for the same upload closes the connection of
 * the first, which is almost always the same client after a broken connection. */
#ifndef VDET_NET_UPLOAD_UPLOAD_H
#define VDET_NET_UPLOAD_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "board/board.h"

struct uploads;
struct upload;

struct upload_state {
	char id[40];
	int64_t offset, length; /* bytes; length -1: not known yet */
	int64_t expires;        /* Unix time, microseconds */
	char *metadata;         /* as the client sent it */
	char *video, *job;      /* ids once it is complete; else NULL */
	char *fault;            /* why the complete video has no job; NULL: nothing failed */
	char *concat;           /* the header Upload-Concat; NULL: none */
};
void upload_state_clear(struct upload_state *s);

/* Reads the folder. `cut` closes the connection of a call by its serial number;
 * it must not block. `board` is borrowed. */
int uploads_open(const char *dir, struct board *board, int64_t expiry,
                 void (*cut)(void *ctx, uint64_t serial), void *ctx, struct uploads **ret,
                 struct err *err);
void uploads_free(struct uploads *u);
DEFINE_FREEP(struct uploads, uploads)
void uploads_sweep(struct uploads *u);   /* removes expired uploads */
size_t uploads_count(struct uploads *u); /* incomplete ones */

enum { UPLOAD_PARTS_MAX = 64 };

/* All borrowed. */
struct upload_request {
	int64_t length; /* bytes; -1: not known yet */
	const char *metadata, *name;
	const json_t *request;               /* passed to board_upload() at the end */
	const char *concat;                  /* the header Upload-Concat; NULL: none */
	bool partial;                        /* only to be concatenated */
	const char *parts[UPLOAD_PARTS_MAX]; /* of a final upload: ids of partial ones */
	size_t n_parts;
};

/* Whether the board will take this request (board_check_upload()). */
int upload_check(struct uploads *u, const json_t *request, struct err *err);
/* ERR_LIMIT, ERR_NOSPC. */
int upload_create(struct uploads *u, const struct upload_request *q, char ret_id[static 40],
                  struct err *err);
/* Makes a complete upload of complete partial ones; sets q->length. `serial` of
 * the call. The same list again gives the same upload. ERR_BUSY: a partial one
 * is not complete. */
int upload_concat(struct uploads *u, struct upload_request *q, uint64_t serial,
                  char ret_id[static 40], struct err *err);
/* The caller clears *ret. */
int upload_state(struct uploads *u, const char *id, uint64_t serial, struct upload_state *ret,
                 struct err *err);
int upload_remove(struct uploads *u, const char *id, struct err *err);

enum upload_sum { UPLOAD_NO_SUM, UPLOAD_SHA1, UPLOAD_SHA256 };
struct upload_part {
	int64_t offset;
	int64_t length; /* bytes of the part; -1: not known */
	int64_t total;  /* of the file, as the client says now; -1: not said */
	enum upload_sum sum;
};
/* Acquires the upload for one part; ERR_BUSY while another request writes to
 * it, ERR_OFFSET if its offset is another, ERR_PERM if it is final. Release it
 * with upload_end() or upload_break(). */
int upload_begin(struct uploads *u, const char *id, uint64_t serial, const struct upload_part *q,
                 struct upload **ret, struct err *err);
int upload_write(struct upload *p, const void *data, size_t len, struct err *err);
/* Syncs the part to disk. `wanted` is its checksum as bytes, or NULL; if it
 * differs, the part is discarded: ERR_FORMAT. The last part passes the file to
 * the board. */
int upload_end(struct upload *p, const unsigned char *wanted, struct upload_state *ret,
               struct err *err);
/* The connection broke: keeps what was received, unless it has a checksum. */
void upload_break(struct upload *p);

#endif
