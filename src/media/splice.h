/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings that were put together byte by byte: their clock jumps back, and
 * with it whole parts would be lost. Finds the joints, and makes one timeline
 * of the parts. Only for formats whose clocks may jump (MPEG-TS, MPEG-PS). */
#ifndef VDET_MEDIA_SPLICE_H
#define VDET_MEDIA_SPLICE_H

#include <libavcodec/packet.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct source;

/* One part: from this byte on, `add` (microseconds) goes to every time; then it
 * lasts from `begin` to `end`. */
struct splice {
	int64_t pos, add, begin, end;
};

struct splices {
	struct splice *items;
	size_t n; /* 0 where there is but one part */
};
void splices_clear(struct splices *l);

/* A few looks at the clock along the file; where it went back, at every packet.
 * Leaves the source at its start. Errors are of memory. */
int splice_find(struct source *s, struct err *err);
/* A packet's times on the joint timeline, where there are parts. */
void splice_adjust(const struct source *s, AVPacket *pkt);
/* The byte at which to begin reading for t, by proportion: it may be too late. */
int64_t splice_pos(const struct source *s, int64_t t);

#endif
