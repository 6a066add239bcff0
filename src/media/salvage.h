/* SPDX-License-Identifier: Apache-2.0 */
/* The last decode path: files whose header or index is missing, but whose
 * pictures are still present. Finds them and makes an input that a demuxer can
 * read:
 *
 * - MP4 whose boxes are damaged at one place: the damaged bytes are replaced.
 * - MP4 without its index: the H.264 or HEVC units in its media data, found by
 * their syntax, as a raw stream. The parameter sets come from the stream itself
 * or from an intact file of the same camera.
 * - Matroska, MPEG-TS, raw H.264 or HEVC after a damaged beginning: from the
 * first intact byte. */
#ifndef VDET_MEDIA_SALVAGE_H
#define VDET_MEDIA_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "media/input.h"

/* Parameters from an intact file of the same camera. */
struct salvage_reference {
	bool hevc;  /* else H.264 */
	double fps; /* 0 if unknown */
	/* as in the container (avcC, hvcC) or with start codes; borrowed */
	const void *params;
	size_t params_len;
};

struct salvage {
	struct input *in;   /* owned */
	const char *format; /* the demuxer to use */
	double fps;         /* option of the demuxer, 0 if none */
	char what[200];     /* description for users */
};
void salvage_clear(struct salvage *s);

/* Searches `in` (borrowed, also by the result), with `ref` or NULL. 0, 1 if
 * nothing was found, or a read error. */
int salvage_find(struct input *in, const struct salvage_reference *ref, struct salvage *ret,
                 struct err *err);

#endif
