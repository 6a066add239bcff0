/* SPDX-License-Identifier: Apache-2.0 */
/* The request TILES of role `media` (protocol/media-wire.h): many small
 * pictures on one sheet. */
#ifndef VDET_CHILD_MEDIA_TILES_H
#define VDET_CHILD_MEDIA_TILES_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "media/nearest.h"
#include "media/picture.h"

/* Access to the video, all borrowed. */
struct media_tools {
	const struct source *source;
	struct reader *reader;
	struct nearest *nearest;
	struct picture *picture;
};

/* Appends the sheet's JPEG to out. */
int media_tiles(const struct media_tools *l, const json_t *request, struct buf *out,
                struct err *err);

#endif
