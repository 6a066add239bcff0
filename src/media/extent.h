/* SPDX-License-Identifier: Apache-2.0 */
/* How long the video really is. */
#ifndef VDET_MEDIA_EXTENT_H
#define VDET_MEDIA_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "media/source.h"

struct extent {
	int64_t first;    /* time of the first frame */
	int64_t duration; /* end of the last frame */
	int64_t header;   /* what the container says, or 0 */
	int64_t frames;   /* packets counted, 0 if the header was believed */
	bool measured;    /* the header's was wrong or absent */
};

/* Reads every packet from here on, at the start of the file, and tells each
 * with a time to fn (may be NULL). Nothing is decoded. Leaves the source at its
 * end. */
typedef void extent_fn(void *ctx, const AVPacket *pkt, int64_t time);
int extent_scan(struct source *s, extent_fn *fn, void *ctx, struct extent *ret, struct err *err);

/* Compares the header with the packets at the end; where they disagree, walks
 * all packets. Moves the source. */
int extent_measure(struct source *s, struct extent *ret, struct err *err);

#endif
