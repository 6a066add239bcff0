/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between processes over a stream socket: a type, a small JSON object,
 * and bytes.
 *
 *   magic "VDW1" | u32 type | u32 length of head | u32 length of blob | head |
 *   blob                                                     (little-endian)
 *
 * Received data is untrusted: lengths are compared with the receiver's limits
 * before anything is allocated, and the head must be one JSON object without
 * duplicate keys. The content is not checked further here. A connection belongs
 * to one thread at a time. Both calls block; the parent's end is a non-blocking
 * descriptor. */
#ifndef VDET_PROC_WIRE_H
#define VDET_PROC_WIRE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

enum { WIRE_HEADER = 16, WIRE_HEAD_MAX = 4 << 20, WIRE_BLOB_MAX = 64 << 20 };

struct wire_limits {
	size_t head, blob; /* bytes; at most the limits above */
};
#define WIRE_LIMITS_MAX ((struct wire_limits){.head = WIRE_HEAD_MAX, .blob = WIRE_BLOB_MAX})

struct wire_msg {
	uint32_t type;
	json_t *head;        /* owned; an object; NULL is sent as {} */
	unsigned char *blob; /* owned (malloc); NULL if empty */
	size_t blob_len;
};
void wire_msg_clear(struct wire_msg *m);

/* A part of a blob to send, borrowed. */
struct wire_part {
	const void *data;
	size_t len;
};

/* Sends type, head (borrowed) and the parts, which together are the blob.
 * ERR_DIED if the peer has ended, ERR_TIMEOUT when clock_now() >= deadline (0 =
 * never), ERR_CANCELED. */
int wire_send(int fd, uint32_t type, const json_t *head, const struct wire_part *parts,
              size_t n_parts, int64_t deadline, struct cancel *cancel, struct err *err);

/* Receives exactly one message. Errors as above; ERR_DIED at the end of the
 * stream, also in the middle of a message; ERR_PROTO for anything malformed or
 * above the limits. After an error the stream cannot be used any more. */
int wire_recv(int fd, const struct wire_limits *limits, int64_t deadline, struct cancel *cancel,
              struct wire_msg *ret, struct err *err);

/* The same from memory: one message at the start of data. *ret_used is the
 * number of bytes used. */
int wire_parse(const void *data, size_t len, const struct wire_limits *limits, struct wire_msg *ret,
               size_t *ret_used, struct err *err);

/* Read members of heads: an integer within [min, max], a number, a boolean, or
 * a string of at most `max` bytes without control characters (a new string; the
 * caller frees it). ERR_PROTO if missing or invalid. */
int wire_int(const json_t *head, const char *key, int64_t min, int64_t max, int64_t *ret,
             struct err *err);
int wire_real(const json_t *head, const char *key, double min, double max, double *ret,
              struct err *err);
int wire_bool(const json_t *head, const char *key, bool *ret, struct err *err);
int wire_string(const json_t *head, const char *key, size_t max, char **ret, struct err *err);

#endif
