/* SPDX-License-Identifier: Apache-2.0 */
/* One upload, shared by the files of this module: upload-entry.c (lowest),
 * upload-part.c, upload.c. */
#ifndef VDET_NET_UPLOAD_UPLOAD_INTERNAL_H
#define VDET_NET_UPLOAD_UPLOAD_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "net/upload/upload.h"

enum { UPLOAD_KEEP_DONE = 86400 }; /* seconds that a complete upload is remembered */

struct upload {
	struct uploads *all;
	struct upload *next;
	char id[40];
	/* ID.json: length (absent: not known yet), metadata, name, request,
	 * created; fault: why there is no job; partial: true; final: the upload
	 * into which a partial one went; parts: those that went into a final one */
	json_t *facts;
	int64_t length; /* -1: not known yet */
	int64_t offset, touched;
	bool done;    /* the board has it */
	bool partial; /* only to be concatenated */
	bool held;    /* by the call with this serial number, which alone uses what follows */
	uint64_t serial;
	int fd;
	int64_t begin, end; /* of the part */
	int64_t flushed;    /* end of what the kernel was asked to write */
	struct hash *sum, *whole;
	int64_t hashed; /* bytes of the file that are in `whole`; -1: not from its start */
};

struct uploads {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	char *dir;
	struct board *board;
	int64_t expiry;
	void (*cut)(void *ctx, uint64_t serial);
	void *ctx;
	struct upload *first;
	size_t n;
};

char *upload_path(const struct uploads *u, const char *id, const char *ending);
struct upload *upload_new(struct uploads *u, const char *id);
void upload_free(struct upload *p);
int upload_save(const struct upload *p, struct err *err); /* writes ID.json */
void upload_unlink(const struct uploads *u, const char *id);
/* Notes that a partial upload went into a final one. It is remembered without
 * its bytes, so that a client that lost the reply can ask again. */
void upload_mark_part(struct upload *p, const char *final);
char *upload_fact(const struct upload *p, const char *name); /* NULL if absent */
int64_t upload_expires(const struct upload *p);

/* All bytes are here, but the board does not have it yet. */
bool upload_is_full(const struct upload *p);
/* The offset that clients see. Of an upload that is full it is one byte less: a
 * client that sees the full length believes that the video exists. */
int64_t upload_shown_offset(const struct upload *p);

/* With the lock held. upload_acquire() closes the connection that holds the
 * upload, and waits until it is free; ERR_NOENT, ERR_BUSY. */
struct upload *upload_find(struct uploads *u, const char *id);
int upload_acquire(struct uploads *u, const char *id, struct upload **ret, struct err *err);
void upload_hold(struct upload *p, uint64_t serial);
void upload_insert(struct upload *p);
void upload_read_state(const struct upload *p, struct upload_state *ret);

/* Without the lock, by the holder. */
void upload_release(struct upload *p);
/* Passes a full upload, whose file is synced, to the board. */
int upload_complete(struct upload *p, struct err *err);

#endif
