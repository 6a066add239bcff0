/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a JSON text in parts, and takes the videos out of it while they arrive:
 * the text stays small, however large they are. Pure apart from its sink.
 *
 * Data is the value of a text that is a data: URI in base64, or of "data" and
 * "file_data" without one. It is decoded, and the text gets "data:TYPE;vdet=N"
 * instead, with N from 0. A client can write that, too; it then names what it
 * sent itself. Whether the rest is JSON is for a parser to say. */
#ifndef VDET_NET_CHAT_SCAN_H
#define VDET_NET_CHAT_SCAN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { CHAT_SCAN_TEXT_MAX = 1 << 20 }; /* bytes of the text without data */

/* Where data goes: for each begin(), any number of write(), end(). An error of
 * one of them ends the scan, and is returned. */
struct chat_scan_sink {
	int (*begin)(void *ctx, struct err *err);
	int (*write)(void *ctx, const void *data, size_t len, struct err *err);
	int (*end)(void *ctx, struct err *err);
};

struct chat_scan;

/* `sink` is borrowed. */
struct chat_scan *chat_scan_new(const struct chat_scan_sink *sink, void *ctx);
void chat_scan_free(struct chat_scan *s);
DEFINE_FREEP(struct chat_scan, chat_scan)

/* The next part. ERR_FORMAT: the base64 is wrong; ERR_LIMIT: the text without
 * data is longer than CHAT_SCAN_TEXT_MAX. Not to be called after an error. */
int chat_scan_add(struct chat_scan *s, const char *data, size_t len, struct err *err);
/* The end of the text; *ret is the scanner's. ERR_FORMAT: it ends within a
 * string. */
int chat_scan_end(struct chat_scan *s, const struct buf **ret, struct err *err);

#endif
