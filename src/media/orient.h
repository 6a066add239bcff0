/* SPDX-License-Identifier: Apache-2.0 */
/* The rotation and mirroring that make a picture upright, from a display
 * matrix: one of eight. Pure. */
#ifndef VDET_MEDIA_ORIENT_H
#define VDET_MEDIA_ORIENT_H

#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <stdbool.h>

struct orient {
	bool swap; /* width and height are exchanged */
	/* clockwise: 0, 90, 180, 270; for a mirrored picture, the rotation after
	 * mirroring */
	int degrees;
	const char *chain; /* libavfilter chain that does it, "" if none is needed */
};

/* Uses the matrix of the frame if it has one, else of the stream; without one
 * the picture is upright. Angles are rounded to multiples of 90. */
struct orient orient_of(const AVStream *st, const AVFrame *frame);
bool orient_is_rounded(const AVStream *st, const AVFrame *frame);
struct orient orient_from_matrix(const int32_t m[9]);

#endif
