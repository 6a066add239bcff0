/* SPDX-License-Identifier: Apache-2.0 */
/* The true duration of the video, for the index, the plan and the report.
 * Measured once for a source and kept in its timeline. */
#ifndef VDET_MEDIA_EXTENT_H
#define VDET_MEDIA_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "media/source.h"

struct extent {
	int64_t first;    /* time of the first frame */
	int64_t duration; /* end of the last frame */
	int64_t header;   /* according to the container, or 0 */
	int64_t frames;   /* packets counted, 0 if the header was used */
	bool measured;    /* the header's duration was wrong or absent */
};

/* Compares the header with the packets at the end; if they disagree, reads all
 * packets. Moves the source, unless it was measured before. ERR_FORMAT if there
 * are no packets. */
int extent_measure(struct source *s, struct extent *ret, struct err *err);

/* Measures, then reads all packets from the start of the file and passes each
 * that has a time to fn. Nothing is decoded. Leaves the source at its end. */
typedef void extent_fn(void *ctx, const AVPacket *pkt, int64_t time);
int extent_scan(struct source *s, extent_fn *fn, void *ctx, struct extent *ret, struct err *err);

#endif
