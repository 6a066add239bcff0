/* SPDX-License-Identifier: Apache-2.0 */
/* The last decode path: files whose header or index is gone, but whose
 * pictures are still there. Finds them and makes an input that a demuxer can
 * read:
 *
 * - MP4 whose boxes are broken at one place: that place is patched over.
 * - MP4 without its index: the H.264 or HEVC units in its media data, found by
 *   their form, as a bare stream. The parameter sets come from the stream
 *   itself or from a good file of the same camera.
 * - Matroska, MPEG-TS, bare H.264 or HEVC behind a damaged beginning: from
 *   where it is sound. */
#ifndef VDET_MEDIA_SALVAGE_H
#define VDET_MEDIA_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "media/input.h"

/* What a good file of the same camera tells. */
struct salvage_reference {
	bool hevc;  /* else H.264 */
	double fps; /* 0 if unknown */
	/* as the container keeps them (avcC, hvcC) or with start codes; borrowed */
	const void *params;
	size_t params_len;
};

struct salvage {
	struct input *in;   /* owned */
	const char *format; /* the demuxer to read it with */
	double fps;         /* its option, 0 if none */
	char what[200];     /* for people */
};
void salvage_clear(struct salvage *s);

/* Looks through `in` (borrowed, also by the result), with `ref` or NULL. 0, 1
 * where nothing was found, or an error of reading. */
int salvage_find(struct input *in, const struct salvage_reference *ref, struct salvage *ret,
                 struct err *err);

#endif
