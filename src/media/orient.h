/* SPDX-License-Identifier: Apache-2.0 */
/* How a picture is turned to stand upright, from a display matrix: one of the
 * eight ways of a square. Pure. */
#ifndef VDET_MEDIA_ORIENT_H
#define VDET_MEDIA_ORIENT_H

#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <stdbool.h>

struct orient {
	bool swap; /* width and height change places */
	/* clockwise: 0, 90, 180, 270; mirrored pictures count as the turn that
	 * remains */
	int degrees;
	const char *chain; /* libavfilter chain that does it, "" for none */
};

/* The matrix of the frame if it has one, else of the stream, else upright.
 * Angles between are rounded. */
struct orient orient_of(const AVStream *st, const AVFrame *frame);
struct orient orient_from_matrix(const int32_t m[9]);

#endif
