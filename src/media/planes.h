/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of a decoded frame: what the decoder returned, before scaling,
 * rotation and conversion of colors; and how its picture looks, for where
 * another decoder returns other samples. Pure, any thread. */
#ifndef VDET_MEDIA_PLANES_H
#define VDET_MEDIA_PLANES_H

#include <libavutil/frame.h>
#include <stdbool.h>

#include "base/hash.h"
#include "protocol/media-wire.h"

enum { PLANES_FORMAT_MAX = 64 };

struct planes_id {
	/* SHA-256 of the planes, in order, each of them row by row without padding;
	 * it equals that of `ffmpeg -f rawvideo -pix_fmt FORMAT` for this frame. */
	char sha256[HASH_HEX];
	char format[PLANES_FORMAT_MAX]; /* FORMAT WIDTHxHEIGHT: "yuv420p 1920x1080" */
};

/* The interleaved chroma of a device's frame (NV12, P010) is taken apart, so
 * that it has the identity of the same frame from a CPU. Returns false, and
 * empty strings, if the frame is not in memory. */
bool planes_identify(const AVFrame *f, struct planes_id *ret);
/* The mean levels of a picture for viewing (media/picture.h), 0 to 255, in a
 * grid of MEDIA_GRAY_COLUMNS x MEDIA_GRAY_ROWS, row by row in hexadecimal. */
void planes_gray(const AVFrame *pic, char out[static MEDIA_GRAY_HEX + 1]);
/* Loads what the first hash would load, which a sandbox refuses. */
void planes_prepare(void);

#endif
